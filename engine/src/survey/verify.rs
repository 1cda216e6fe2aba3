//! Compares both sides record by record, whatever the base says of them.

use std::collections::HashSet;

use pinksync_model::{DatasetReport, FieldChange, IndexMap, Phase, Side, VerifyCounts};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::survey;
use crate::decide::Class;
use crate::error::Result;
use crate::json;
use crate::key::{Key, KeyRange};
use crate::pair::Pair;
use crate::segment::{State, Surveyed};
use crate::session::{Ending, Finished, Session, open_pair, prepare_survey, ranges, staging};

/// A record that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    pub dataset: String,
    pub key: Map<String, Json>,
    /// The side that has the record, where only one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Side>,
    /// Why the sides differ, as far as the base knows.
    pub reason: String,
    pub fields: IndexMap<String, FieldChange>,
    /// The key as it is encoded.
    #[serde(skip)]
    pub encoded: Key,
}

/// Counts equal and different records and tells each difference. What the sync's own rules keep apart is `not_compared`:
/// records out of scope, only at the target of a one-way sync, absent where deletes are ignored, or left different by a
/// decision; so are those that could not be read.
pub async fn verify(session: &Session, sink: &mut (dyn FnMut(Difference) -> Result<()> + Send)) -> Result<Finished> {
    let mut finished =
        Finished { ending: Ending::Completed, datasets: Vec::new(), guards: Vec::new(), warnings: Vec::new() };
    session.observer.phase("", Phase::Planning);
    for one in prepare_survey(session).await? {
        let mut pair = open_pair(session, one).await?;
        let report = verify_pair(session, &mut pair, sink).await?;
        finished.warnings.extend(not_seen(&pair, &report));
        finished.datasets.push(report);
    }
    Ok(finished)
}

/// Compares one dataset.
pub(crate) async fn verify_pair(
    session: &Session,
    pair: &mut Pair,
    sink: &mut (dyn FnMut(Difference) -> Result<()> + Send),
) -> Result<DatasetReport> {
    staging::stage_both(session, pair, false).await?;
    session.observer.phase(pair.name(), Phase::Verifying);
    let open: HashSet<Key> =
        session.home.open_conflicts(pair.name(), &KeyRange::default()).await?.into_iter().collect();
    let (mut verified, mut with_key) = (VerifyCounts::default(), 0);
    let report = survey(session, pair, ranges::Coverage::Everything, &mut |pair, item| {
        with_key += u64::from(is_unreadable(item));
        match compare(item) {
            Verdict::Equal => verified.equal += 1,
            Verdict::NotCompared => verified.not_compared += 1,
            Verdict::Different => {
                verified.different += 1;
                sink(difference(pair, item, open.contains(&item.triple.key)))?;
            }
            Verdict::Nothing => {}
        }
        Ok(())
    })
    .await?;
    // A record without a known key is no item: it is only counted.
    verified.not_compared += report.rejected.saturating_sub(with_key);
    let DatasetReport { source, target, read, rejected, .. } = report;
    Ok(DatasetReport { source, target, read, rejected, verified, ..DatasetReport::default() })
}

/// Says that equal numbers prove nothing of records that could not be read.
pub(crate) fn not_seen(pair: &Pair, report: &DatasetReport) -> Option<String> {
    let records = match report.rejected {
        0 => return None,
        1 => "1 record could not be read, and nothing is known of it".to_owned(),
        count => format!("{count} records could not be read, and nothing is known of them"),
    };
    Some(format!("{}: {records}", pair.name()))
}

fn is_unreadable(item: &Surveyed) -> bool {
    [&item.triple.source, &item.triple.target].into_iter().any(|state| matches!(state, State::Unreadable))
}

enum Verdict {
    Equal,
    Different,
    NotCompared,
    /// No side holds it.
    Nothing,
}

fn compare(item: &Surveyed) -> Verdict {
    let as_left = item.decision.class == Class::Unchanged && item.triple.base.is_some();
    match (&item.triple.source, &item.triple.target) {
        (State::Unreadable | State::OutOfScope, _) | (_, State::Unreadable | State::OutOfScope) => Verdict::NotCompared,
        (State::Absent, State::Absent) => Verdict::Nothing,
        (State::Row(source), State::Row(target)) if source.hash == target.hash => Verdict::Equal,
        _ if as_left || item.decision.class == Class::TargetOnly => Verdict::NotCompared,
        _ => Verdict::Different,
    }
}

/// What a session would say of a record that differs.
fn reason(item: &Surveyed, waits: bool) -> String {
    match item.decision.class {
        Class::Open if waits => "open conflict".to_owned(),
        Class::Open => "new conflict".to_owned(),
        Class::Written => format!("not carried over yet: {}", item.decision.text),
        Class::Unchanged | Class::Adopted | Class::Settled | Class::Drift | Class::TargetOnly => {
            item.decision.text.to_owned()
        }
    }
}

/// `waits`: the record has an open conflict.
fn difference(pair: &Pair, item: &Surveyed, waits: bool) -> Difference {
    let (source, target) = (item.triple.source.row(), item.triple.target.row());
    let only = match (source, target) {
        (Some(_), None) => Some(Side::Source),
        (None, Some(_)) => Some(Side::Target),
        _ => None,
    };
    let at = |row: Option<&crate::Row>, index: usize| row.map(|row| json::value(&row.values()[index]));
    let differs = |index: &usize| match (source, target) {
        (Some(source), Some(target)) => !source.values()[*index].same(&target.values()[*index]),
        _ => true,
    };
    let change = |index: usize| FieldChange { base: None, source: at(source, index), target: at(target, index) };
    Difference {
        dataset: pair.name().to_owned(),
        key: json::key(&pair.mapping.source, &pair.mapping.fields, &item.triple.key),
        only,
        reason: reason(item, waits),
        encoded: item.triple.key.clone(),
        fields: (0..pair.mapping.fields.len())
            .filter(differs)
            .map(|index| (pair.mapping.fields[index].clone(), change(index)))
            .collect(),
    }
}
