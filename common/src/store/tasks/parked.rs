//! Tasks that failed for good: listed with a remedy, and driven again.

use uuid::Uuid;

use super::TaskKind;
use crate::ids::{AccountId, SessionId, TaskId};
use crate::store::{GenericClient, Result};
use crate::time::Utc;

/// A task that failed for good.
#[derive(Debug, Clone)]
pub struct Parked {
    pub id: TaskId,
    pub session: Option<SessionId>,
    pub kind: TaskKind,
    pub attempts: i32,
    pub code: String,
    pub detail: String,
    pub remedy: String,
    pub parked_at: Utc,
}

/// Parked tasks of an account, oldest first, beyond `after`.
pub async fn parked(
    client: &impl GenericClient,
    account: AccountId,
    after: Option<TaskId>,
    limit: i64,
) -> Result<Vec<Parked>> {
    const SELECT: &str = "SELECT id, session_id, kind, attempts, coalesce(error_code, ''), coalesce(error_detail, ''),
        coalesce(remedy, ''), ended_at FROM tasks
        WHERE account_id = $1 AND status = 'parked' AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3";
    let statement = client.prepare_cached(SELECT).await?;
    let rows = client.query(&statement, &[&account, &after, &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Parked {
                id: row.get(0),
                session: row.get::<_, Option<Uuid>>(1).map(SessionId),
                kind: TaskKind::parse(row.get(2))?,
                attempts: row.get(3),
                code: row.get(4),
                detail: row.get(5),
                remedy: row.get(6),
                parked_at: row.get(7),
            })
        })
        .collect()
}

/// Makes a parked task ready again, as if it had never been begun. False: the account has no such parked task.
pub async fn drive_again(client: &impl GenericClient, account: AccountId, task: TaskId) -> Result<bool> {
    const UPDATE: &str = "UPDATE tasks SET status = 'ready', attempts = 0, ended_at = NULL, published_at = NULL,
        available_at = now() WHERE account_id = $1 AND id = $2 AND status = 'parked'";
    let statement = client.prepare_cached(UPDATE).await?;
    Ok(client.execute(&statement, &[&account, &task]).await? > 0)
}
