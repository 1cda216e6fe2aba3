//! What the scheduler asks of schedules and of sessions under limits. Lists are system-wide, and only say where to look:
//! what follows is decided again under the lock of the schedule's or the session's row.

use std::time::Duration;

use jiff::civil::Time;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{GenericClient, Result, StoreError, Transaction};
use crate::ids::{AccountId, ScheduleId, SessionId, SyncId};
use crate::time::Utc;

/// Reason of sessions that may not work since the window of their schedule is closed.
pub const WINDOW_CLOSED: &str = "window_closed";

/// What is to happen at a due time while an earlier session of the sync is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// The time is left out.
    Skip,
    /// The new session waits.
    Queue,
}

impl Overlap {
    /// The spelling in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
        }
    }
}

/// When a schedule is due and may work, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Times {
    pub cron: Option<String>,
    pub timezone: String,
    /// Local times of day at which it opens and closes.
    pub window: Option<(Time, Time)>,
}

/// A schedule whose time has come, locked.
#[derive(Debug, Clone)]
pub struct Due {
    pub id: ScheduleId,
    pub account: AccountId,
    pub sync: SyncId,
    /// The sync's newest; `None`: it was deleted.
    pub revision: Option<i64>,
    pub times: Times,
    pub overlap: Overlap,
    /// How late it may still fire.
    pub catch_up: Duration,
    pub due_at: Utc,
    pub now: Utc,
}

/// Schedules whose time has come, the longest due first.
pub async fn due(client: &impl GenericClient, limit: i64) -> Result<Vec<ScheduleId>> {
    const SELECT: &str = "SELECT id FROM schedules WHERE next_at <= now() AND NOT paused ORDER BY next_at LIMIT $1";
    let statement = client.prepare_cached(SELECT).await?;
    Ok(client.query(&statement, &[&limit]).await?.iter().map(|row| row.get(0)).collect())
}

/// Locks a schedule if its time has come and nobody else is at it.
pub async fn lock_due(transaction: &Transaction<'_>, id: ScheduleId) -> Result<Option<Due>> {
    const SELECT: &str = "SELECT d.id, d.account_id, d.sync_id, d.cron, d.timezone, d.window_opens::text,
            d.window_closes::text, d.overlap, d.catch_up_seconds, d.next_at, now() AS now,
            (SELECT s.revision FROM syncs s WHERE s.id = d.sync_id AND s.deleted_at IS NULL) AS revision
        FROM schedules d WHERE d.id = $1 AND d.next_at <= now() AND NOT d.paused FOR UPDATE OF d SKIP LOCKED";
    let statement = transaction.prepare_cached(SELECT).await?;
    let Some(row) = transaction.query_opt(&statement, &[&id]).await? else { return Ok(None) };
    let catch_up = u64::try_from(row.get::<_, i32>("catch_up_seconds")).unwrap_or_default();
    Ok(Some(Due {
        id: row.get("id"),
        account: row.get("account_id"),
        sync: row.get("sync_id"),
        revision: row.get("revision"),
        times: times(&row)?,
        overlap: overlap(&row),
        catch_up: Duration::from_secs(catch_up),
        due_at: row.get("next_at"),
        now: row.get("now"),
    }))
}

/// Whether a session of a sync is under way, paused, or waits for a slot.
pub async fn unfinished(client: &impl GenericClient, account: AccountId, sync: SyncId) -> Result<bool> {
    const SELECT: &str = "SELECT
        EXISTS (SELECT 1 FROM sessions WHERE account_id = $1 AND sync_id = $2
            AND status IN ('in_progress', 'paused') AND resolves IS NULL)
        OR EXISTS (SELECT 1 FROM sessions WHERE account_id = $1 AND sync_id = $2 AND wants_slot)";
    let statement = client.prepare_cached(SELECT).await?;
    Ok(client.query_one(&statement, &[&account, &sync]).await?.get(0))
}

