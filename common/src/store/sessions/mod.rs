//! Sessions: stored, looked at, moved from state to state, let in under the account's cap.

mod admit;
mod decide;
mod row;
mod transition;
mod work;

use serde_json::json;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{GenericClient, Result, Transaction, events};
use crate::ids::{AccountId, ApiKeyId, ConflictId, ScheduleId, SessionId, SyncId};
use pinksync_model::{GuardName, Mode, Phase, SessionStatus};

pub use admit::{admit, admit_one, waiting_accounts};
pub use decide::{Decider, decide};
pub use row::SessionRow;
pub use transition::{Moved, hold_back, lock, move_to, want_slot};
pub use work::{Ended, Held, end_session, end_task, go_on, share, step};

/// A session to be stored.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub account: AccountId,
    pub sync: SyncId,
    pub revision: i64,
    pub mode: Mode,
    pub allowed: Vec<GuardName>,
    pub retry_of: Option<SessionId>,
    pub undo_of: Option<SessionId>,
    pub apply_of: Option<SessionId>,
    pub resolves: Option<ConflictId>,
    pub schedule: Option<ScheduleId>,
    pub created_by: Option<ApiKeyId>,
    /// It begins as soon as there is room; otherwise it waits for `start`.
    pub start: bool,
}

impl NewSession {
    /// One that follows from nothing, was asked for by nobody, and begins as soon as there is room.
    pub fn of(account: AccountId, sync: SyncId, revision: i64, mode: Mode) -> Self {
        Self {
            account,
            sync,
            revision,
            mode,
            allowed: Vec::new(),
            retry_of: None,
            undo_of: None,
            apply_of: None,
            resolves: None,
            schedule: None,
            created_by: None,
            start: true,
        }
    }
}

/// Stores a session as `pending`. One that settles a conflict needs no slot and is `in_progress` at once.
pub async fn insert(transaction: &Transaction<'_>, new: &NewSession) -> Result<SessionId> {
    const INSERT: &str = "INSERT INTO sessions (id, account_id, sync_id, revision, mode, status, allowed, retry_of,
            undo_of, apply_of, resolves, schedule_id, created_by, wants_slot, wants_slot_since, active_since, started_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
            CASE WHEN $14 THEN clock_timestamp() END,
            CASE WHEN $6 = 'in_progress' THEN now() END, CASE WHEN $6 = 'in_progress' THEN now() END)";
    let id = SessionId::new();
    let status = if new.resolves.is_some() { SessionStatus::InProgress } else { SessionStatus::Pending };
    let allowed: Vec<&str> = new.allowed.iter().map(|guard| guard.as_str()).collect();
    let of = |session: Option<SessionId>| session.map(|session| session.0);
    let statement = transaction.prepare_cached(INSERT).await?;
    let waits = new.start && new.resolves.is_none();
    let parameters: [&(dyn ToSql + Sync); 14] = [
        &id.0,
        &new.account,
        &new.sync,
        &new.revision,
        &new.mode.as_str(),
        &status.as_str(),
        &allowed,
        &of(new.retry_of),
        &of(new.undo_of),
        &of(new.apply_of),
        &new.resolves,
        &new.schedule,
        &new.created_by,
        &waits,
    ];
    transaction.execute(&statement, &parameters).await?;
    let data = json!({"status": status.as_str()});
    events::append(transaction, new.account, id, "session", &data).await?;
    Ok(id)
}

/// A session of an account.
pub async fn get(client: &impl GenericClient, account: AccountId, id: SessionId) -> Result<Option<SessionRow>> {
    let select = format!("SELECT {} FROM sessions WHERE account_id = $1 AND id = $2", row::COLUMNS);
    let statement = client.prepare_cached(&select).await?;
    client.query_opt(&statement, &[&account, &id.0]).await?.as_ref().map(SessionRow::read).transpose()
}

/// Which sessions a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub sync: Option<SyncId>,
    pub status: Option<SessionStatus>,
    pub mode: Option<Mode>,
    pub schedule: Option<ScheduleId>,
}

