//! Schedules: when sessions of a sync start by themselves, and when they may work.

use tokio_postgres::Row;
use uuid::Uuid;

use super::scheduling::{Overlap, Times, overlap, times};
use super::{GenericClient, Result};
use crate::ids::{AccountId, ScheduleId, SessionId, SyncId};
use crate::time::Utc;

/// Local times are text here, since the driver knows no type of ours for them.
const COLUMNS: &str = "id, sync_id, name, cron, timezone, window_opens::text, window_closes::text,
    overlap, catch_up_seconds, paused, next_at, last_at, last_session_id, revision, created_at, updated_at";

/// What a schedule is made of or changed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    pub sync: SyncId,
    pub name: String,
    pub times: Times,
    pub overlap: Overlap,
    /// How late a due time may still be made up for.
    pub catch_up_seconds: i32,
}

#[derive(Debug, Clone)]
pub struct Schedule {
    pub id: ScheduleId,
    pub contents: Contents,
    pub paused: bool,
    /// None: nothing is due (paused, without cron, or beyond the calendar).
    pub next_at: Option<Utc>,
    pub last_at: Option<Utc>,
    pub last_session: Option<SessionId>,
    /// One more with each change.
    pub revision: i64,
    pub created_at: Utc,
    pub updated_at: Utc,
}

fn read(row: &Row) -> Result<Schedule> {
    Ok(Schedule {
        id: row.get("id"),
        contents: Contents {
            sync: row.get("sync_id"),
            name: row.get("name"),
            times: times(row)?,
            overlap: overlap(row),
            catch_up_seconds: row.get("catch_up_seconds"),
        },
        paused: row.get("paused"),
        next_at: row.get("next_at"),
        last_at: row.get("last_at"),
        last_session: row.get::<_, Option<Uuid>>("last_session_id").map(SessionId),
        revision: row.get("revision"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    })
}

/// Opening and closing as SQL has them.
fn bounds(times: &Times) -> (Option<String>, Option<String>) {
    (times.window.map(|(opens, _)| opens.to_string()), times.window.map(|(_, closes)| closes.to_string()))
}

/// The database's clock, by which schedules come due.
pub async fn now(client: &impl GenericClient) -> Result<Utc> {
    Ok(client.query_one("SELECT now()", &[]).await?.get(0))
}

/// Adds a schedule; `next_at` is its first due time.
pub async fn insert(
    client: &impl GenericClient,
    account: AccountId,
    contents: &Contents,
    next_at: Option<Utc>,
) -> Result<Schedule> {
    let sql = format!(
        "INSERT INTO schedules (id, account_id, sync_id, name, cron, timezone, window_opens, window_closes, overlap,
             catch_up_seconds, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7::text::time, $8::text::time, $9, $10, $11) RETURNING {COLUMNS}"
    );
    let Contents { sync, name, times, overlap, catch_up_seconds } = contents;
    let (Times { cron, timezone, .. }, (opens, closes)) = (times, bounds(times));
    let id = ScheduleId::new();
    let overlap = overlap.as_str();
    let row = client
        .query_one(
            &sql,
            &[&id, &account, &sync, &name, &cron, &timezone, &opens, &closes, &overlap, &catch_up_seconds, &next_at],
        )
        .await?;
    read(&row)
}

pub async fn get(client: &impl GenericClient, account: AccountId, id: ScheduleId) -> Result<Option<Schedule>> {
    let sql = format!("SELECT {COLUMNS} FROM schedules WHERE account_id = $1 AND id = $2");
    client.query_opt(&sql, &[&account, &id]).await?.as_ref().map(read).transpose()
}

/// As [`get`], and nobody changes it until the transaction ends.
pub async fn lock(transaction: &impl GenericClient, account: AccountId, id: ScheduleId) -> Result<Option<Schedule>> {
    let sql = format!("SELECT {COLUMNS} FROM schedules WHERE account_id = $1 AND id = $2 FOR UPDATE");
    transaction.query_opt(&sql, &[&account, &id]).await?.as_ref().map(read).transpose()
}

/// The newest first, at most `limit`, those older than `after`.
pub async fn list(
    client: &impl GenericClient,
    account: AccountId,
    after: Option<ScheduleId>,
    limit: i64,
) -> Result<Vec<Schedule>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM schedules WHERE account_id = $1 AND ($2::uuid IS NULL OR id < $2)
         ORDER BY id DESC LIMIT $3"
    );
    client.query(&sql, &[&account, &after, &limit]).await?.iter().map(read).collect()
}

/// Gives a schedule other contents and the next revision. None: it is not there.
pub async fn update(
    client: &impl GenericClient,
    account: AccountId,
    id: ScheduleId,
    contents: &Contents,
    next_at: Option<Utc>,
) -> Result<Option<Schedule>> {
    let sql = format!(
        "UPDATE schedules SET sync_id = $3, name = $4, cron = $5, timezone = $6, window_opens = $7::text::time,
             window_closes = $8::text::time, overlap = $9, catch_up_seconds = $10, next_at = $11,
             revision = revision + 1, updated_at = now()
         WHERE account_id = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    let Contents { sync, name, times, overlap, catch_up_seconds } = contents;
    let (Times { cron, timezone, .. }, (opens, closes)) = (times, bounds(times));
    let overlap = overlap.as_str();
    let row = client
        .query_opt(
            &sql,
            &[&account, &id, &sync, &name, &cron, &timezone, &opens, &closes, &overlap, &catch_up_seconds, &next_at],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// Pauses a schedule, or lets it go on with `next_at`. None: it is not there.
pub async fn set_paused(
    client: &impl GenericClient,
    account: AccountId,
    id: ScheduleId,
    paused: bool,
    next_at: Option<Utc>,
) -> Result<Option<Schedule>> {
    let sql = format!(
        "UPDATE schedules SET paused = $3, next_at = $4, revision = revision + 1, updated_at = now()
         WHERE account_id = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    client.query_opt(&sql, &[&account, &id, &paused, &next_at]).await?.as_ref().map(read).transpose()
}

/// Whether there was one to delete.
pub async fn delete(client: &impl GenericClient, account: AccountId, id: ScheduleId) -> Result<bool> {
    let sql = "DELETE FROM schedules WHERE account_id = $1 AND id = $2";
    Ok(client.execute(sql, &[&account, &id]).await? > 0)
}