/// Notes that a schedule has come to its due time. False: somebody has been there before.
pub async fn come_to(transaction: &Transaction<'_>, due: &Due) -> Result<bool> {
    const INSERT: &str = "INSERT INTO schedule_firings (schedule_id, due_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let statement = transaction.prepare_cached(INSERT).await?;
    Ok(transaction.execute(&statement, &[&due.id, &due.due_at]).await? > 0)
}

/// Notes the session that a due time has led to.
pub async fn fired(transaction: &Transaction<'_>, due: &Due, session: SessionId) -> Result<()> {
    const FIRING: &str = "UPDATE schedule_firings SET session_id = $3 WHERE schedule_id = $1 AND due_at = $2";
    const SCHEDULE: &str = "UPDATE schedules SET last_at = now(), last_session_id = $2 WHERE id = $1";
    let firing = transaction.prepare_cached(FIRING).await?;
    transaction.execute(&firing, &[&due.id, &due.due_at, &session.0]).await?;
    let schedule = transaction.prepare_cached(SCHEDULE).await?;
    transaction.execute(&schedule, &[&due.id, &session.0]).await?;
    Ok(())
}

/// Sets when a schedule is due next, and forgets firings that are too old to come again.
pub async fn move_on(transaction: &Transaction<'_>, id: ScheduleId, next: Option<Utc>) -> Result<()> {
    const UPDATE: &str = "UPDATE schedules SET next_at = $2 WHERE id = $1";
    const FORGET: &str = "DELETE FROM schedule_firings WHERE schedule_id = $1 AND due_at < now() - interval '30 days'";
    let update = transaction.prepare_cached(UPDATE).await?;
    transaction.execute(&update, &[&id, &next]).await?;
    let forget = transaction.prepare_cached(FORGET).await?;
    transaction.execute(&forget, &[&id]).await?;
    Ok(())
}

/// A session that a window concerns.
#[derive(Debug, Clone)]
pub struct Windowed {
    pub account: AccountId,
    pub session: SessionId,
    pub state: WindowedState,
    /// `None`: its schedule is gone.
    pub times: Option<Times>,
    /// Its schedule was paused by a person.
    pub schedule_paused: bool,
    pub now: Utc,
}

/// What it does, or waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowedState {
    /// In progress since then.
    Working(Utc),
    /// Waits for a slot since then, to begin or to go on.
    Waiting(Utc),
    /// Waits for its window to open.
    HeldBack,
}

const WINDOWED: &str = "SELECT s.account_id, s.id, s.status, s.wants_slot, s.active_since, s.wants_slot_since,
        d.id AS schedule_id, d.cron, d.timezone, d.window_opens::text, d.window_closes::text,
        coalesce(d.paused, false) AS schedule_paused, now() AS now
    FROM sessions s LEFT JOIN schedules d ON d.id = s.schedule_id
    WHERE s.ended_at IS NULL AND ((d.window_opens IS NOT NULL AND (s.status = 'in_progress' OR s.wants_slot))
        OR (s.reason_code = 'window_closed' AND NOT s.wants_slot))";

/// Sessions beyond `after` that windows concern, in the order of their ids.
pub async fn windowed(client: &impl GenericClient, after: SessionId, limit: i64) -> Result<Vec<Windowed>> {
    let select = format!("{WINDOWED} AND s.id > $1 ORDER BY s.id LIMIT $2");
    let statement = client.prepare_cached(&select).await?;
    client.query(&statement, &[&after.0, &limit]).await?.iter().map(read_windowed).collect()
}

/// A session, if a window concerns it. The caller holds the lock of its row.
pub async fn windowed_one(client: &impl GenericClient, session: SessionId) -> Result<Option<Windowed>> {
    let select = format!("{WINDOWED} AND s.id = $1");
    let statement = client.prepare_cached(&select).await?;
    client.query_opt(&statement, &[&session.0]).await?.as_ref().map(read_windowed).transpose()
}

