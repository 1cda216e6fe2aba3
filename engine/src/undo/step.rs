//! What brings one record of one side back.

use pinksync_model::{FieldChange, IndexMap, PlanAction, PlanLine, Side};

use crate::connector::{Change, Found, RowImage, Write};
use crate::home::{Applied, Before, JournalEntry, Tally};
use crate::json;
use crate::pair::Pair;
use crate::reduce;
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

/// What a write brings back: of each field what the side holds now, and as `base` what it held before the session.
pub fn fields(pair: &Pair, side: Side, write: &Write, undone: &Applied) -> IndexMap<String, FieldChange> {
    let spec = pair.mapping.spec(side);
    let column = |index: usize, native: &Value| {
        let column = &spec.columns[index];
        // A value that has no common form is told as the side gave it.
        json::value(&reduce::reduce(native, &column.native, &column.common).unwrap_or_else(|_| native.clone()))
    };
    let in_image = |image: &RowImage, index: usize| {
        let found = image.iter().find(|(name, _)| *name == spec.columns[index].name);
        found.map(|(_, native)| column(index, native))
    };
    let held = |before: &Before, index: usize| match before {
        Before::Absent => None,
        Before::Fields(values) => values.get(index).map(|native| column(index, native)),
        Before::Image(image) => in_image(image, index),
    };
    let back = |index: usize| match &write.change {
        Change::Delete => None,
        Change::Create(values) => values.get(index).map(|native| column(index, native)),
        Change::Update(set) => set.iter().find(|(at, _)| *at == index).map(|(_, native)| column(index, native)),
        Change::Restore(image) => in_image(image, index),
    };
    let changed = |index: &usize| match &write.change {
        Change::Update(set) => set.iter().any(|(at, _)| at == index),
        Change::Create(_) | Change::Delete | Change::Restore(_) => true,
    };
    let change = |index: usize| {
        let (base, now) = (back(index), held(&undone.before, index));
        let (source, target) = if side == Side::Source { (now, None) } else { (None, now) };
        (pair.mapping.fields[index].clone(), FieldChange { base, source, target })
    };
    (0..spec.columns.len()).filter(changed).map(change).collect()
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
