//! Taking a task under a lease.

use std::time::Duration;

use uuid::Uuid;

use super::TaskKind;
use crate::ids::{AccountId, SessionId, SyncId, TaskId, WorkerId};
use crate::store::{Result, Transaction};

/// A task with its lease: who has it may work on it, until the generation moves.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: TaskId,
    pub account: AccountId,
    pub sync: Option<SyncId>,
    pub session: Option<SessionId>,
    pub kind: TaskKind,
    pub payload: Vec<u8>,
    pub generation: i64,
    /// How often it was begun, this time included; handed back times do not count.
    pub attempts: i32,
    /// Whose lease ran out: its connections to the systems are to be ended first.
    pub ousted: Option<WorkerId>,
}

/// What came of asking for a task.
#[derive(Debug)]
pub enum Claim {
    Taken(Box<Claimed>),
    /// Somebody has it, it is done, or its session does not want it: there is nothing to do.
    Nothing,
    /// Other work is in its way; it is published again by itself.
    Later,
}

/// Takes a task under a lease, if it is there to be taken. `most_per_connection`: for connections that name no limit.
pub async fn claim(
    transaction: &Transaction<'_>,
    task: TaskId,
    worker: WorkerId,
    lease: Duration,
    most_per_connection: i64,
) -> Result<Claim> {
    // Waits for the lock: who holds it may only be noting that the wake-up is published, and there comes no other one.
    const SELECT: &str = "SELECT t.kind, t.sync_id, t.connections, t.session_id, s.status,
               t.available_at <= now() AND NOT t.held AS available
        FROM tasks t LEFT JOIN sessions s ON s.id = t.session_id
        WHERE t.id = $1 AND t.status = 'ready' FOR UPDATE OF t";
    let statement = transaction.prepare_cached(SELECT).await?;
    let Some(row) = transaction.query_opt(&statement, &[&task]).await? else { return Ok(Claim::Nothing) };
    let kind = TaskKind::parse(row.get("kind"))?;
    if row.get::<_, Option<Uuid>>("session_id").is_some() && row.get::<_, Option<&str>>("status") != Some("in_progress")
    {
        return Ok(Claim::Nothing);
    }
    if !row.get::<_, bool>("available") {
        return Ok(Claim::Later);
    }
    let sync: Option<SyncId> = row.get("sync_id");
    let connections: Vec<Uuid> = row.get("connections");
    if let Some(sync) = sync
        && !has_the_sync(transaction, sync, kind).await?
    {
        return postpone(transaction, task).await;
    }
    if !connections.is_empty() && !has_room(transaction, &connections, most_per_connection).await? {
        return postpone(transaction, task).await;
    }
    take(transaction, task, kind, worker, lease).await
}

/// Steps of a session have their sync for themselves; segments and decisions go beside each other.
async fn has_the_sync(transaction: &Transaction<'_>, sync: SyncId, kind: TaskKind) -> Result<bool> {
    const ALONE: &str = "SELECT 1 FROM syncs WHERE id = $1 FOR NO KEY UPDATE";
    const BESIDE: &str = "SELECT 1 FROM syncs WHERE id = $1 FOR SHARE";
    const BUSY: &str = "SELECT EXISTS (SELECT 1 FROM tasks WHERE sync_id = $1 AND status = 'running'
        AND kind IN ('advance', 'segment', 'resolve') AND (kind = 'advance' OR $2))";
    let alone = match kind {
        TaskKind::Advance => true,
        TaskKind::Segment | TaskKind::Resolve => false,
        TaskKind::Check | TaskKind::Discover | TaskKind::Validate | TaskKind::Changes => return Ok(true),
    };
    let lock = transaction.prepare_cached(if alone { ALONE } else { BESIDE }).await?;
    transaction.query(&lock, &[&sync]).await?;
    let busy = transaction.prepare_cached(BUSY).await?;
    Ok(!transaction.query_one(&busy, &[&sync, &alone]).await?.get::<_, bool>(0))
}

async fn has_room(transaction: &Transaction<'_>, connections: &[Uuid], most: i64) -> Result<bool> {
    const LOCK: &str = "SELECT id FROM connections WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";
    const FULL: &str = "SELECT EXISTS (SELECT 1 FROM connections c WHERE c.id = ANY($1) AND
        (SELECT count(*) FROM tasks t WHERE t.status = 'running' AND t.connections @> ARRAY[c.id])
        >= coalesce(c.max_tasks, $2::bigint))";
    let lock = transaction.prepare_cached(LOCK).await?;
    transaction.query(&lock, &[&connections]).await?;
    let full = transaction.prepare_cached(FULL).await?;
    Ok(!transaction.query_one(&full, &[&connections, &most]).await?.get::<_, bool>(0))
}

/// The relay publishes it again once it is available: a little later, since what is in its way takes a while.
async fn postpone(transaction: &Transaction<'_>, task: TaskId) -> Result<Claim> {
    const UPDATE: &str =
        "UPDATE tasks SET published_at = NULL, available_at = now() + interval '250 milliseconds' WHERE id = $1";
    let statement = transaction.prepare_cached(UPDATE).await?;
    transaction.execute(&statement, &[&task]).await?;
    Ok(Claim::Later)
}

async fn take(
    transaction: &Transaction<'_>,
    task: TaskId,
    kind: TaskKind,
    worker: WorkerId,
    lease: Duration,
) -> Result<Claim> {
    const UPDATE: &str = "UPDATE tasks SET status = 'running', generation = generation + 1, attempts = attempts + 1,
               owner = $2, lease_until = now() + make_interval(secs => $3)
        WHERE id = $1
        RETURNING account_id, sync_id, session_id, payload, generation, attempts, ousted";
    let statement = transaction.prepare_cached(UPDATE).await?;
    let row = transaction.query_one(&statement, &[&task, &worker, &lease.as_secs_f64()]).await?;
    Ok(Claim::Taken(Box::new(Claimed {
        id: task,
        account: row.get("account_id"),
        sync: row.get("sync_id"),
        session: row.get::<_, Option<Uuid>>("session_id").map(SessionId),
        kind,
        payload: row.get("payload"),
        generation: row.get("generation"),
        attempts: row.get("attempts"),
        ousted: row.get("ousted"),
    })))
}