fn read_windowed(row: &Row) -> Result<Windowed> {
    let (working, waiting): (Option<Utc>, Option<Utc>) = (row.get("active_since"), row.get("wants_slot_since"));
    let state = match (working, waiting) {
        (Some(since), _) => WindowedState::Working(since),
        (None, Some(since)) => WindowedState::Waiting(since),
        (None, None) => WindowedState::HeldBack,
    };
    let schedule: Option<ScheduleId> = row.get("schedule_id");
    Ok(Windowed {
        account: row.get("account_id"),
        session: SessionId(row.get("id")),
        state,
        times: schedule.map(|_| times(row)).transpose()?,
        schedule_paused: row.get("schedule_paused"),
        now: row.get("now"),
    })
}

pub(super) fn overlap(row: &Row) -> Overlap {
    if row.get::<_, &str>("overlap") == "queue" { Overlap::Queue } else { Overlap::Skip }
}

pub(super) fn times(row: &Row) -> Result<Times> {
    let opens = row.get::<_, Option<&str>>("window_opens").map(time_of_day).transpose()?;
    let closes = row.get::<_, Option<&str>>("window_closes").map(time_of_day).transpose()?;
    Ok(Times { cron: row.get("cron"), timezone: row.get("timezone"), window: opens.zip(closes) })
}

fn time_of_day(text: &str) -> Result<Time> {
    text.parse().map_err(|_| StoreError::Unreadable("a time of day of a schedule", text.to_owned()))
}

/// Sessions (or the one named) that were `in_progress` for longer than `limit`, pauses not counted; the longest first.
pub async fn overdue(
    client: &impl GenericClient,
    limit: Duration,
    only: Option<SessionId>,
    most: i64,
) -> Result<Vec<(AccountId, SessionId)>> {
    const SELECT: &str = "SELECT account_id, id FROM sessions WHERE status = 'in_progress' AND ended_at IS NULL
          AND active_seconds + extract(epoch FROM now() - active_since)::double precision > $1
          AND ($2::uuid IS NULL OR id = $2)
        ORDER BY active_since LIMIT $3";
    found(client, SELECT, limit, only, most).await
}

/// Sessions (or the one named) that are paused for longer than `limit`; the longest first.
pub async fn paused_too_long(
    client: &impl GenericClient,
    limit: Duration,
    only: Option<SessionId>,
    most: i64,
) -> Result<Vec<(AccountId, SessionId)>> {
    const SELECT: &str = "SELECT account_id, id FROM sessions WHERE status = 'paused'
          AND paused_at < now() - make_interval(secs => $1) AND ($2::uuid IS NULL OR id = $2)
        ORDER BY paused_at LIMIT $3";
    found(client, SELECT, limit, only, most).await
}

async fn found(
    client: &impl GenericClient,
    select: &str,
    limit: Duration,
    only: Option<SessionId>,
    most: i64,
) -> Result<Vec<(AccountId, SessionId)>> {
    let only: Option<Uuid> = only.map(|session| session.0);
    let statement = client.prepare_cached(select).await?;
    let rows = client.query(&statement, &[&limit.as_secs_f64(), &only, &most]).await?;
    Ok(rows.iter().map(|row| (row.get(0), SessionId(row.get(1)))).collect())
}

/// Sessions (or the one named) that are in progress although none of their tasks is, or can be: whoever was to go on with
/// them died after a task had been taken from its owner.
pub async fn stalled(
    client: &impl GenericClient,
    only: Option<SessionId>,
    most: i64,
) -> Result<Vec<(AccountId, SessionId)>> {
    const SELECT: &str = "SELECT account_id, id FROM sessions s WHERE status = 'in_progress' AND ended_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.session_id = s.id
            AND (t.status = 'running' OR (t.status = 'ready' AND NOT t.held)))
          AND (resolves IS NULL
            OR EXISTS (SELECT 1 FROM tasks t WHERE t.session_id = s.id AND t.status = 'parked'))
          AND ($1::uuid IS NULL OR id = $1)
        LIMIT $2";
    let only: Option<Uuid> = only.map(|session| session.0);
    let statement = client.prepare_cached(SELECT).await?;
    let rows = client.query(&statement, &[&only, &most]).await?;
    Ok(rows.iter().map(|row| (row.get(0), SessionId(row.get(1)))).collect())
}
