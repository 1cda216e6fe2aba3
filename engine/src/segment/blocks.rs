//! The stored base under a unit of work: loading entries, and cutting what comes of them into blocks again.

use std::sync::Arc;

use pinksync_model::SessionId;

use crate::base::{self, Entries};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{BlockHeader, BlockId, Entry, Home};
use crate::key::{Key, KeyRange};

/// The entries of stored blocks, in key order.
pub async fn load(home: &dyn Home, dataset: &str, blocks: &[BlockHeader]) -> Result<Entries> {
    let ids: Vec<BlockId> = blocks.iter().map(|block| block.id).collect();
    let mut entries = Vec::new();
    for blob in home.load(dataset, &ids).await? {
        let decoded = base::decode(&blob)
            .map_err(|error| Error::new(ErrorKind::Data, "read the base", error.to_string()).with_source(error))?;
        entries.extend(decoded);
    }
    Ok(entries)
}

/// Divides entries into blocks of about `size` that cover `range` without gaps; up to twice as many stay together.
pub fn cut_into_blocks(range: &KeyRange, entries: Entries, size: usize) -> Vec<(KeyRange, Entries)> {
    let parts = (entries.len() + size / 2) / size.max(1);
    if parts <= 1 || entries.len() < size * 2 {
        return vec![(range.clone(), entries)];
    }
    let size = entries.len().div_ceil(parts);
    let mut blocks = Vec::with_capacity(parts);
    let mut low = range.low.clone();
    let mut rest = entries.into_iter().peekable();
    loop {
        let part: Entries = rest.by_ref().take(size).collect();
        let high = match rest.peek() {
            Some((next, _)) => Some(next.clone()),
            None => range.high.clone(),
        };
        blocks.push((KeyRange { low: low.take(), high: high.clone() }, part));
        low = high;
        if rest.peek().is_none() {
            return blocks;
        }
    }
}

/// The base around single keys: each block (or stretch without one) that holds some of them.
pub struct KeyBlocks {
    pub groups: Vec<KeyGroup>,
}

/// A stored block, or a stretch where none is, with its entries.
pub struct KeyGroup {
    pub range: KeyRange,
    pub loaded: Vec<BlockId>,
    pub entries: Entries,
    /// The session that last compared the whole block.
    pub checked_by: Option<SessionId>,
}

impl KeyBlocks {
    /// `keys` are sorted. A stretch without a block reaches to its neighbours, or, where `within` has a range around
    /// the key, not beyond that one.
    pub async fn load(home: &dyn Home, dataset: &str, keys: &[Key], within: &[KeyRange]) -> Result<Self> {
        let headers = home.blocks(dataset).await?;
        let mut groups: Vec<KeyGroup> = Vec::new();
        for key in keys {
            if groups.last().is_some_and(|group| group.range.contains(key)) {
                continue;
            }
            let mut group = group_of(home, dataset, &headers, key).await?;
            if let Some(bounds) = within.iter().find(|range| group.loaded.is_empty() && range.contains(key)) {
                group.range = intersection(&group.range, bounds);
            }
            groups.push(group);
        }
        Ok(Self { groups })
    }

    pub fn entry(&self, key: &Key) -> Option<&Arc<Entry>> {
        let group = self.groups.iter().find(|group| group.range.contains(key))?;
        let index = group.entries.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        Some(&group.entries[index].1)
    }
}

/// The keys in both ranges, which overlap.
fn intersection(one: &KeyRange, other: &KeyRange) -> KeyRange {
    let low = one.low.clone().max(other.low.clone());
    let high = match (&one.high, &other.high) {
        (Some(a), Some(b)) => Some(a.min(b).clone()),
        (a, b) => a.as_ref().or(b.as_ref()).cloned(),
    };
    KeyRange { low, high }
}

async fn group_of(home: &dyn Home, dataset: &str, headers: &[BlockHeader], key: &Key) -> Result<KeyGroup> {
    let after = headers.partition_point(|header| header.range.low.as_ref().is_none_or(|low| low <= key));
    let before = after.checked_sub(1).map(|index| &headers[index]);
    if let Some(header) = before.filter(|header| header.range.contains(key)) {
        let entries = load(home, dataset, std::slice::from_ref(header)).await?;
        let (range, checked_by) = (header.range.clone(), header.checked_by);
        return Ok(KeyGroup { range, loaded: vec![header.id], entries, checked_by });
    }
    let low = before.and_then(|header| header.range.high.clone());
    let high = headers.get(after).and_then(|header| header.range.low.clone());
    Ok(KeyGroup { range: KeyRange { low, high }, loaded: Vec::new(), entries: Vec::new(), checked_by: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::BLOCK_ENTRIES;

    #[test]
    fn blocks_cover_their_range_without_gaps() {
        let key = |n: usize| Key::from_bytes((n as u32).to_be_bytes().to_vec());
        for count in [0, 1, 999, 1999, 2000, 5000, 16_001] {
            let entries: Vec<_> = (0..count).map(|n| (key(n), Arc::new(Entry::default()))).collect();
            let range = KeyRange { low: None, high: Some(key(1_000_000)) };
            let blocks = cut_into_blocks(&range, entries, BLOCK_ENTRIES);
            assert_eq!(blocks.iter().map(|(_, entries)| entries.len()).sum::<usize>(), count);
            assert_eq!((&blocks[0].0.low, &blocks[blocks.len() - 1].0.high), (&None, &range.high));
            assert!(blocks.windows(2).all(|two| two[0].0.high == two[1].0.low));
            assert!(blocks.iter().all(|(range, entries)| entries.iter().all(|(key, _)| range.contains(key))));
            assert!(blocks.iter().all(|(_, entries)| entries.len() < 2 * BLOCK_ENTRIES));
        }
    }
}
