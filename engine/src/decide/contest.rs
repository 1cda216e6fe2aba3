//! Two present records that differ: which fields go where, and whether that needed a decision.

use std::cmp::Ordering;

use pinksync_model::{ConflictKind, Direction, MergeMode, Side, Strategy};

use super::{Act, BaseMove, Class, Decision, Rules};
use crate::home::{Entry, Held};
use crate::row::Row;
use crate::value::Value;

/// Where one differing field's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pick {
    From(Side),
    /// Neither side changed it: it stays as it is on each side (different on purpose, or by a trigger).
    Stay,
}

/// The compared fields whose values differ.
pub fn differing(rules: &Rules, source: &Row, target: &Row) -> Vec<usize> {
    let (source, target) = (source.values(), target.values());
    rules.compared.iter().copied().filter(|&field| !source[field].same(&target[field])).collect()
}

/// Fields to copy to `to`, whose own record did not change: those that differ and that the other side changed since
/// the base (all that differ where the base keeps no values). What the system itself transformed is not sent again.
pub fn to_copy(rules: &Rules, base: &Entry, to: Side, source: &Row, target: &Row) -> Vec<usize> {
    let mut fields = differing(rules, source, target);
    let (from, held) = match to {
        Side::Target => (source, &base.source),
        Side::Source => (target, &base.target),
    };
    fields.retain(|&field| changed(from, held.as_ref(), field).unwrap_or(true));
    fields
}

/// Settles two records that both changed, by `modified_at` alone, by combining fields, or by the strategies.
pub fn settle(rules: &Rules, base: Option<&Entry>, source: &Row, target: &Row) -> Decision {
    let differing = differing(rules, source, target);
    if let [field] = differing[..]
        && Some(field) == rules.modified_at
    {
        return only_time_differs(rules, field, source, target);
    }
    let kind = if base.is_some() { ConflictKind::UpdateUpdate } else { ConflictKind::CreateCreate };
    let newest = newest(rules, source, target);
    let (mut contested, mut combined) = (false, false);
    let mut text = "fields combined";
    let mut picks = Vec::with_capacity(differing.len());
    for &field in differing.iter().filter(|&&field| Some(field) != rules.modified_at) {
        if let Some(pick) = uncontested(rules, base, source, target, field) {
            picks.push((field, pick));
            combined |= pick != Pick::Stay && rules.direction == Direction::TwoWay;
            continue;
        }
        contested = true;
        let (winner, why) = match strategy(rules, field) {
            Strategy::Manual => return Decision::open(kind),
            Strategy::SourceWins => (Side::Source, "source_wins"),
            Strategy::TargetWins => (Side::Target, "target_wins"),
            Strategy::NewestWins => match newest {
                Some(side) => (side, newest_text(side)),
                None => return Decision::open(kind),
            },
        };
        text = why;
        picks.push((field, Pick::From(winner)));
    }
    if let Some(field) = rules.modified_at.filter(|field| differing.contains(field)) {
        let pick = match combined {
            true => Pick::From(later(source, target, field)),
            false => pick_time(&picks, field, source, target),
        };
        picks.push((field, pick));
    }
    let kept = base.is_some_and(|base| base.kept) && picks.iter().any(|(_, pick)| *pick == Pick::Stay);
    let decision = carry(rules, &picks, kept, text);
    if contested { decision.settles(kind) } else { decision }
}

/// A field's own strategy counts under `merge: field`; otherwise a record stands as a whole.
fn strategy(rules: &Rules, field: usize) -> Strategy {
    match rules.merge {
        MergeMode::Record => rules.strategy,
        MergeMode::Field => rules.field_strategies[field].unwrap_or(rules.strategy),
    }
}

fn newest_text(side: Side) -> &'static str {
    match side {
        Side::Source => "newest_wins: source",
        Side::Target => "newest_wins: target",
    }
}

