//! How items count: in the report of this session, and in that of one that finds nothing changed.

use pinksync_model::Side;

use super::carry::{Fate, Item};
use super::scope::rests_on_absence;
use crate::decide::{Act, Class};
use crate::home::{BlockCounts, Tally};
use crate::mapping::Mapping;

/// What an item adds to the report.
pub fn tally(item: &Item) -> Tally {
    let mut tally = Tally::default();
    match &item.fate {
        Fate::Done => {}
        Fate::WaitsForGuards | Fate::SetAside(..) | Fate::Moved | Fate::Contended => return tally,
        Fate::Rejected(..) | Fate::Unreadable => return Tally::REJECTED,
        Fate::LeftAlone => return Tally::LEFT_ALONE,
        Fate::OutOfScope => return Tally::OUT_OF_SCOPE,
    }
    match &item.decision.target {
        Act::None => {}
        Act::Create => tally.insert(Tally::CREATED_TARGET),
        Act::Update(_) => tally.insert(Tally::UPDATED_TARGET),
        Act::Delete => tally.insert(Tally::DELETED_TARGET),
    }
    match &item.decision.source {
        Act::None => {}
        Act::Create => tally.insert(Tally::CREATED_SOURCE),
        Act::Update(_) => tally.insert(Tally::UPDATED_SOURCE),
        Act::Delete => tally.insert(Tally::DELETED_SOURCE),
    }
    match item.decision.class {
        Class::Written | Class::Open => {}
        Class::Unchanged if item.triple.base.is_none() => {}
        Class::Unchanged => tally.insert(Tally::UNCHANGED),
        Class::Adopted => tally.insert(Tally::ADOPTED),
        Class::Settled => tally.insert(Tally::SETTLED),
        Class::Drift => tally.insert(Tally::DRIFT),
        Class::TargetOnly => tally.insert(Tally::TARGET_ONLY),
    }
    if item.decision.conflict.is_some_and(|met| met.settled) {
        tally.insert(Tally::RESOLVED);
    }
    if item.decision.merged {
        tally.insert(Tally::MERGED);
    }
    if item.transformed {
        tally.insert(Tally::TRANSFORMED);
    }
    tally
}

/// How these records count when the next session finds nothing changed; `None`: they must be compared again.
pub fn block_counts(mapping: &Mapping, items: &[Item]) -> Option<BlockCounts> {
    let rules = &mapping.rules;
    // Sums see only what is in scope, and only what is compared: what comes into being outside of the filter is not
    // noticed.
    let filtered = mapping.source.filter.is_some();
    // A time that is not compared may settle a conflict without a sum noticing.
    let hidden_time = rules.modified_at.is_some_and(|time| !rules.compared.contains(&time));
    let mut counts = BlockCounts::default();
    for item in items {
        let present = item.hash_after(Side::Source).is_some() || item.hash_after(Side::Target).is_some();
        counts.records += u64::from(present);
        match (&item.fate, item.decision.class) {
            (Fate::Done, Class::Open) if hidden_time => return None,
            (Fate::Done, Class::Open | Class::Drift) if filtered && rests_on_absence(&item.triple, &item.decision) => {
                return None;
            }
            (Fate::Done, Class::Open) => counts.open += 1,
            (Fate::Done, Class::Drift) => counts.drift += 1,
            (Fate::Done, Class::TargetOnly) => counts.target_only += 1,
            (Fate::Done, Class::Written | Class::Unchanged | Class::Adopted | Class::Settled) => {
                counts.unchanged += u64::from(present || item.decision.class == Class::Unchanged);
            }
            (
                Fate::OutOfScope
                | Fate::WaitsForGuards
                | Fate::SetAside(..)
                | Fate::Rejected(..)
                | Fate::Moved
                | Fate::Contended
                | Fate::LeftAlone
                | Fate::Unreadable,
                _,
            ) => return None,
        }
    }
    Some(counts)
}
