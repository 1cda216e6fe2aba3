//! Workers that are alive. System-wide: a worker serves all accounts.

use std::time::Duration;

use super::{GenericClient, Result};
use crate::ids::WorkerId;
use crate::time::Utc;

/// How often a worker says that it is alive.
pub const SEEN_EVERY: Duration = Duration::from_secs(5);

/// A worker that was not seen for longer is taken for dead.
pub const ALIVE_WITHIN: Duration = Duration::from_secs(20);

/// A worker process as it says of itself.
#[derive(Debug, Clone)]
pub struct Worker {
    pub id: WorkerId,
    pub host: String,
    pub pid: i32,
    pub version: String,
    /// Tasks it works on at once.
    pub permits: i32,
    pub running: i32,
    /// It takes no more tasks.
    pub stopping: bool,
}

/// Notes that a worker is alive, and what it does.
pub async fn seen(client: &impl GenericClient, worker: &Worker) -> Result<()> {
    const UPSERT: &str = "INSERT INTO workers (id, host, pid, version, permits, running, stopping)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET permits = $5, running = $6, stopping = $7, seen_at = now()";
    let Worker { id, host, pid, version, permits, running, stopping } = worker;
    let statement = client.prepare_cached(UPSERT).await?;
    client.execute(&statement, &[id, host, pid, version, permits, running, stopping]).await?;
    Ok(())
}

pub async fn gone(client: &impl GenericClient, worker: WorkerId) -> Result<()> {
    client.execute("DELETE FROM workers WHERE id = $1", &[&worker]).await?;
    Ok(())
}

/// Workers that are alive, with when they started and were last seen, oldest first.
pub async fn alive(client: &impl GenericClient) -> Result<Vec<(Worker, Utc, Utc)>> {
    const SELECT: &str = "SELECT id, host, pid, version, permits, running, stopping, started_at, seen_at FROM workers
        WHERE seen_at > now() - make_interval(secs => $1) ORDER BY id";
    let rows = client.query(SELECT, &[&ALIVE_WITHIN.as_secs_f64()]).await?;
    let worker = |row: &tokio_postgres::Row| Worker {
        id: row.get(0),
        host: row.get(1),
        pid: row.get(2),
        version: row.get(3),
        permits: row.get(4),
        running: row.get(5),
        stopping: row.get(6),
    };
    Ok(rows.iter().map(|row| (worker(row), row.get(7), row.get(8))).collect())
}

/// The permits of all workers that are alive and still take tasks.
pub async fn permits(client: &impl GenericClient) -> Result<usize> {
    const SUM: &str = "SELECT coalesce(sum(permits), 0) FROM workers
        WHERE seen_at > now() - make_interval(secs => $1) AND NOT stopping";
    let statement = client.prepare_cached(SUM).await?;
    let sum: i64 = client.query_one(&statement, &[&ALIVE_WITHIN.as_secs_f64()]).await?.get(0);
    Ok(usize::try_from(sum).unwrap_or(usize::MAX))
}

/// Forgets workers that were not seen for `age`.
pub async fn forget(client: &impl GenericClient, age: Duration) -> Result<u64> {
    const DELETE: &str = "DELETE FROM workers WHERE seen_at < now() - make_interval(secs => $1)";
    Ok(client.execute(DELETE, &[&age.as_secs_f64()]).await?)
}
