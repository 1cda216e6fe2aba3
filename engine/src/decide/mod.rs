//! The decision table: what is done with one key, given its base entry and what both sides hold now.
//!
//! Pure. [`decide`] is the table of MERGE row by row; [`contest`] settles two present records that differ.

pub mod contest;
#[cfg(test)]
mod tests;

use pinksync_model::{ConflictKind, Deletes, Direction, MergeMode, Side, Strategy};

use crate::home::Entry;
use crate::row::Row;

/// What a dataset's definition says about deciding.
#[derive(Debug, Clone)]
pub struct Rules {
    pub direction: Direction,
    pub strategy: Strategy,
    pub merge: MergeMode,
    pub deletes: Deletes,
    pub mirror: bool,
    pub clock_tolerance_microseconds: i64,
    /// Index of the field that says when a record was changed.
    pub modified_at: Option<usize>,
    /// A field's own strategy, by index.
    pub field_strategies: Vec<Option<Strategy>>,
    /// Indexes of the fields that are compared and written.
    pub compared: Vec<usize>,
    /// Records of this side could not be read and their keys are not known: absence proves nothing.
    pub source_incomplete: bool,
    pub target_incomplete: bool,
}

/// What is done to one side. New values always come from the other side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Act {
    #[default]
    None,
    Create,
    /// Only these fields.
    Update(Vec<usize>),
    Delete,
}

/// How a key counts where nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Written on a side.
    Written,
    Unchanged,
    Adopted,
    Settled,
    Drift,
    TargetOnly,
    /// A conflict that stays open.
    Open,
}

/// A conflict met on the way to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    pub kind: ConflictKind,
    /// A strategy settled it; otherwise it stays open.
    pub settled: bool,
}

/// What happens to the base entry once the writes are confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseMove {
    /// The entry stays as it was.
    Stay,
    /// The entry becomes what both sides hold afterwards (no entry where neither holds anything).
    Follow,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub source: Act,
    pub target: Act,
    pub class: Class,
    pub base: BaseMove,
    pub conflict: Option<Met>,
    /// Fields of both sides were combined.
    pub merged: bool,
    /// The sides are left different on purpose.
    pub kept: bool,
    /// A delete of a record the sync has never seen at the source.
    pub mirror: bool,
    /// For the plan, the journal and the conflict record.
    pub text: &'static str,
}

impl Decision {
    fn quiet(class: Class, base: BaseMove, text: &'static str) -> Self {
        let none = Act::None;
        Self {
            source: none.clone(),
            target: none,
            class,
            base,
            conflict: None,
            merged: false,
            kept: false,
            mirror: false,
            text,
        }
    }

    fn write(side: Side, act: Act, text: &'static str) -> Self {
        let mut decision = Self::quiet(Class::Written, BaseMove::Follow, text);
        match side {
            Side::Source => decision.source = act,
            Side::Target => decision.target = act,
        }
        decision
    }

    fn open(kind: ConflictKind) -> Self {
        let conflict = Some(Met { kind, settled: false });
        Self { conflict, ..Self::quiet(Class::Open, BaseMove::Stay, "waits for a person") }
    }

    fn settles(self, kind: ConflictKind) -> Self {
        Self { conflict: Some(Met { kind, settled: true }), ..self }
    }

    /// A record that is there and is not to be touched.
    pub fn left_alone() -> Self {
        Self::quiet(Class::Unchanged, BaseMove::Stay, "left alone")
    }

    /// The decided act of a side.
    pub fn act(&self, side: Side) -> &Act {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    pub fn writes(&self) -> bool {
        self.source != Act::None || self.target != Act::None
    }

    pub fn deletes(&self) -> Option<Side> {
        match (&self.source, &self.target) {
            (Act::Delete, _) => Some(Side::Source),
            (_, Act::Delete) => Some(Side::Target),
            _ => None,
        }
    }
}

/// How one side stands against its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Same,
    Changed,
    Gone,
}

fn stand(row: Option<&Row>, held: Option<&crate::home::Held>) -> Stand {
    match (row, held) {
        (None, None) => Stand::Same,
        (None, Some(_)) => Stand::Gone,
        (Some(row), Some(held)) if row.hash == held.hash => Stand::Same,
        (Some(_), _) => Stand::Changed,
    }
}

/// Decides one key. `source` and `target` are what the sides hold (in scope), `None` where they hold nothing.
pub fn decide(rules: &Rules, base: Option<&Entry>, source: Option<&Row>, target: Option<&Row>) -> Decision {
    match base {
        Some(base) => with_base(rules, base, source, target),
        None => without_base(rules, source, target),
    }
}

fn with_base(rules: &Rules, base: &Entry, source: Option<&Row>, target: Option<&Row>) -> Decision {
    let stands = (stand(source, base.source.as_ref()), stand(target, base.target.as_ref()));
    if stands == (Stand::Same, Stand::Same) {
        return Decision::quiet(Class::Unchanged, BaseMove::Stay, "unchanged");
    }
    if absence_proves_nothing(rules, base, source, target) {
        return Decision::quiet(Class::Unchanged, BaseMove::Stay, "not read completely");
    }
    let (source, target) = match (source, target) {
        (None, None) => return Decision::quiet(Class::Settled, BaseMove::Follow, "gone on both sides"),
        (Some(source), Some(target)) if source.hash == target.hash => {
            return Decision::quiet(Class::Settled, BaseMove::Follow, "equal on both sides");
        }
        sides => sides,
    };
    if rules.deletes == Deletes::Ignore && (source.is_none() || target.is_none()) {
        return ignored_delete(rules, source, base);
    }
    if base.kept {
        return conflict(rules, Some(base), source, target);
    }
    let one_way = rules.direction == Direction::OneWay;
    match stands {
        (Stand::Same, Stand::Same) => Decision::quiet(Class::Unchanged, BaseMove::Stay, "unchanged"),
        (Stand::Changed, Stand::Same) => copy(rules, base, Side::Target, source, target, "source changed"),
        (Stand::Same, Stand::Changed | Stand::Gone) if one_way => drift(rules, source, target),
        (Stand::Same, Stand::Changed) => copy(rules, base, Side::Source, source, target, "target changed"),
        (Stand::Gone, Stand::Same) => Decision::write(Side::Target, Act::Delete, "deleted at the source"),
        (Stand::Same, Stand::Gone) => Decision::write(Side::Source, Act::Delete, "deleted at the target"),
        (Stand::Changed | Stand::Gone, Stand::Changed | Stand::Gone) => conflict(rules, Some(base), source, target),
    }
}

