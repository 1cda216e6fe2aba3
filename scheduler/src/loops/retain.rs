//! Removes what has served its time. Sessions, their reports, conflicts and rejects stay.
//!
//! Harmless where two run: rows are removed once.

use std::time::Duration;

use pinksync_common::store::{self, retention, workers};

use super::{Left, Loop};
use crate::{Result, Scheduler};

pub(crate) const LOOP: Loop = Loop {
    name: "retain",
    every: Duration::from_secs(60),
    round: |scheduler| Box::pin(async move { round(&scheduler).await }),
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const EVENTS_KEPT: Duration = DAY.saturating_mul(30);
const TASKS_KEPT: Duration = DAY.saturating_mul(7);
const ANSWERS_KEPT: Duration = DAY;
const WORKERS_KEPT: Duration = HOUR;
/// From the beginning of the run; those that a session may need are kept longer.
const STAGED_KEPT: Duration = HOUR;

/// Rows of each kind at a time. Chunks of the journal, and rows of staged runs, are of another size.
const BATCH: u64 = 5000;
const JOURNAL_BATCH: u64 = 500;
const STAGED_BATCH: u64 = 20_000;

/// One round: a batch of each kind.
pub async fn round(scheduler: &Scheduler) -> Result<Left> {
    let client = store::client(&scheduler.pool).await?;
    workers::forget(&client, WORKERS_KEPT).await?;
    let full = [
        retention::journal(&client, scheduler.limits.journal_kept, JOURNAL_BATCH as i64).await? == JOURNAL_BATCH,
        retention::events(&client, EVENTS_KEPT, BATCH as i64).await? == BATCH,
        retention::tasks(&client, TASKS_KEPT, BATCH as i64).await? == BATCH,
        retention::idempotency(&client, ANSWERS_KEPT, BATCH as i64).await? == BATCH,
        retention::staged_runs(&client, STAGED_KEPT, BATCH as i64).await? == BATCH,
        // Of one run at a time: there may be another one.
        retention::orphaned_rows(&client, STAGED_BATCH as i64).await? > 0,
    ];
    Ok(if full.contains(&true) { Left::More } else { Left::Nothing })
}
