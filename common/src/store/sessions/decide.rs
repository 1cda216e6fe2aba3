//! A person's decision on a conflict: a session of its own, in progress at once, with the one task that carries it out.

use pinksync_model::Mode;

use super::{NewSession, count_tasks, insert};
use crate::ids::{AccountId, ApiKeyId, SessionId, SyncId};
use crate::queue::Class;
use crate::request::{Resolve, pack};
use crate::store::tasks::{self, NewTask, TaskKind, ToPublish};
use crate::store::{Result, StoreError, Transaction};

/// Who decides, and on whose conflict.
#[derive(Debug, Clone, Copy)]
pub struct Decider {
    pub account: AccountId,
    pub sync: SyncId,
    /// Of the sync, by which the decision is carried out.
    pub revision: i64,
    pub created_by: ApiKeyId,
    /// Whether somebody waits for what comes of it.
    pub class: Class,
}

/// Stores a decision. The caller publishes after its commit.
///
/// # Errors
/// Also where another decision on the conflict is at work: `sessions_one_decision` is violated.
pub async fn decide(
    transaction: &Transaction<'_>,
    decider: Decider,
    decision: &Resolve,
) -> Result<(SessionId, Vec<ToPublish>)> {
    let Decider { account, sync, revision, created_by, class } = decider;
    let new = NewSession {
        resolves: Some(decision.conflict),
        created_by: Some(created_by),
        ..NewSession::of(account, sync, revision, Mode::Sync)
    };
    let session = insert(transaction, &new).await?;
    count_tasks(transaction, session, 0, 1).await?;
    let task = NewTask {
        account,
        sync: Some(sync),
        session: Some(session),
        kind: TaskKind::Resolve,
        class,
        payload: pack(decision).map_err(|error| StoreError::Unreadable("a task", error.to_string()))?,
        connections: super::connections(transaction, session).await?,
        held: false,
    };
    Ok((session, tasks::insert(transaction, &[task]).await?))
}