fn without_base(rules: &Rules, source: Option<&Row>, target: Option<&Row>) -> Decision {
    match (source, target) {
        (None, None) => Decision::quiet(Class::Unchanged, BaseMove::Stay, "nothing there"),
        (Some(_), None) => Decision::write(Side::Target, Act::Create, "new at the source"),
        (None, Some(_)) if rules.direction == Direction::TwoWay => {
            Decision::write(Side::Source, Act::Create, "new at the target")
        }
        (None, Some(_)) if rules.mirror && !rules.source_incomplete => {
            Decision { mirror: true, ..Decision::write(Side::Target, Act::Delete, "mirror: not at the source") }
        }
        (None, Some(_)) => Decision::quiet(Class::TargetOnly, BaseMove::Stay, "only at the target"),
        (Some(one), Some(other)) if one.hash == other.hash => {
            Decision::quiet(Class::Adopted, BaseMove::Follow, "equal on both sides")
        }
        (Some(_), Some(_)) => conflict(rules, None, source, target),
    }
}

/// A record known to the base that is absent on a side which was not read completely may still be there.
fn absence_proves_nothing(rules: &Rules, base: &Entry, source: Option<&Row>, target: Option<&Row>) -> bool {
    (source.is_none() && base.source.is_some() && rules.source_incomplete)
        || (target.is_none() && base.target.is_some() && rules.target_incomplete)
}

/// `deletes: ignore`: the entry waits until the record comes back or both sides have lost it.
fn ignored_delete(rules: &Rules, source: Option<&Row>, base: &Entry) -> Decision {
    let recreates = rules.direction == Direction::OneWay && rules.strategy == Strategy::SourceWins;
    if recreates && source.is_some() && base.target.is_some() {
        return Decision::write(Side::Target, Act::Create, "source_wins re-creates what the target lost");
    }
    Decision::quiet(Class::Unchanged, BaseMove::Stay, "deletes are ignored")
}

/// One-way: only the target moved.
fn drift(rules: &Rules, source: Option<&Row>, target: Option<&Row>) -> Decision {
    if rules.strategy != Strategy::SourceWins {
        return Decision::quiet(Class::Drift, BaseMove::Stay, "target drifted");
    }
    match (source, target) {
        (Some(_), None) => Decision::write(Side::Target, Act::Create, "source_wins re-creates what the target lost"),
        (Some(source), Some(target)) => {
            let fields = contest::differing(rules, source, target);
            Decision::write(Side::Target, Act::Update(fields), "source_wins over drift")
        }
        (None, _) => Decision::write(Side::Target, Act::Delete, "source_wins over drift"),
    }
}

/// Only one side changed: the other follows. A side that lost the record as the base has it gets it anew.
fn copy(
    rules: &Rules,
    base: &Entry,
    to: Side,
    source: Option<&Row>,
    target: Option<&Row>,
    text: &'static str,
) -> Decision {
    match (source, target) {
        (Some(source), Some(target)) => {
            let fields = contest::to_copy(rules, base, to, source, target);
            if fields.is_empty() {
                return Decision::quiet(Class::Settled, BaseMove::Follow, "the other side holds it already");
            }
            Decision::write(to, Act::Update(fields), text)
        }
        _ => Decision::write(to, Act::Create, text),
    }
}

fn conflict(rules: &Rules, base: Option<&Entry>, source: Option<&Row>, target: Option<&Row>) -> Decision {
    match (source, target) {
        (Some(source), Some(target)) => contest::settle(rules, base, source, target),
        (Some(_), None) => edit_against_delete(rules, Side::Source, ConflictKind::UpdateDelete),
        (None, Some(_)) => edit_against_delete(rules, Side::Target, ConflictKind::DeleteUpdate),
        (None, None) => Decision::quiet(Class::Settled, BaseMove::Follow, "gone on both sides"),
    }
}

/// One side (`edited`) holds the record, the other deleted it.
fn edit_against_delete(rules: &Rules, edited: Side, kind: ConflictKind) -> Decision {
    let (winner, text) = match rules.strategy {
        Strategy::Manual => return Decision::open(kind),
        Strategy::SourceWins => (Side::Source, "source_wins"),
        Strategy::TargetWins => (Side::Target, "target_wins"),
        Strategy::NewestWins => (edited, "newest_wins: an edit outlives a delete"),
    };
    let written = winner.other();
    if written == Side::Source && rules.direction == Direction::OneWay {
        let kept = Decision { kept: true, ..Decision::quiet(Class::Settled, BaseMove::Follow, text) };
        return kept.settles(kind);
    }
    let act = if winner == edited { Act::Create } else { Act::Delete };
    Decision::write(written, act, text).settles(kind)
}