/// Sessions of an account, newest first, below `before`.
pub async fn list(
    client: &impl GenericClient,
    account: AccountId,
    filter: &Filter,
    before: Option<SessionId>,
    limit: i64,
) -> Result<Vec<SessionRow>> {
    let select = format!(
        "SELECT {} FROM sessions WHERE account_id = $1 AND ($2::uuid IS NULL OR id < $2)
         AND ($3::uuid IS NULL OR sync_id = $3) AND ($4::text IS NULL OR status = $4)
         AND ($5::text IS NULL OR mode = $5) AND ($6::uuid IS NULL OR schedule_id = $6) ORDER BY id DESC LIMIT $7",
        row::COLUMNS
    );
    let before: Option<Uuid> = before.map(|id| id.0);
    let (status, mode) = (filter.status.map(SessionStatus::as_str), filter.mode.map(Mode::as_str));
    let statement = client.prepare_cached(&select).await?;
    let rows =
        client.query(&statement, &[&account, &before, &filter.sync, &status, &mode, &filter.schedule, &limit]).await?;
    rows.iter().map(SessionRow::read).collect()
}

/// Whether a session carries out, or has carried out, another one's plan, and was not taken back.
pub async fn is_applied(client: &impl GenericClient, account: AccountId, plan: SessionId) -> Result<bool> {
    const SELECT: &str = "SELECT EXISTS (SELECT 1 FROM sessions WHERE account_id = $1 AND apply_of = $2
        AND status NOT IN ('failed', 'cancelled') AND undone_at IS NULL)";
    Ok(client.query_one(SELECT, &[&account, &plan.0]).await?.get(0))
}

/// Notes a checkpoint: where the session goes on after a pause, and (`next`) after the tasks it was cut into.
pub async fn set_progress(
    client: &impl GenericClient,
    session: SessionId,
    progress: &[u8],
    next: Option<&[u8]>,
) -> Result<()> {
    const UPDATE: &str = "UPDATE sessions SET progress = $2, progress_next = $3 WHERE id = $1";
    let statement = client.prepare_cached(UPDATE).await?;
    client.execute(&statement, &[&session.0, &progress, &next]).await?;
    Ok(())
}

/// Notes what a session at work is doing; nothing where it is not at work any more.
pub async fn note_phase(
    transaction: &Transaction<'_>,
    account: AccountId,
    session: SessionId,
    phase: Phase,
    dataset: &str,
) -> Result<()> {
    const UPDATE: &str = "UPDATE sessions SET phase = $3 WHERE account_id = $1 AND id = $2 AND status = 'in_progress'";
    let statement = transaction.prepare_cached(UPDATE).await?;
    if transaction.execute(&statement, &[&account, &session.0, &phase.as_str()]).await? > 0 {
        let data = json!({"phase": phase.as_str(), "dataset": dataset});
        events::append(transaction, account, session, "phase", &data).await?;
    }
    Ok(())
}

/// Adds to the numbers of a session's tasks: (done, in total).
pub async fn count_tasks(client: &impl GenericClient, session: SessionId, done: i64, total: i64) -> Result<()> {
    const UPDATE: &str =
        "UPDATE sessions SET tasks_done = tasks_done + $2, tasks_total = tasks_total + $3 WHERE id = $1";
    let statement = client.prepare_cached(UPDATE).await?;
    client.execute(&statement, &[&session.0, &done, &total]).await?;
    Ok(())
}

/// Notes that an undo has taken a session back.
pub async fn set_undone(client: &impl GenericClient, account: AccountId, session: SessionId) -> Result<()> {
    const UPDATE: &str = "UPDATE sessions SET undone_at = now() WHERE account_id = $1 AND id = $2";
    client.execute(UPDATE, &[&account, &session.0]).await?;
    Ok(())
}

/// The saved connections that a session works on.
async fn connections(transaction: &Transaction<'_>, session: SessionId) -> Result<Vec<Uuid>> {
    const SELECT: &str = "SELECT r.connections FROM sessions s
        JOIN sync_revisions r ON r.sync_id = s.sync_id AND r.revision = s.revision WHERE s.id = $1";
    let statement = transaction.prepare_cached(SELECT).await?;
    let row = transaction.query_opt(&statement, &[&session.0]).await?;
    Ok(row.map(|row| row.get(0)).unwrap_or_default())
}
