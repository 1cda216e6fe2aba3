//! Leases: extended while their owner lives, ended with what came of the task, taken away when they have run out.

use std::time::Duration;

use uuid::Uuid;

use crate::ids::{AccountId, SessionId, TaskId, WorkerId};
use crate::store::{GenericClient, Result};

/// A lease that its owner still has.
#[derive(Debug, Clone)]
pub struct Lease {
    pub task: TaskId,
    pub generation: i64,
    /// Its session is still in progress, or it has none.
    pub wanted: bool,
}

/// Extends leases of a worker, and tells which it has: what is missing it has lost. Only `tasks`, those that it is at work
/// on: another one is its own by the books alone, since it could not note the end or did not hear of its claim, and is to
/// be rescued.
pub async fn extend(
    client: &impl GenericClient,
    worker: WorkerId,
    tasks: &[TaskId],
    lease: Duration,
) -> Result<Vec<Lease>> {
    const UPDATE: &str = "UPDATE tasks t SET lease_until = now() + make_interval(secs => $2)
        WHERE t.owner = $1 AND t.id = ANY($3) AND t.status = 'running' AND t.lease_until > now()
        RETURNING t.id, t.generation,
          coalesce((SELECT s.status = 'in_progress' FROM sessions s WHERE s.id = t.session_id), true)";
    let statement = client.prepare_cached(UPDATE).await?;
    let rows = client.query(&statement, &[&worker, &lease.as_secs_f64(), &tasks]).await?;
    Ok(rows.iter().map(|row| Lease { task: row.get(0), generation: row.get(1), wanted: row.get(2) }).collect())
}

/// How a task that was worked on ends, or goes on.
#[derive(Debug, Clone)]
pub enum Outcome {
    Done {
        result: Option<serde_json::Value>,
    },
    /// Not wanted any more (its session pauses or has ended).
    Withdrawn,
    /// To be begun again at once by somebody else; this time does not count.
    HandedBack,
    /// To be begun again after a while.
    Again {
        after: Duration,
        code: String,
        detail: String,
    },
    /// Cannot succeed as things are.
    Parked {
        code: String,
        detail: String,
        remedy: String,
    },
}

impl Outcome {
    /// In a word, for metrics and logs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Withdrawn => "withdrawn",
            Self::HandedBack => "handed_back",
            Self::Again { .. } => "again",
            Self::Parked { .. } => "parked",
        }
    }
}

/// Ends a lease with what came of it. False: the lease was lost, and nothing is changed.
pub async fn end(client: &impl GenericClient, task: TaskId, generation: i64, outcome: &Outcome) -> Result<bool> {
    const DONE: &str = "UPDATE tasks SET status = $3, result = $4, owner = NULL, lease_until = NULL, ousted = NULL,
        ended_at = now(), error_code = NULL, error_detail = NULL, remedy = NULL
        WHERE id = $1 AND generation = $2 AND status = 'running'";
    const BACK: &str = "UPDATE tasks SET status = 'ready', owner = NULL, lease_until = NULL, ousted = NULL,
        published_at = NULL, attempts = attempts - $3, available_at = now() + make_interval(secs => $4),
        error_code = coalesce($5, error_code), error_detail = coalesce($6, error_detail)
        WHERE id = $1 AND generation = $2 AND status = 'running'";
    const PARK: &str = "UPDATE tasks SET status = 'parked', owner = NULL, lease_until = NULL, ousted = NULL,
        ended_at = now(), error_code = $3, error_detail = $4, remedy = $5
        WHERE id = $1 AND generation = $2 AND status = 'running'";
    let changed = match outcome {
        Outcome::Done { result } => {
            let statement = client.prepare_cached(DONE).await?;
            client.execute(&statement, &[&task, &generation, &"done", result]).await?
        }
        Outcome::Withdrawn => {
            let statement = client.prepare_cached(DONE).await?;
            let nothing: Option<serde_json::Value> = None;
            client.execute(&statement, &[&task, &generation, &"withdrawn", &nothing]).await?
        }
        Outcome::HandedBack => {
            let statement = client.prepare_cached(BACK).await?;
            let nothing: Option<&str> = None;
            client.execute(&statement, &[&task, &generation, &1_i32, &0.0_f64, &nothing, &nothing]).await?
        }
        Outcome::Again { after, code, detail } => {
            let statement = client.prepare_cached(BACK).await?;
            let (code, detail) = (Some(code), Some(detail));
            client.execute(&statement, &[&task, &generation, &0_i32, &after.as_secs_f64(), &code, &detail]).await?
        }
        Outcome::Parked { code, detail, remedy } => {
            let statement = client.prepare_cached(PARK).await?;
            client.execute(&statement, &[&task, &generation, code, detail, remedy]).await?
        }
    };
    Ok(changed > 0)
}

/// Takes expired leases from their owners: the task is ready for another one, parked where it was begun too often, or
/// withdrawn where its session does not want it. The old owner's writes fail from here on. System-wide, for the rescuer.
/// Gives the sessions concerned.
pub async fn rescue(client: &impl GenericClient, most_attempts: i32, limit: i64) -> Result<Vec<Rescued>> {
    const UPDATE: &str = "WITH expired AS (
            SELECT t.id, coalesce(s.status = 'in_progress', t.session_id IS NULL) AS wanted
            FROM tasks t LEFT JOIN sessions s ON s.id = t.session_id
            WHERE t.status = 'running' AND t.lease_until < now()
            ORDER BY t.lease_until LIMIT $2 FOR UPDATE OF t SKIP LOCKED)
        UPDATE tasks t SET
            status = CASE WHEN NOT e.wanted THEN 'withdrawn' WHEN t.attempts >= $1 THEN 'parked' ELSE 'ready' END,
            ended_at = CASE WHEN e.wanted AND t.attempts < $1 THEN NULL ELSE now() END,
            error_code = CASE WHEN e.wanted AND t.attempts >= $1 THEN 'poison' ELSE t.error_code END,
            error_detail = CASE WHEN e.wanted AND t.attempts >= $1
                THEN 'its worker died or stood still each time' ELSE t.error_detail END,
            remedy = CASE WHEN e.wanted AND t.attempts >= $1
                THEN 'look into the logs of the workers for this task, then drive it again' ELSE t.remedy END,
            generation = t.generation + 1, ousted = t.owner, owner = NULL, lease_until = NULL,
            published_at = NULL, available_at = now()
        FROM expired e WHERE t.id = e.id
        RETURNING t.id, t.account_id, t.session_id, t.status";
    let statement = client.prepare_cached(UPDATE).await?;
    let rows = client.query(&statement, &[&most_attempts, &limit]).await?;
    Ok(rows
        .iter()
        .map(|row| Rescued {
            task: row.get(0),
            account: row.get(1),
            session: row.get::<_, Option<Uuid>>(2).map(SessionId),
            ready: row.get::<_, &str>(3) == "ready",
        })
        .collect())
}

/// A task whose lease had run out.
#[derive(Debug, Clone, Copy)]
pub struct Rescued {
    pub task: TaskId,
    pub account: AccountId,
    pub session: Option<SessionId>,
    /// It will be begun again.
    pub ready: bool,
}
