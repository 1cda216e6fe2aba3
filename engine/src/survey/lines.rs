//! Plan lines of one record: one per written side, or the conflict that stays open.

use pinksync_model::{FieldChange, IndexMap, PlanAction, PlanLine, Side};

use super::action;
use crate::decide::Act;
use crate::json;
use crate::pair::Pair;
use crate::segment::Surveyed;
use crate::value::Value;

/// The lines of a surveyed record; none where nothing is done.
pub fn of(pair: &Pair, item: &Surveyed) -> Vec<PlanLine> {
    if item.decision.conflict.is_some_and(|met| !met.settled) {
        return vec![line(pair, item, PlanAction::Conflict, None, differing(pair, item))];
    }
    [Side::Target, Side::Source]
        .into_iter()
        .filter_map(|side| {
            let act = item.decision.act(side);
            let action = action(act)?;
            let fields = match act {
                Act::Update(fields) => fields.clone(),
                _ => (0..pair.mapping.fields.len()).collect(),
            };
            Some(line(pair, item, action, Some(side), fields))
        })
        .collect()
}

/// Fields whose values differ between the sides; all where one side has no record.
fn differing(pair: &Pair, item: &Surveyed) -> Vec<usize> {
    let all = 0..pair.mapping.fields.len();
    match (item.triple.source.row(), item.triple.target.row()) {
        (Some(source), Some(target)) => all.filter(|&at| !source.values()[at].same(&target.values()[at])).collect(),
        _ => all.collect(),
    }
}

fn line(pair: &Pair, item: &Surveyed, action: PlanAction, to: Option<Side>, fields: Vec<usize>) -> PlanLine {
    let triple = &item.triple;
    let base = triple.base.as_ref().and_then(|entry| entry.source.as_ref().or(entry.target.as_ref()));
    let base = base.and_then(|held| held.values.as_deref());
    let at = |values: Option<&[Value]>, index: usize| values.and_then(|values| values.get(index)).map(json::value);
    let change = |index: usize| FieldChange {
        base: at(base, index),
        source: at(triple.source.row().map(|row| &**row.values()), index),
        target: at(triple.target.row().map(|row| &**row.values()), index),
    };
    let fields: IndexMap<String, FieldChange> =
        fields.into_iter().map(|index| (pair.mapping.fields[index].clone(), change(index))).collect();
    PlanLine {
        dataset: pair.name().to_owned(),
        key: json::key(&pair.mapping.source, &pair.mapping.fields, &triple.key),
        action,
        to,
        fields,
        decision: item.decision.text.to_owned(),
    }
}
