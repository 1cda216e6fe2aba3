//! A part of the base that a unit of work replaces, and the blocks that take its place.

use std::ops::Range;
use std::sync::Arc;

use super::blocks::KeyGroup;
use super::carry::Item;
use crate::base::{self, Entries};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{BaseChange, BlockId, BlockSums, Entry, NewBlock};
use crate::key::{Key, KeyRange};
use crate::pair::PlannedRange;

/// A part of the base that this unit replaces, and the items in it.
pub struct Stretch {
    pub range: KeyRange,
    loaded: Vec<BlockId>,
    /// Entries of the loaded blocks that this unit did not look at: outside the range that was read.
    beyond: Entries,
    /// The range of `beyond`.
    remainder: Option<KeyRange>,
    /// All entries of a block of which only some keys were looked at.
    pub around: Entries,
    pub items: Range<usize>,
    /// Every record of the range was compared: sums may be stored.
    pub whole: bool,
    checked: bool,
}

impl Stretch {
    /// A range that was read, perhaps cut inside a block.
    pub fn of_range(range: KeyRange, planned: &PlannedRange, entries: Entries, first: usize) -> Self {
        let reached = |low: &Option<Key>| match (&range.high, low) {
            (Some(high), Some(low)) => low < high,
            _ => true,
        };
        let blocks = planned.blocks.iter().filter(|block| reached(&block.range.low));
        let (mut loaded, mut remainder) = (Vec::new(), None);
        for block in blocks {
            loaded.push(block.id);
            if let Some(high) = range.high.as_ref().filter(|high| block.range.contains(high)) {
                remainder = Some(KeyRange { low: Some(high.clone()), high: block.range.high.clone() });
            }
        }
        let beyond = match &remainder {
            Some(remainder) => entries.into_iter().filter(|(key, _)| remainder.contains(key)).collect(),
            None => Vec::new(),
        };
        let around = Vec::new();
        Self { range, loaded, beyond, remainder, around, items: first..first, whole: true, checked: true }
    }

    pub fn ending_at(mut self, end: usize) -> Self {
        self.items.end = end;
        self
    }

    /// A block of which single keys were looked at.
    pub fn of_group(group: KeyGroup, checked: bool, items: &[Item]) -> Self {
        let start = items.partition_point(|item| group.range.low.as_ref().is_some_and(|low| item.triple.key < *low));
        let end = items.partition_point(|item| group.range.high.as_ref().is_none_or(|high| item.triple.key < *high));
        Self {
            range: group.range,
            loaded: group.loaded,
            beyond: Vec::new(),
            remainder: None,
            around: group.entries,
            items: start..end,
            whole: false,
            checked,
        }
    }

    /// The new blocks of the stretch, each with its sums.
    pub fn change(&self, parts: Vec<(KeyRange, Entries)>, sums: Vec<Option<BlockSums>>) -> Result<BaseChange> {
        let mut blocks = Vec::with_capacity(parts.len() + 1);
        for ((range, entries), sums) in parts.into_iter().zip(sums) {
            blocks.push(encode_block(range, &entries, sums, self.checked)?);
        }
        let mut range = self.range.clone();
        if let Some(remainder) = &self.remainder {
            blocks.push(encode_block(remainder.clone(), &self.beyond, None, false)?);
            range.high = remainder.high.clone();
        }
        Ok(BaseChange { range, loaded: self.loaded.clone(), blocks })
    }
}

/// A block as it is stored.
pub(crate) fn encode_block(
    range: KeyRange,
    entries: &[(Key, Arc<Entry>)],
    sums: Option<BlockSums>,
    checked: bool,
) -> Result<NewBlock> {
    let blob = base::encode(entries)
        .map_err(|error| Error::new(ErrorKind::Other, "encode the base", error.to_string()).with_source(error))?;
    Ok(NewBlock { range, entries: entries.len() as u64, blob, sums, checked })
}
