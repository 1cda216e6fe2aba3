//! What workers come to: a session cut into segments, a segment done, a session at its end. Each in one transaction, under
//! the lock of the session's row, and only while the task's lease holds.

use pinksync_model::{Reason, Report, SessionStatus};
use serde_json::json;

use super::row::SessionRow;
use super::transition::{Moved, lock, move_to};
use super::{admit, count_tasks, set_progress};
use crate::ids::{AccountId, SessionId, TaskId};
use crate::queue::Class;
use crate::request::Advance;
use crate::store::tasks::{self, NewTask, Outcome, TaskKind, ToPublish};
use crate::store::{Result, Transaction, events};

/// A task at work, of a session.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    pub account: AccountId,
    pub session: SessionId,
    pub task: TaskId,
    pub generation: i64,
}

/// What came of it; the caller publishes after its commit.
#[must_use]
#[derive(Debug)]
pub enum Ended {
    Done(Vec<ToPublish>),
    /// The lease was lost: nothing is changed.
    Lost,
}

/// A session is cut into segments. `window`: how many of them may be in flight at once.
pub async fn share(
    transaction: &Transaction<'_>,
    held: Held,
    segments: Vec<Vec<u8>>,
    progress: &[u8],
    next: &[u8],
    window: usize,
) -> Result<Ended> {
    let Some((session, outcome)) = wanted(transaction, held).await? else { return Ok(Ended::Lost) };
    if !tasks::end(transaction, held.task, held.generation, &outcome).await? {
        return Ok(Ended::Lost);
    }
    if session.status != SessionStatus::InProgress {
        return Ok(Ended::Done(Vec::new()));
    }
    set_progress(transaction, held.session, progress, Some(next)).await?;
    count_tasks(transaction, held.session, 1, segments.len() as i64).await?;
    let connections = super::connections(transaction, held.session).await?;
    let tasks: Vec<NewTask> = segments
        .into_iter()
        .enumerate()
        .map(|(at, payload)| NewTask {
            account: held.account,
            sync: Some(session.sync),
            session: Some(held.session),
            kind: TaskKind::Segment,
            class: Class::Bulk,
            payload,
            connections: connections.clone(),
            held: at >= window,
        })
        .collect();
    tasks::insert(transaction, &tasks).await.map(Ended::Done)
}

/// A step is taken and the next one is to be taken by somebody, so that others get their turn.
pub async fn step(transaction: &Transaction<'_>, held: Held, progress: &[u8]) -> Result<Ended> {
    let Some((session, outcome)) = wanted(transaction, held).await? else { return Ok(Ended::Lost) };
    if !tasks::end(transaction, held.task, held.generation, &outcome).await? {
        return Ok(Ended::Lost);
    }
    if session.status != SessionStatus::InProgress {
        return Ok(Ended::Done(Vec::new()));
    }
    set_progress(transaction, held.session, progress, None).await?;
    count_tasks(transaction, held.session, 1, 1).await?;
    admit::advance(transaction, held.account, held.session, session.sync, Class::Bulk, Advance { follows: true })
        .await
        .map(Ended::Done)
}

/// A task ends, or is to be begun again. The last one of its session opens the session's next step; where some are parked,
/// the session pauses with their remedy.
pub async fn end_task(transaction: &Transaction<'_>, held: Held, outcome: &Outcome) -> Result<Ended> {
    let Some(session) = lock(transaction, held.account, held.session).await? else { return Ok(Ended::Lost) };
    if !tasks::end(transaction, held.task, held.generation, outcome).await? {
        return Ok(Ended::Lost);
    }
    let over = match outcome {
        Outcome::Done { .. } | Outcome::Withdrawn | Outcome::Parked { .. } => true,
        Outcome::HandedBack | Outcome::Again { .. } => false,
    };
    if !over || session.status != SessionStatus::InProgress {
        return Ok(Ended::Done(Vec::new()));
    }
    if matches!(outcome, Outcome::Done { .. }) {
        count_tasks(transaction, held.session, 1, 0).await?;
        let progress = json!({"tasks_done": session.tasks_done + 1, "tasks_total": session.tasks_total});
        events::append(transaction, held.account, held.session, "progress", &progress).await?;
    }
    go_on(transaction, &session).await.map(Ended::Done)
}

/// What follows where tasks of a session have ended: the next ones, the next step, or a pause.
pub async fn go_on(transaction: &Transaction<'_>, session: &SessionRow) -> Result<Vec<ToPublish>> {
    let (open, parked) = tasks::open_of_session(transaction, session.id).await?;
    if open > 0 {
        return tasks::release(transaction, session.id, 1).await;
    }
    if parked > 0 {
        pause_for_parked(transaction, session).await?;
        return Ok(Vec::new());
    }
    if let Some(next) = &session.progress_next {
        set_progress(transaction, session.id, next, None).await?;
    }
    count_tasks(transaction, session.id, 0, 1).await?;
    admit::advance(transaction, session.account, session.id, session.sync, Class::Bulk, Advance { follows: true }).await
}

async fn pause_for_parked(transaction: &Transaction<'_>, session: &SessionRow) -> Result<()> {
    const SELECT: &str = "SELECT coalesce(error_code, ''), coalesce(error_detail, ''), coalesce(remedy, '') FROM tasks
        WHERE session_id = $1 AND status = 'parked' ORDER BY ended_at LIMIT 1";
    let row = transaction.query_one(SELECT, &[&session.id.0]).await?;
    let (code, detail, remedy): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
    // A decision does not go on: it is made again.
    let then = match session.resolves {
        None => "then resume the session",
        Some(_) => "then cancel the session of this decision, and decide again",
    };
    let reason = Reason { code: format!("parked:{code}"), detail: format!("{detail}; {remedy}, {then}") };
    match move_to(transaction, session.account, session.id, SessionStatus::Paused, Some(&reason), None).await? {
        Moved::Done | Moved::NotFrom(_) | Moved::Unknown => Ok(()),
    }
}

/// A session comes to its end, or pauses, by the task that is its own. `result`: what the task's caller is told.
pub async fn end_session(
    transaction: &Transaction<'_>,
    held: Held,
    status: SessionStatus,
    reason: Option<&Reason>,
    report: Option<&Report>,
    result: Option<serde_json::Value>,
) -> Result<Ended> {
    let Some((_, mut outcome)) = wanted(transaction, held).await? else { return Ok(Ended::Lost) };
    if let Outcome::Done { result: told } = &mut outcome {
        *told = result;
    }
    if !tasks::end(transaction, held.task, held.generation, &outcome).await? {
        return Ok(Ended::Lost);
    }
    count_tasks(transaction, held.session, 1, 0).await?;
    match move_to(transaction, held.account, held.session, status, reason, report).await? {
        // Who cancelled or paused it meanwhile was first.
        Moved::Done | Moved::NotFrom(_) | Moved::Unknown => Ok(Ended::Done(Vec::new())),
    }
}

/// The session, locked, and how its task ends: withdrawn where the session is not in progress any more.
async fn wanted(transaction: &Transaction<'_>, held: Held) -> Result<Option<(SessionRow, Outcome)>> {
    let Some(session) = lock(transaction, held.account, held.session).await? else { return Ok(None) };
    let outcome = match session.status {
        SessionStatus::InProgress => Outcome::Done { result: None },
        _ => Outcome::Withdrawn,
    };
    Ok(Some((session, outcome)))
}
