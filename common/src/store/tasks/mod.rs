//! Tasks: units of work under fenced leases. A task is its own outbox entry: what is ready, available, not held and not
//! published is to be published.

mod answer;
mod claim;
mod lease;
mod parked;
mod relay;

use uuid::Uuid;

use super::{GenericClient, Result, StoreError};
use crate::ids::{AccountId, SessionId, SyncId, TaskId};
use crate::queue::Class;

pub use answer::{Answer, answer, give_up, of_decision, refusal};
pub use claim::{Claim, Claimed, claim};
pub use lease::{Lease, Outcome, Rescued, end, extend, rescue};
pub use parked::{Parked, drive_again, parked, parked_one};
pub use relay::{ToPublish, awaited, published, release, republish, unpublished};

/// What a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// Takes a session's next steps. Nothing else of its sync is at work meanwhile.
    Advance,
    /// Carries out a segment of a session.
    Segment,
    /// Carries out a person's decision on a conflict.
    Resolve,
    /// Tests a connection.
    Check,
    /// Lists the datasets of a connection.
    Discover,
    /// Looks at both sides of a definition.
    Validate,
    /// Shows what a session wrote, record by record.
    Changes,
}

impl TaskKind {
    pub const ALL: [Self; 7] =
        [Self::Advance, Self::Segment, Self::Resolve, Self::Check, Self::Discover, Self::Validate, Self::Changes];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Advance => "advance",
            Self::Segment => "segment",
            Self::Resolve => "resolve",
            Self::Check => "check",
            Self::Discover => "discover",
            Self::Validate => "validate",
            Self::Changes => "changes",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| StoreError::Unreadable("the kind of a task", text.to_owned()))
    }
}

/// A task to be stored.
#[derive(Debug, Clone)]
pub struct NewTask {
    pub account: AccountId,
    pub sync: Option<SyncId>,
    pub session: Option<SessionId>,
    pub kind: TaskKind,
    pub class: Class,
    /// MessagePack, as the kind has it; opaque here.
    pub payload: Vec<u8>,
    /// The saved connections it works on.
    pub connections: Vec<Uuid>,
    /// Waits until its session has fewer tasks in flight.
    pub held: bool,
}

/// Stores tasks in one statement. Those not held are to be published by the caller after its commit.
pub async fn insert(client: &impl GenericClient, tasks: &[NewTask]) -> Result<Vec<ToPublish>> {
    const INSERT: &str = "INSERT INTO tasks
        (id, account_id, sync_id, session_id, kind, class, payload, connections, held)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let statement = client.prepare_cached(INSERT).await?;
    let mut stored = Vec::with_capacity(tasks.len());
    for task in tasks {
        let id = TaskId::new();
        let session = task.session.map(|session| session.0);
        let (kind, class) = (task.kind.as_str(), task.class.as_str());
        client
            .execute(
                &statement,
                &[
                    &id,
                    &task.account,
                    &task.sync,
                    &session,
                    &kind,
                    &class,
                    &task.payload,
                    &task.connections,
                    &task.held,
                ],
            )
            .await?;
        if !task.held {
            stored.push(ToPublish { task: id, class: task.class });
        }
    }
    Ok(stored)
}

/// Withdraws a session's tasks that nobody works on: those that are ready, and `parked` ones too where it ends or goes on.
/// Gives how many.
pub async fn withdraw(
    client: &impl GenericClient,
    account: AccountId,
    session: SessionId,
    parked: bool,
) -> Result<u64> {
    const UPDATE: &str = "UPDATE tasks SET status = 'withdrawn', ended_at = now()
        WHERE account_id = $1 AND session_id = $2 AND (status = 'ready' OR $3 AND status = 'parked')";
    let statement = client.prepare_cached(UPDATE).await?;
    Ok(client.execute(&statement, &[&account, &session.0, &parked]).await?)
}

/// A session's tasks by what becomes of them: (ready or running, parked).
pub async fn open_of_session(client: &impl GenericClient, session: SessionId) -> Result<(i64, i64)> {
    const SELECT: &str = "SELECT count(*) FILTER (WHERE status IN ('ready', 'running')),
        count(*) FILTER (WHERE status = 'parked') FROM tasks WHERE session_id = $1
        AND status IN ('ready', 'running', 'parked')";
    let statement = client.prepare_cached(SELECT).await?;
    let row = client.query_one(&statement, &[&session.0]).await?;
    Ok((row.get(0), row.get(1)))
}
