//! What brings one record of one side back.

use pinksync_model::{IndexMap, PlanAction, PlanLine, Side};

use crate::connector::{Change, Found, Write};
use crate::home::{Applied, Before, JournalEntry, Tally};
use crate::json;
use crate::pair::Pair;
use crate::row::{Hash, Row};
use crate::value::Value;

/// What is to be done to one record of one side.
pub enum Step {
    /// Guarded write that brings the before-image back, and what the journal says of it.
    Write(Write, PlanAction, Applied),
    /// The record is as it was before the session.
    Already,
    /// Somebody changed it since.
    LeftAlone,
}

/// What takes back what a session `applied`, given what is there now.
pub fn step(pair: &Pair, side: Side, applied: &Applied, found: &Found) -> Step {
    let now = match found {
        Found::Absent => None,
        Found::Row(row) => Some(row),
        Found::Unreadable(_) => return Step::LeftAlone,
    };
    let hash: Option<Hash> = now.map(|row| row.hash);
    if hash != applied.after_hash {
        return if hash == applied.before_hash { Step::Already } else { Step::LeftAlone };
    }
    let (change, action) = match (&applied.before, now) {
        (Before::Absent, Some(_)) => (Change::Delete, PlanAction::Delete),
        (Before::Fields(values), Some(row)) => match differing(pair, side, values, row) {
            set if set.is_empty() => return Step::Already,
            set => (Change::Update(set), PlanAction::Update),
        },
        (Before::Image(image), None) => (Change::Restore(image.clone()), PlanAction::Create),
        (Before::Fields(values), None) => (Change::Create(values.clone()), PlanAction::Create),
        (Before::Absent, None) => return Step::Already,
        (Before::Image(_), Some(_)) => return Step::LeftAlone,
    };
    let key = now.map_or_else(|| applied.native_key.clone(), |row| row.native_key(pair.mapping.spec(side)));
    let undone = Applied {
        native_key: key.clone(),
        before: now.map_or(Before::Absent, |row| Before::Fields(row.native.clone())),
        before_hash: hash,
        after_hash: applied.before_hash,
    };
    Step::Write(Write { key, expect: hash, change }, action, undone)
}

/// The fields whose native value is another than before.
fn differing(pair: &Pair, side: Side, before: &[Value], now: &Row) -> Vec<(usize, Value)> {
    let spec = pair.mapping.spec(side);
    spec.compared()
        .filter(|&index| before[index] != now.native[index])
        .map(|index| (index, before[index].clone()))
        .collect()
}

pub fn counter(side: Side, action: PlanAction) -> Tally {
    match action {
        PlanAction::Create => Tally::created(side),
        PlanAction::Update => Tally::updated(side),
        PlanAction::Delete => Tally::deleted(side),
        PlanAction::Conflict => Tally::LEFT_ALONE,
    }
}

pub fn line(pair: &Pair, side: Option<Side>, entry: &JournalEntry, action: PlanAction, decision: &str) -> PlanLine {
    PlanLine {
        dataset: pair.name().to_owned(),
        key: json::key(&pair.mapping.source, &pair.mapping.fields, &entry.key),
        action,
        to: side,
        fields: IndexMap::new(),
        decision: decision.to_owned(),
    }
}
