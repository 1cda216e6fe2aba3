//! Tasks that failed for good: listed with a remedy, and driven again.

use tokio_postgres::Row;
use uuid::Uuid;

use super::relay::to_publish;
use super::{TaskKind, ToPublish};
use crate::ids::{AccountId, SessionId, TaskId};
use crate::store::{GenericClient, Result};
use crate::time::Utc;

/// A task that failed for good.
#[derive(Debug, Clone)]
pub struct Parked {
    pub id: TaskId,
    pub session: Option<SessionId>,
    /// Its session is paused for it, and does its work afresh when it is resumed.
    pub pauses: bool,
    pub kind: TaskKind,
    pub attempts: i32,
    pub code: String,
    pub detail: String,
    pub remedy: String,
    pub parked_at: Utc,
}

/// Of an account; a session is paused once nothing of it is left but parked tasks.
const PARKED: &str = "(SELECT t.*, coalesce(s.status = 'paused', false) AS pauses
    FROM tasks t LEFT JOIN sessions s ON s.id = t.session_id WHERE t.account_id = $1 AND t.status = 'parked')";

const COLUMNS: &str = "id, session_id, pauses, kind, attempts, coalesce(error_code, '') AS code,
    coalesce(error_detail, '') AS detail, coalesce(remedy, '') AS remedy, ended_at";

fn read(row: &Row) -> Result<Parked> {
    Ok(Parked {
        id: row.get("id"),
        session: row.get::<_, Option<Uuid>>("session_id").map(SessionId),
        pauses: row.get("pauses"),
        kind: TaskKind::parse(row.get("kind"))?,
        attempts: row.get("attempts"),
        code: row.get("code"),
        detail: row.get("detail"),
        remedy: row.get("remedy"),
        parked_at: row.get("ended_at"),
    })
}

/// Tasks of an account that failed for good, oldest first, beyond `after`.
pub async fn parked(
    client: &impl GenericClient,
    account: AccountId,
    after: Option<TaskId>,
    limit: i64,
) -> Result<Vec<Parked>> {
    let select = format!("SELECT {COLUMNS} FROM {PARKED} p WHERE ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3");
    let statement = client.prepare_cached(&select).await?;
    client.query(&statement, &[&account, &after, &limit]).await?.iter().map(read).collect()
}

/// One of them.
pub async fn parked_one(client: &impl GenericClient, account: AccountId, task: TaskId) -> Result<Option<Parked>> {
    let select = format!("SELECT {COLUMNS} FROM {PARKED} p WHERE id = $2");
    let statement = client.prepare_cached(&select).await?;
    client.query_opt(&statement, &[&account, &task]).await?.as_ref().map(read).transpose()
}

/// Makes a parked task ready again, as if it had never been begun; the caller publishes after its commit, and holds the
/// lock of the task's session. `None`: the account has no such parked task.
pub async fn drive_again(client: &impl GenericClient, account: AccountId, task: TaskId) -> Result<Option<ToPublish>> {
    const UPDATE: &str = "UPDATE tasks SET status = 'ready', attempts = 0, ended_at = NULL, published_at = NULL,
        available_at = now() WHERE account_id = $1 AND id = $2 AND status = 'parked' RETURNING id, class";
    let statement = client.prepare_cached(UPDATE).await?;
    client.query_opt(&statement, &[&account, &task]).await?.as_ref().map(to_publish).transpose()
}
