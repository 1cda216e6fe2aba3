//! What a session has come to, from its counters: of one at work, and of one that no worker brought to its end.

use pinksync_model::{ConflictCounts, DatasetReport, Report, SessionSummary};
use serde_json::{Map, Value};

use super::sessions::SessionRow;
use super::{GenericClient, Result, counters, overridden};
use crate::ids::AccountId;

/// Most records that a report names which were left alone; the list of rejects has them all.
const NAMED: i64 = 20;

/// Codes of rejects that say: somebody else had moved the record.
const LEFT_ALONE: [&str; 2] = ["moved_since_plan", "changed_since_session"];

/// The report so far.
pub async fn so_far(client: &impl GenericClient, row: &SessionRow) -> Result<Report> {
    let mut waiting = waiting(client, row).await?;
    let mut datasets = Vec::new();
    for (name, mut report) in counters::list(client, row.sync, row.id).await? {
        let at = waiting.iter().position(|(dataset, _)| *dataset == name);
        report.conflicts.open = at.map_or(0, |at| waiting.remove(at).1);
        datasets.push(named(report, &name));
    }
    for (name, open) in waiting {
        let conflicts = ConflictCounts { open, ..ConflictCounts::default() };
        datasets.push(named(DatasetReport { conflicts, ..DatasetReport::default() }, &name));
    }
    let guards = overridden::list(client, row.account, row.id).await?;
    let mut report = Report { session: summary(row), datasets, guards, warnings: Vec::new() };
    report.warnings = left_alone(client, row.account, &report).await?;
    Ok(report)
}

/// A session in its report, as it stands now.
pub fn summary(row: &SessionRow) -> SessionSummary {
    SessionSummary {
        id: row.id,
        status: row.status,
        mode: row.mode,
        started_at: row.started_at.unwrap_or(row.created_at).to_string(),
        ended_at: row.ended_at.map(|at| at.to_string()),
        reason: row.reason.clone(),
    }
}

/// Counters with the names of the two sides: they know their dataset as `source → target`.
pub fn named(mut report: DatasetReport, dataset: &str) -> DatasetReport {
    let (source, target) = dataset.split_once(" → ").unwrap_or((dataset, dataset));
    report.source = source.to_owned();
    report.target = target.to_owned();
    report
}

/// Conflicts of the sync that wait for a person, by dataset.
async fn waiting(client: &impl GenericClient, row: &SessionRow) -> Result<Vec<(String, u64)>> {
    const SELECT: &str = "SELECT d.name, count(*) FROM conflicts c JOIN datasets d ON d.id = c.dataset_id
        WHERE c.account_id = $1 AND c.sync_id = $2 AND c.status = 'open' AND c.kind <> 'contended' AND NOT c.asks_nobody
        GROUP BY d.name ORDER BY d.name";
    let rows = client.query(SELECT, &[&row.account, &row.sync]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1).unsigned_abs())).collect())
}

/// Warnings that name the records which the session left alone, and count those that are not named.
pub async fn left_alone(client: &impl GenericClient, account: AccountId, report: &Report) -> Result<Vec<String>> {
    const SELECT: &str = "SELECT d.name, r.side, r.reason, r.shown_key FROM rejects r
        JOIN datasets d ON d.id = r.dataset_id
        WHERE r.account_id = $1 AND r.session_id = $2 AND r.code = ANY($3) ORDER BY r.id LIMIT $4";
    let total = DatasetReport::total(&report.datasets).left_alone;
    if total == 0 {
        return Ok(Vec::new());
    }
    let rows = client.query(SELECT, &[&account, &report.session.id.0, &LEFT_ALONE.as_slice(), &NAMED]).await?;
    let mut warnings: Vec<String> = rows
        .iter()
        .map(|row| {
            let (dataset, side, reason): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
            let source = dataset.split_once(" → ").map_or(dataset, |(source, _)| source);
            let key = row.get::<_, Option<Value>>(3);
            let key = key.as_ref().and_then(Value::as_object).map(in_words).unwrap_or_default();
            format!("{source} {key} was left alone at the {side}: {reason}")
        })
        .collect();
    match total.saturating_sub(warnings.len() as u64) {
        0 => {}
        1 => warnings.push("1 more was left alone; the session's rejects name it".to_owned()),
        rest => warnings.push(format!("{rest} more were left alone; the session's rejects name them")),
    }
    Ok(warnings)
}

/// `id 7, day "2026-01-02"`.
fn in_words(key: &Map<String, Value>) -> String {
    key.iter().map(|(name, part)| format!("{name} {part}")).collect::<Vec<_>>().join(", ")
}
