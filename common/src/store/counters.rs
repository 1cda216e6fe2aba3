//! A session's counters by dataset: a row per task that counts, so that tasks do not wait for each other.

use pinksync_model::{DatasetReport, SessionId};
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{GenericClient, Result};
use crate::ids::SyncId;

/// Adds to the counters of a slot (the task, or the session itself where none is at work). Names are those of the first
/// that had any. The slot's row stays locked until the transaction ends.
pub async fn add(
    client: &impl GenericClient,
    session: SessionId,
    dataset: i64,
    slot: Uuid,
    counted: &DatasetReport,
) -> Result<()> {
    // An UPDATE that changes nothing locks the row, and gives what it holds, also where another has just made it.
    let lock = "INSERT INTO counters (session_id, dataset_id, slot, report, written) VALUES ($1, $2, $3, '{}', 0)
                ON CONFLICT (session_id, dataset_id, slot) DO UPDATE SET written = counters.written
                RETURNING id, report";
    let lock = client.prepare_cached(lock).await?;
    let row = client.query_one(&lock, &[&session.0, &dataset, &slot]).await?;
    let (id, Json(mut total)): (i64, Json<DatasetReport>) = (row.get(0), row.try_get(1)?);
    join(&mut total, counted);
    let update = client.prepare_cached("UPDATE counters SET report = $2, written = $3 WHERE id = $1").await?;
    let written = i64::try_from(total.written()).unwrap_or(i64::MAX);
    client.execute(&update, &[&id, &Json(&total), &written]).await?;
    Ok(())
}

/// The session's counters by dataset name, slots added up, in the order of the first count.
pub async fn list(
    client: &impl GenericClient,
    sync: SyncId,
    session: SessionId,
) -> Result<Vec<(String, DatasetReport)>> {
    let select = "SELECT d.name, c.report FROM counters c JOIN datasets d ON d.id = c.dataset_id
                  WHERE c.session_id = $1 AND d.sync_id = $2 ORDER BY c.id";
    let select = client.prepare_cached(select).await?;
    let mut found: Vec<(String, DatasetReport)> = Vec::new();
    for row in client.query(&select, &[&session.0, &sync]).await? {
        let (name, Json(report)): (String, Json<DatasetReport>) = (row.get(0), row.try_get(1)?);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, total)) => join(total, &report),
            None => found.push((name, report)),
        }
    }
    Ok(found)
}

fn join(total: &mut DatasetReport, counted: &DatasetReport) {
    *total += counted;
    if total.source.is_empty() && total.target.is_empty() {
        total.source.clone_from(&counted.source);
        total.target.clone_from(&counted.target);
    }
}
