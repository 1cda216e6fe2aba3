//! The transactions in which what came of a task is put into the books; what is to be published is, after the commit.

use metrics::counter;
use pinksync_common::ids::{AccountId, SessionId};
use pinksync_common::store::sessions::{self, Ended, Held};
use pinksync_common::store::tasks::{Claimed, Outcome};
use pinksync_common::store::{Result, StoreError, Transaction};
use pinksync_common::telemetry::names;
use pinksync_model::{Reason, Report, SessionStatus};

use crate::service::Service;

const DONE: &str = "done";

pub fn held(claimed: &Claimed, session: SessionId) -> Held {
    Held { account: claimed.account, session, task: claimed.id, generation: claimed.generation }
}

/// Ends a task of a session; see [`sessions::end_task`].
pub async fn end_task(service: &Service, claimed: &Claimed, session: SessionId, outcome: &Outcome) -> Result<()> {
    let mut client = service.pool.get().await?;
    let transaction = client.transaction().await?;
    let ended = sessions::end_task(&transaction, held(claimed, session), outcome).await?;
    commit_as(service, claimed, transaction, ended, outcome.as_str()).await.map(|_| ())
}

/// Counts a task that this worker is done with.
pub fn count(claimed: &Claimed, outcome: &'static str) {
    counter!(names::TASKS, "kind" => claimed.kind.as_str(), "outcome" => outcome).increment(1);
}

/// How a session ends, or pauses.
pub struct End {
    pub status: SessionStatus,
    pub reason: Option<Reason>,
    pub report: Option<Report>,
    /// What the task's caller is told.
    pub result: Option<serde_json::Value>,
}

/// Ends a session, or pauses it, and lets in what waited for its place.
pub async fn end_session(service: &Service, claimed: &Claimed, session: SessionId, end: End) -> Result<()> {
    let mut client = service.pool.get().await?;
    let transaction = client.transaction().await?;
    let End { status, reason, report, result } = end;
    let ended =
        sessions::end_session(&transaction, held(claimed, session), status, reason.as_ref(), report.as_ref(), result)
            .await?;
    let ended = commit(service, claimed, transaction, ended).await?;
    drop(client);
    if ended {
        admit(service, claimed.account).await?;
    }
    Ok(())
}

/// Lets in what waits of an account.
async fn admit(service: &Service, account: AccountId) -> Result<()> {
    let mut client = service.pool.get().await?;
    let transaction = client.transaction().await?;
    let to_publish = sessions::admit(&transaction, account, service.limits.session_cap).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    service.dispatcher.dispatch(to_publish);
    Ok(())
}

/// Commits the end of a task that is done, and publishes. False: the lease was lost, and nothing is changed.
pub async fn commit(service: &Service, claimed: &Claimed, transaction: Transaction<'_>, ended: Ended) -> Result<bool> {
    commit_as(service, claimed, transaction, ended, DONE).await
}

async fn commit_as(
    service: &Service,
    claimed: &Claimed,
    transaction: Transaction<'_>,
    ended: Ended,
    outcome: &'static str,
) -> Result<bool> {
    match ended {
        Ended::Done(to_publish) => {
            transaction.commit().await.map_err(StoreError::from)?;
            service.dispatcher.dispatch(to_publish);
            count(claimed, outcome);
            Ok(true)
        }
        Ended::Lost => {
            transaction.rollback().await.map_err(StoreError::from)?;
            lost(claimed);
            Ok(false)
        }
    }
}

/// Counts a task that another worker has taken over.
pub fn lost(claimed: &Claimed) {
    counter!(names::LEASES_LOST).increment(1);
    tracing::info!(task = %claimed.id, "the lease was lost: another worker has the task");
}