/// Turns picks into writes. `kept`: fields stay different on purpose, as they were before. One-way never writes the
/// source: what the target won stays different, too.
fn carry(rules: &Rules, picks: &[(usize, Pick)], mut kept: bool, text: &'static str) -> Decision {
    let from = |side| -> Vec<usize> {
        picks.iter().filter(|(_, pick)| *pick == Pick::From(side)).map(|(field, _)| *field).collect()
    };
    let (to_target, mut to_source) = (from(Side::Source), from(Side::Target));
    if rules.direction == Direction::OneWay {
        kept |= !to_source.is_empty();
        to_source.clear();
    }
    let act = |fields: Vec<usize>| if fields.is_empty() { Act::None } else { Act::Update(fields) };
    let mut decision = Decision::quiet(Class::Settled, BaseMove::Follow, text);
    let non_time = |fields: &[usize]| fields.iter().any(|&field| Some(field) != rules.modified_at);
    decision.merged = rules.merge == MergeMode::Field
        && picks.iter().any(|(field, pick)| *pick == Pick::From(Side::Target) && Some(*field) != rules.modified_at)
        && non_time(&to_target);
    decision.kept = kept;
    decision.target = act(to_target);
    decision.source = act(to_source);
    if decision.writes() {
        decision.class = Class::Written;
    }
    decision
}

/// The only difference is the time of the change: the later one goes to both (one-way: the source's to the target).
fn only_time_differs(rules: &Rules, field: usize, source: &Row, target: &Row) -> Decision {
    let later = if rules.direction == Direction::OneWay { Side::Source } else { later(source, target, field) };
    Decision::write(later.other(), Act::Update(vec![field]), "only the time of the change differs")
}

/// A field that needs no decision: changed on one side only under `merge: field`.
fn uncontested(rules: &Rules, base: Option<&Entry>, source: &Row, target: &Row, field: usize) -> Option<Pick> {
    if rules.merge != MergeMode::Field {
        return None;
    }
    let base = base?;
    let at_source = changed(source, base.source.as_ref(), field)?;
    let at_target = changed(target, base.target.as_ref(), field)?;
    match (at_source, at_target) {
        (true, false) => Some(Pick::From(Side::Source)),
        (false, true) => Some(Pick::From(Side::Target)),
        (false, false) => Some(Pick::Stay),
        (true, true) => None,
    }
}

/// Whether a side's field differs from its base; `None` where the base keeps no values.
fn changed(row: &Row, held: Option<&Held>, field: usize) -> Option<bool> {
    let values = held?.values.as_ref()?;
    Some(!row.values()[field].same(values.get(field)?))
}

/// The side whose time goes with the picked fields: the winner's where one side won everything, else the later.
fn pick_time(picks: &[(usize, Pick)], field: usize, source: &Row, target: &Row) -> Pick {
    let won = |side| picks.iter().any(|(_, pick)| *pick == Pick::From(side));
    Pick::From(match (won(Side::Source), won(Side::Target)) {
        (true, false) => Side::Source,
        (false, true) => Side::Target,
        _ => later(source, target, field),
    })
}

/// The side with the later time; a missing one is earlier; the source where nothing tells them apart.
fn later(source: &Row, target: &Row, field: usize) -> Side {
    let (at_source, at_target) = (&source.values()[field], &target.values()[field]);
    match (at_source.is_null(), at_target.is_null()) {
        (true, false) => Side::Target,
        (false, true) => Side::Source,
        _ if at_source.compare(at_target) == Some(Ordering::Less) => Side::Target,
        _ => Side::Source,
    }
}

/// The side whose record is newer, where that is certain: both times present, and farther apart than the tolerance.
fn newest(rules: &Rules, source: &Row, target: &Row) -> Option<Side> {
    let field = rules.modified_at?;
    let (at_source, at_target) = (&source.values()[field], &target.values()[field]);
    if at_source.is_null() || at_target.is_null() {
        return None;
    }
    let apart = distance(at_source, at_target);
    if rules.clock_tolerance_microseconds > 0
        && apart.is_some_and(|apart| apart < rules.clock_tolerance_microseconds.unsigned_abs())
    {
        return None;
    }
    match at_source.compare(at_target)? {
        Ordering::Less => Some(Side::Target),
        Ordering::Equal => None,
        Ordering::Greater => Some(Side::Source),
    }
}

/// Microseconds between two times, where the values are times.
fn distance(one: &Value, other: &Value) -> Option<u64> {
    match (one, other) {
        (Value::Timestamp(a), Value::Timestamp(b)) | (Value::Instant(a), Value::Instant(b)) => Some(a.abs_diff(*b)),
        (Value::Date(a), Value::Date(b)) => Some(u64::from(a.abs_diff(*b)) * 86_400_000_000),
        _ => None,
    }
}
