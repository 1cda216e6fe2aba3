//! How a home keeps the base's ranges, and when it refuses a change: whatever it stands on, entries must not be lost.

use std::collections::HashSet;

use super::StoredError;
use crate::home::{BaseChange, BlockId, Settled};
use crate::key::{Key, KeyRange};

/// The lower bound as it is stored: no key is smaller than no bytes.
pub fn low(range: &KeyRange) -> &[u8] {
    range.low.as_deref().unwrap_or_default()
}

/// The range of stored bounds.
pub fn range(low: Vec<u8>, high: Option<Vec<u8>>) -> KeyRange {
    KeyRange { low: (!low.is_empty()).then(|| Key::from_bytes(low)), high: high.map(Key::from_bytes) }
}

/// The new blocks must cover the stretch in order and without a gap, or entries would be lost or stand twice.
pub fn check(change: &BaseChange) -> Result<(), StoredError> {
    let mut at = Some(low(&change.range));
    for block in &change.blocks {
        let high = block.range.high.as_deref();
        let empty = high.is_some_and(|high| high <= low(&block.range));
        if empty || at != Some(low(&block.range)) {
            return Err(StoredError::Refused("the new blocks of a change leave a gap or overlap".to_owned()));
        }
        at = high;
    }
    if change.blocks.is_empty() || at != change.range.high.as_deref() {
        return Err(StoredError::Refused("the new blocks of a change do not end where it ends".to_owned()));
    }
    Ok(())
}

/// Whether the blocks that share a key with a change's range are those that were loaded.
pub fn compare(change: &BaseChange, present: &[(BlockId, KeyRange)]) -> Result<Settled, StoredError> {
    let loaded: HashSet<BlockId> = change.loaded.iter().copied().collect();
    if present.len() != loaded.len() || present.iter().any(|(id, _)| !loaded.contains(id)) {
        return Ok(Settled::Moved);
    }
    if present.iter().any(|(_, range)| !inside(range, &change.range)) {
        let message = "a change of the base would cut a block in two and lose a part of it";
        return Err(StoredError::Refused(message.to_owned()));
    }
    Ok(Settled::Done)
}

fn inside(inner: &KeyRange, outer: &KeyRange) -> bool {
    low(inner) >= low(outer)
        && outer.high.as_ref().is_none_or(|end| inner.high.as_ref().is_some_and(|high| high <= end))
}
