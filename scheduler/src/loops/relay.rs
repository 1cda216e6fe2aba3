//! Publishes wake-ups that whoever stored the tasks did not publish, and those of tasks whose time to be tried again has
//! come.
//!
//! Harmless where two run: a wake-up comes twice.

use std::time::Duration;

use pinksync_common::store::{self, tasks};

use super::{Left, Loop};
use crate::publish::publish;
use crate::{Result, Scheduler};

pub(crate) const LOOP: Loop = Loop {
    name: "relay",
    every: Duration::from_millis(500),
    round: |scheduler| Box::pin(async move { round(&scheduler).await }),
};

const BATCH: usize = 1000;

/// For so long, who has stored a task may still be about to publish it.
const AGE: Duration = Duration::from_secs(1);

/// One round.
pub async fn round(scheduler: &Scheduler) -> Result<Left> {
    let client = store::client(&scheduler.pool).await?;
    let wanted = tasks::unpublished(&client, AGE, BATCH as i64).await?;
    publish(scheduler, &client, &wanted).await?;
    Ok(if wanted.len() == BATCH { Left::More } else { Left::Nothing })
}
