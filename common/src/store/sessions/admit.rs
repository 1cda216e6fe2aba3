//! Lets sessions in: at most so many of an account at once, one of a sync, in the order in which they were asked for.

use pinksync_model::SessionStatus;

use super::transition::{Moved, move_to};
use crate::ids::{AccountId, SessionId, SyncId};
use crate::queue::Class;
use crate::request::{Advance, pack};
use crate::store::tasks::{self, NewTask, TaskKind, ToPublish};
use crate::store::{GenericClient, Result, StoreError, Transaction};

/// Lets a session in that asks for a slot, if it is its turn: nobody waits longer who could begin. Cheap where it is not:
/// those who wait are looked at by sync, of which few are free. The caller publishes after its commit.
pub async fn admit_one(
    transaction: &Transaction<'_>,
    account: AccountId,
    session: SessionId,
    cap: i64,
) -> Result<Vec<ToPublish>> {
    const TURN: &str = "WITH RECURSIVE waiting AS (
            (SELECT sync_id FROM sessions WHERE account_id = $1 AND wants_slot ORDER BY sync_id LIMIT 1)
            UNION ALL
            SELECT (SELECT n.sync_id FROM sessions n WHERE n.account_id = $1 AND n.wants_slot
                AND n.sync_id > w.sync_id ORDER BY n.sync_id LIMIT 1)
            FROM waiting w WHERE w.sync_id IS NOT NULL)
        SELECT s.sync_id FROM sessions s WHERE s.account_id = $1 AND s.id = $2 AND s.wants_slot
        AND NOT EXISTS (SELECT 1 FROM sessions a WHERE a.sync_id = s.sync_id AND a.id <> s.id
            AND a.status IN ('in_progress', 'paused') AND a.resolves IS NULL)
        AND NOT EXISTS (SELECT 1 FROM waiting w, LATERAL (
                SELECT e.id, e.wants_slot_since FROM sessions e
                WHERE e.account_id = $1 AND e.sync_id = w.sync_id AND e.wants_slot
                ORDER BY e.wants_slot_since, e.id LIMIT 1) e
            WHERE (e.wants_slot_since, e.id) < (s.wants_slot_since, s.id)
            AND NOT EXISTS (SELECT 1 FROM sessions a WHERE a.sync_id = w.sync_id AND a.id <> e.id
                AND a.status IN ('in_progress', 'paused') AND a.resolves IS NULL))";
    // Looked at twice: the account is locked only for a session that could begin, not for every one that it submits.
    let statement = transaction.prepare_cached(TURN).await?;
    for locked in [false, true] {
        if locked {
            lock_account(transaction, account).await?;
        }
        if room(transaction, account, cap).await? == 0 {
            return Ok(Vec::new());
        }
        match transaction.query_opt(&statement, &[&account, &session.0]).await? {
            Some(row) if locked => return begin(transaction, account, session, row.get(0)).await,
            Some(_) => {}
            None => return Ok(Vec::new()),
        }
    }
    Ok(Vec::new())
}

/// Lets in what waits of an account, as far as there is room. The caller publishes after its commit.
pub async fn admit(transaction: &Transaction<'_>, account: AccountId, cap: i64) -> Result<Vec<ToPublish>> {
    const WAITING: &str = "SELECT id, sync_id FROM (
            SELECT DISTINCT ON (sync_id) id, sync_id, wants_slot_since FROM sessions
            WHERE account_id = $1 AND wants_slot ORDER BY sync_id, status = 'pending', wants_slot_since, id) w
        WHERE NOT EXISTS (SELECT 1 FROM sessions a WHERE a.sync_id = w.sync_id AND a.id <> w.id
            AND a.status IN ('in_progress', 'paused') AND a.resolves IS NULL)
        ORDER BY wants_slot_since, id LIMIT $2";
    lock_account(transaction, account).await?;
    let room = room(transaction, account, cap).await?;
    if room == 0 {
        return Ok(Vec::new());
    }
    let statement = transaction.prepare_cached(WAITING).await?;
    let mut to_publish = Vec::new();
    for row in transaction.query(&statement, &[&account, &room]).await? {
        to_publish.extend(begin(transaction, account, SessionId(row.get(0)), row.get(1)).await?);
    }
    Ok(to_publish)
}

/// Accounts with sessions that wait for a slot. System-wide, for the scheduler.
pub async fn waiting_accounts(client: &impl GenericClient) -> Result<Vec<AccountId>> {
    let rows = client.query("SELECT DISTINCT account_id FROM sessions WHERE wants_slot", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// How many more sessions of the account may be in progress.
async fn room(transaction: &Transaction<'_>, account: AccountId, cap: i64) -> Result<i64> {
    const COUNT: &str = "SELECT count(*) FROM sessions
        WHERE account_id = $1 AND status = 'in_progress' AND resolves IS NULL";
    let statement = transaction.prepare_cached(COUNT).await?;
    let active: i64 = transaction.query_one(&statement, &[&account]).await?.get(0);
    Ok((cap - active).max(0))
}

/// Only one transaction at a time lets sessions of an account in, or the cap would not hold.
async fn lock_account(transaction: &Transaction<'_>, account: AccountId) -> Result<()> {
    let statement = transaction.prepare_cached("SELECT 1 FROM accounts WHERE id = $1 FOR NO KEY UPDATE").await?;
    transaction.query(&statement, &[&account]).await?;
    Ok(())
}

/// A session's first task, or the one with which it goes on from its checkpoint.
async fn begin(
    transaction: &Transaction<'_>,
    account: AccountId,
    session: SessionId,
    sync: SyncId,
) -> Result<Vec<ToPublish>> {
    let moved = move_to(transaction, account, session, SessionStatus::InProgress, None, None).await?;
    if moved != Moved::Done {
        return Ok(Vec::new());
    }
    super::count_tasks(transaction, session, 0, 1).await?;
    advance(transaction, account, session, sync, Class::Interactive, Advance { follows: false }).await
}

/// Stores the task that takes a session's next step.
pub(super) async fn advance(
    transaction: &Transaction<'_>,
    account: AccountId,
    session: SessionId,
    sync: SyncId,
    class: Class,
    step: Advance,
) -> Result<Vec<ToPublish>> {
    let connections = super::connections(transaction, session).await?;
    let task = NewTask {
        account,
        sync: Some(sync),
        session: Some(session),
        kind: TaskKind::Advance,
        class,
        payload: pack(&step).map_err(|error| StoreError::Unreadable("a task", error.to_string()))?,
        connections,
        held: false,
    };
    tasks::insert(transaction, &[task]).await
}
