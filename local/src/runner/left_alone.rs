//! Records that a session left alone since somebody else had moved them: its report names them.

use pinksync_model::{DatasetReport, Report};
use serde_json::{Map, Value};

use super::{Names, source_name};
use crate::{StateError, StateFile};

/// Most records that a report names; the list of rejects has them all.
const NAMED: usize = 20;

/// Warnings that name the records, and count those that are not named.
pub(super) async fn warnings(state: &StateFile, report: &Report) -> Result<Vec<String>, StateError> {
    let total = DatasetReport::total(&report.datasets).left_alone;
    if total == 0 {
        return Ok(Vec::new());
    }
    let mut warnings = Vec::new();
    for stored in state.left_alone(report.session.id, NAMED).await? {
        let line = Names::of(state, &stored.dataset).await?.reject(&stored);
        let key = line.key.as_ref().map(in_words).unwrap_or_default();
        let (dataset, side) = (source_name(&stored.dataset), line.side);
        warnings.push(format!("{dataset} {key} was left alone at the {side}: {}", line.reason));
    }
    let rest = total.saturating_sub(warnings.len() as u64);
    if rest > 0 {
        let session = report.session.id;
        let more = if rest == 1 { "1 more was".to_owned() } else { format!("{rest} more were") };
        warnings.push(format!("{more} left alone; `pinksync rejects FILE --session {session}` lists all"));
    }
    Ok(warnings)
}

/// `id 7, day "2026-01-02"`.
fn in_words(key: &Map<String, Value>) -> String {
    key.iter().map(|(name, part)| format!("{name} {part}")).collect::<Vec<_>>().join(", ")
}
