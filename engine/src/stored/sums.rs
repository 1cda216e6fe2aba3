//! A block's sums as bytes.

use super::StoredError;
use crate::codec::Reader;
use crate::connector::RangeSum;
use crate::home::{BlockCounts, BlockSums};
use crate::row::Hash;

/// Sums as bytes.
pub fn encode(sums: &BlockSums) -> Vec<u8> {
    let BlockCounts { records, unchanged, drift, target_only, out_of_scope, open } = sums.counts;
    let numbers = [
        sums.source.count,
        sums.source.hash,
        sums.target.count,
        sums.target.hash,
        records,
        unchanged,
        drift,
        target_only,
        out_of_scope,
        open,
    ];
    let mut bytes = sums.fingerprint.0.to_vec();
    bytes.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
    bytes
}

/// The sums that [`encode`] was given.
pub fn decode(bytes: &[u8]) -> Result<BlockSums, StoredError> {
    let mut reader = Reader::new(bytes);
    let fingerprint = Hash(reader.array()?);
    let mut number = || reader.array().map(u64::from_le_bytes);
    Ok(BlockSums {
        source: RangeSum { count: number()?, hash: number()? },
        target: RangeSum { count: number()?, hash: number()? },
        fingerprint,
        counts: BlockCounts {
            records: number()?,
            unchanged: number()?,
            drift: number()?,
            target_only: number()?,
            out_of_scope: number()?,
            open: number()?,
        },
    })
}
