//! Takes tasks away from workers whose lease has run out, and goes on with sessions that this leaves without a task.
//!
//! Harmless where two run: a task is taken by one of them, and what its session does next is decided under the lock of the
//! session's row. Tasks and sessions are dealt with in transactions of their own, since workers lock a session before its
//! tasks; a session that a death in between leaves behind is found as one that stands still.

use std::time::Duration;

use metrics::counter;
use pinksync_common::ids::{AccountId, SessionId};
use pinksync_common::store::{self, Client, scheduling, sessions, tasks};
use pinksync_common::telemetry::names;
use pinksync_model::SessionStatus;
use tracing::warn;

use super::{Left, Loop, Parts};
use crate::publish::wake;
use crate::{Result, Scheduler};

pub(crate) const LOOP: Loop = Loop {
    name: "rescue",
    every: Duration::from_secs(2),
    round: |scheduler| Box::pin(async move { round(&scheduler).await }),
};

const BATCH: usize = 100;

/// One round.
pub async fn round(scheduler: &Scheduler) -> Result<Left> {
    let mut client = store::client(&scheduler.pool).await?;
    let mut parts = Parts::default();
    let rescued = tasks::rescue(&client, scheduler.limits.task_attempts, BATCH as i64).await?;
    for one in &rescued {
        warn!(task = %one.task, ready = one.ready, "a task was taken from a worker whose lease had run out");
        counter!(names::LEASE_TAKEOVERS).increment(1);
        let ended = one.session.filter(|_| !one.ready);
        parts.add(match ended {
            Some(session) => go_on(scheduler, &mut client, one.account, session, true).await.map(|_| true),
            None => Ok(true),
        });
    }
    for (account, session) in scheduling::stalled(&client, None, BATCH as i64).await? {
        parts.add(go_on(scheduler, &mut client, account, session, false).await);
    }
    parts.end(BATCH)
}

/// `ended`: one of its tasks has just ended; otherwise it goes on only if it stands still.
async fn go_on(
    scheduler: &Scheduler,
    client: &mut Client,
    account: AccountId,
    session: SessionId,
    ended: bool,
) -> Result<bool> {
    let transaction = store::begin(client).await?;
    let Some(row) = sessions::lock(&transaction, account, session).await? else { return Ok(false) };
    if row.status != SessionStatus::InProgress {
        return Ok(false);
    }
    if !ended && scheduling::stalled(&transaction, Some(session), 1).await?.is_empty() {
        return Ok(false);
    }
    let wanted = sessions::go_on(&transaction, &row).await?;
    store::commit(transaction).await?;
    wake(scheduler, client, &wanted).await;
    Ok(true)
}
