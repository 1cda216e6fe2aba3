//! Ends sessions that were in progress, or paused, for too long.
//!
//! Harmless where two run: whether it is too long is asked again under the lock of the session's row.

use std::time::Duration;

use pinksync_common::ids::{AccountId, SessionId};
use pinksync_common::store::sessions::{self, Moved};
use pinksync_common::store::{self, Client, scheduling};
use pinksync_model::{HumanDuration, Reason, SessionStatus};
use tracing::info;

use super::{Left, Loop, Parts};
use crate::{Result, Scheduler};

pub(crate) const LOOP: Loop = Loop {
    name: "expire",
    every: Duration::from_secs(5),
    round: |scheduler| Box::pin(async move { round(&scheduler).await }),
};

const BATCH: usize = 100;

/// A limit that sessions can come to.
#[derive(Debug, Clone, Copy)]
enum Limit {
    InProgress(Duration),
    Paused(Duration),
}

/// One round.
pub async fn round(scheduler: &Scheduler) -> Result<Left> {
    let mut client = store::client(&scheduler.pool).await?;
    let mut parts = Parts::default();
    let (in_progress, paused) = (scheduler.limits.session_duration, scheduler.limits.pause_duration);
    for limit in [Limit::InProgress(in_progress), Limit::Paused(paused)] {
        for (account, session) in limit.reached(&client, None, BATCH).await? {
            parts.add(end(&mut client, limit, account, session).await);
        }
    }
    parts.end(BATCH)
}

async fn end(client: &mut Client, limit: Limit, account: AccountId, session: SessionId) -> Result<bool> {
    let transaction = store::begin(client).await?;
    let there = sessions::lock(&transaction, account, session).await?.is_some();
    if !there || limit.reached(&transaction, Some(session), 1).await?.is_empty() {
        return Ok(false);
    }
    let reason = limit.reason();
    let failed = SessionStatus::Failed;
    let moved = sessions::move_to(&transaction, account, session, failed, Some(&reason), None).await?;
    store::commit(transaction).await?;
    info!(%session, reason = reason.code, "a session has come to a limit");
    Ok(moved == Moved::Done)
}

impl Limit {
    /// Sessions that have come to it, or the one named if it has.
    async fn reached(
        self,
        client: &impl pinksync_common::store::GenericClient,
        only: Option<SessionId>,
        most: usize,
    ) -> Result<Vec<(AccountId, SessionId)>> {
        Ok(match self {
            Self::InProgress(limit) => scheduling::overdue(client, limit, only, most as i64).await?,
            Self::Paused(limit) => scheduling::paused_too_long(client, limit, only, most as i64).await?,
        })
    }

    fn reason(self) -> Reason {
        let (code, detail) = match self {
            Self::InProgress(limit) => (
                "duration_limit",
                format!(
                    "it was in progress for more than {}; a new session goes on from its base",
                    HumanDuration::from(limit)
                ),
            ),
            Self::Paused(limit) => (
                "pause_limit",
                format!(
                    "it was paused for more than {}; a new session goes on from its base",
                    HumanDuration::from(limit)
                ),
            ),
        };
        Reason { code: code.to_owned(), detail }
    }
}
