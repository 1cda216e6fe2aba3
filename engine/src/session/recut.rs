//! Blocks into which many records have come are cut before they are compared.
//!
//! A side that publishes settles all of a dataset at once, from the blocks that were there when it was planned: a segment
//! that turns out too large cannot be cut inside a block there, and would be read whole.

use super::Session;
use crate::base;
use crate::error::{Error, ErrorKind, Result};
use crate::home::{BaseChange, BlockHeader, Settlement};
use crate::key::{Key, KeyRange};
use crate::pair::Pair;
use crate::segment::encode_block;

/// Cut points inside a block from which on it is cut; each stands for about a block of records.
const GROWN: usize = 2;

/// Cuts those of `open` (blocks to be compared) that have grown, at `cuts`. True: the base has other blocks now.
pub async fn cut_grown(session: &Session, pair: &Pair, open: &[&BlockHeader], cuts: &[Key]) -> Result<bool> {
    let mut base = Vec::new();
    for header in open {
        let inner: Vec<&Key> = cuts.iter().filter(|cut| is_inside(cut, &header.range)).collect();
        if inner.len() >= GROWN {
            base.push(cut_block(session, pair, header, &inner).await?);
        }
    }
    if base.is_empty() {
        return Ok(false);
    }
    let settlement = Settlement { base, ..Settlement::default() };
    session.home.settle(session.id, pair.name(), &settlement).await?.done("cut blocks that have grown")?;
    Ok(true)
}

fn is_inside(key: &Key, range: &KeyRange) -> bool {
    range.contains(key) && range.low.as_ref() != Some(key)
}

/// The same entries in a block for each part.
async fn cut_block(session: &Session, pair: &Pair, header: &BlockHeader, cuts: &[&Key]) -> Result<BaseChange> {
    let damaged = |message: String| Error::new(ErrorKind::Data, "read the base", message);
    let blob = session.home.load(pair.name(), &[header.id]).await?.pop();
    let blob = blob.ok_or_else(|| damaged("a block was asked for and not given".to_owned()))?;
    let entries = base::decode(&blob).map_err(|error| damaged(error.to_string()))?;
    let (mut rest, mut low) = (entries.as_slice(), header.range.low.clone());
    let mut blocks = Vec::with_capacity(cuts.len() + 1);
    for high in cuts.iter().map(|cut| Some(*cut)).chain([header.range.high.as_ref()]) {
        let end = rest.partition_point(|(key, _)| high.is_none_or(|high| key < high));
        let (part, after) = rest.split_at(end);
        let range = KeyRange { low: low.take(), high: high.cloned() };
        blocks.push(encode_block(range, part, None, false)?);
        (rest, low) = (after, high.cloned());
    }
    Ok(BaseChange { range: header.range.clone(), loaded: vec![header.id], blocks })
}
