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
    pub fields: IndexMap<String, FieldChange>,
}

/// Counts equal and different records and tells each difference. Records that a decision left different on purpose,
/// whose conflict waits for a person, that are out of scope or that could not be read are `not_compared`.
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
    let report = survey(session, pair, ranges::Purpose::Everything, &mut |pair, item| {
        with_key += u64::from(is_unreadable(item));
        match compare(item, &open) {
            Verdict::Equal => verified.equal += 1,
            Verdict::NotCompared => verified.not_compared += 1,
            Verdict::Different => {
                verified.different += 1;
                sink(difference(pair, item))?;
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

fn compare(item: &Surveyed, open: &HashSet<Key>) -> Verdict {
    let waits = item.decision.class == Class::Open && open.contains(&item.triple.key);
    let as_left = item.decision.class == Class::Unchanged && item.triple.base.is_some();
    match (&item.triple.source, &item.triple.target) {
        (State::Unreadable | State::OutOfScope, _) | (_, State::Unreadable | State::OutOfScope) => Verdict::NotCompared,
        (State::Absent, State::Absent) => Verdict::Nothing,
        (State::Row(source), State::Row(target)) if source.hash == target.hash => Verdict::Equal,
        _ if as_left || waits || item.decision.class == Class::TargetOnly => Verdict::NotCompared,
        _ => Verdict::Different,
    }
}

fn difference(pair: &Pair, item: &Surveyed) -> Difference {
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
        fields: (0..pair.mapping.fields.len())
            .filter(differs)
            .map(|index| (pair.mapping.fields[index].clone(), change(index)))
            .collect(),
    }
}
