//! Moves from state to state, each under the lock of the session's row, each with its event.

use pinksync_model::{Reason, Report, SessionStatus};
use serde_json::json;

use super::row::{self, SessionRow};
use crate::ids::{AccountId, SessionId};
use crate::store::{Result, StoreError, Transaction, events, tasks};

/// What came of a move.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    Done,
    /// The session is in a state from which no such move leads.
    NotFrom(SessionStatus),
    /// The account has no such session.
    Unknown,
}

/// A session, locked until the transaction ends.
pub async fn lock(transaction: &Transaction<'_>, account: AccountId, id: SessionId) -> Result<Option<SessionRow>> {
    let select = format!("SELECT {} FROM sessions WHERE account_id = $1 AND id = $2 FOR NO KEY UPDATE", row::COLUMNS);
    let statement = transaction.prepare_cached(&select).await?;
    transaction.query_opt(&statement, &[&account, &id.0]).await?.as_ref().map(SessionRow::read).transpose()
}

/// Moves a session to another state, if a move leads there. Leaving `in_progress` withdraws the tasks that nobody works
/// on; those at work come to their checkpoint, as their workers see. `report`: of one that ends.
pub async fn move_to(
    transaction: &Transaction<'_>,
    account: AccountId,
    id: SessionId,
    next: SessionStatus,
    reason: Option<&Reason>,
    report: Option<&Report>,
) -> Result<Moved> {
    const UPDATE: &str = "UPDATE sessions SET status = $2, reason_code = $3, reason_detail = $4, wants_slot = false,
            wants_slot_since = NULL, report = coalesce($5, report),
            active_seconds = active_seconds + coalesce(extract(epoch FROM now() - active_since)::double precision, 0),
            active_since = CASE WHEN $2 = 'in_progress' THEN now() END,
            started_at = CASE WHEN $2 = 'in_progress' THEN coalesce(started_at, now()) ELSE started_at END,
            paused_at = CASE WHEN $2 = 'paused' THEN now() END,
            ended_at = CASE WHEN $2 IN ('completed', 'failed', 'cancelled') THEN now() END
        WHERE id = $1";
    let Some(session) = lock(transaction, account, id).await? else { return Ok(Moved::Unknown) };
    if !session.status.can_become(next) {
        return Ok(Moved::NotFrom(session.status));
    }
    let (code, detail) = (reason.map(|reason| &reason.code), reason.map(|reason| &reason.detail));
    let unreadable = |error: serde_json::Error| StoreError::Unreadable("a report", error.to_string());
    let report = report.map(serde_json::to_value).transpose().map_err(unreadable)?;
    let statement = transaction.prepare_cached(UPDATE).await?;
    transaction.execute(&statement, &[&id.0, &next.as_str(), &code, &detail, &report]).await?;
    if session.status != SessionStatus::Pending {
        // What is parked is to be seen while the session is paused.
        let withdrawn = tasks::withdraw(transaction, account, id, next != SessionStatus::Paused).await?;
        super::count_tasks(transaction, id, 0, -i64::try_from(withdrawn).unwrap_or(i64::MAX)).await?;
    }
    let data = json!({"status": next.as_str(), "reason": reason});
    events::append(transaction, account, id, "session", &data).await?;
    Ok(Moved::Done)
}

/// Lets a session wait for a slot: a pending one to begin, a paused one to go on.
pub async fn want_slot(transaction: &Transaction<'_>, account: AccountId, id: SessionId) -> Result<Moved> {
    const UPDATE: &str = "UPDATE sessions SET wants_slot = true,
        wants_slot_since = coalesce(wants_slot_since, clock_timestamp()) WHERE id = $1";
    let Some(session) = lock(transaction, account, id).await? else { return Ok(Moved::Unknown) };
    match session.status {
        SessionStatus::Pending | SessionStatus::Paused => {
            let statement = transaction.prepare_cached(UPDATE).await?;
            transaction.execute(&statement, &[&id.0]).await?;
            Ok(Moved::Done)
        }
        SessionStatus::InProgress | SessionStatus::Completed | SessionStatus::Failed | SessionStatus::Cancelled => {
            Ok(Moved::NotFrom(session.status))
        }
    }
}

/// Takes back that a session waits for a slot, and says why; it asks again by [`want_slot`]. False: it does not wait for one.
pub async fn hold_back(
    transaction: &Transaction<'_>,
    account: AccountId,
    id: SessionId,
    reason: &Reason,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE sessions SET wants_slot = false, wants_slot_since = NULL, reason_code = $2,
        reason_detail = $3 WHERE id = $1";
    let Some(session) = lock(transaction, account, id).await?.filter(|session| session.wants_slot) else {
        return Ok(false);
    };
    let statement = transaction.prepare_cached(UPDATE).await?;
    transaction.execute(&statement, &[&id.0, &reason.code, &reason.detail]).await?;
    let data = json!({"status": session.status.as_str(), "reason": reason});
    events::append(transaction, account, id, "session", &data).await?;
    Ok(true)
}
