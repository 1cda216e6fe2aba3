//! Removes what has served its time, a bounded number of rows at a time. System-wide, for the scheduler: by age, never by
//! account. Twice at once does no harm. Each gives how many rows it has removed.

use std::time::Duration;

use super::{GenericClient, Result};

/// Journal of sessions that ended long ago, which can then not be undone any more. Pending chunks stay: the next session
/// of the sync reconciles them. So does what an undo is at.
pub async fn journal(client: &impl GenericClient, age: Duration, most: i64) -> Result<u64> {
    const DELETE: &str = "WITH gone AS (DELETE FROM journal WHERE id IN (
            SELECT j.id FROM journal j JOIN sessions s ON s.id = j.session_id
            WHERE j.state <> 0 AND j.at < now() - make_interval(secs => $1)
              AND s.ended_at < now() - make_interval(secs => $1)
              AND NOT EXISTS (SELECT 1 FROM sessions u WHERE u.undo_of = s.id AND u.ended_at IS NULL)
            ORDER BY j.at LIMIT $2) RETURNING id),
        entries AS (DELETE FROM journal_entries e USING gone WHERE e.chunk_id = gone.id)
        SELECT count(*) FROM gone";
    let statement = client.prepare_cached(DELETE).await?;
    let count: i64 = client.query_one(&statement, &[&age.as_secs_f64(), &most]).await?.get(0);
    Ok(count.unsigned_abs())
}

/// What happened to sessions.
pub async fn events(client: &impl GenericClient, age: Duration, most: i64) -> Result<u64> {
    const DELETE: &str = "DELETE FROM events WHERE id IN (
        SELECT id FROM events WHERE at < now() - make_interval(secs => $1) ORDER BY at LIMIT $2)";
    remove(client, DELETE, age, most).await
}

/// Tasks that are done, or were not needed any more. Parked ones wait for a person.
pub async fn tasks(client: &impl GenericClient, age: Duration, most: i64) -> Result<u64> {
    const DELETE: &str = "DELETE FROM tasks WHERE id IN (
        SELECT id FROM tasks WHERE ended_at < now() - make_interval(secs => $1) AND status IN ('done', 'withdrawn')
        ORDER BY ended_at LIMIT $2)";
    remove(client, DELETE, age, most).await
}

/// Answers kept for requests that are sent again.
pub async fn idempotency(client: &impl GenericClient, age: Duration, most: i64) -> Result<u64> {
    const DELETE: &str = "DELETE FROM idempotency WHERE (account_id, key) IN (
        SELECT account_id, key FROM idempotency WHERE created_at < now() - make_interval(secs => $1)
        ORDER BY created_at LIMIT $2)";
    remove(client, DELETE, age, most).await
}

/// Staged runs that no session needs: their sync has none under way. Who reads one nevertheless finds afterwards that it is
/// not whole any more. The rows are left to [`orphaned_rows`].
pub async fn staged_runs(client: &impl GenericClient, age: Duration, most: i64) -> Result<u64> {
    const DELETE: &str = "DELETE FROM staged_runs WHERE id IN (
        SELECT r.id FROM staged_runs r JOIN datasets d ON d.id = r.dataset_id
        WHERE r.created_at < now() - make_interval(secs => $1) AND NOT EXISTS (SELECT 1 FROM sessions s
            WHERE s.sync_id = d.sync_id AND s.status IN ('in_progress', 'paused') AND s.resolves IS NULL)
        LIMIT $2)";
    remove(client, DELETE, age, most).await
}

/// Rows of staged runs that are not known any more.
pub async fn orphaned_rows(client: &impl GenericClient, most: i64) -> Result<u64> {
    // From run to run by the primary key, since rows are many and runs are few.
    const RUNS: &str = "WITH RECURSIVE runs AS (
            (SELECT run_id FROM staged_rows ORDER BY run_id LIMIT 1)
            UNION ALL
            SELECT (SELECT r.run_id FROM staged_rows r WHERE r.run_id > runs.run_id ORDER BY r.run_id LIMIT 1)
            FROM runs WHERE runs.run_id IS NOT NULL)
        SELECT run_id FROM runs WHERE run_id IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM staged_runs s WHERE s.id = runs.run_id) LIMIT 1";
    const DELETE: &str = "DELETE FROM staged_rows WHERE run_id = $1
        AND ctid = ANY (ARRAY (SELECT ctid FROM staged_rows WHERE run_id = $1 LIMIT $2))";
    let Some(row) = client.query_opt(RUNS, &[]).await? else { return Ok(0) };
    let statement = client.prepare_cached(DELETE).await?;
    Ok(client.execute(&statement, &[&row.get::<_, i64>(0), &most]).await?)
}

async fn remove(client: &impl GenericClient, delete: &str, age: Duration, most: i64) -> Result<u64> {
    let statement = client.prepare_cached(delete).await?;
    Ok(client.execute(&statement, &[&age.as_secs_f64(), &most]).await?)
}
