//! Notices that the broker has lost messages, and has them published again.
//!
//! A queue should have a message for each task that is ready and was published. It may have fewer, because workers have some
//! at hand that they have not begun with: then a few wake-ups come twice, which does no harm. As many as are missing are
//! published again, the oldest first, until nothing is missing.
//!
//! Harmless where two run: a wake-up comes twice.

use std::time::Duration;

use pinksync_common::store::{self, tasks};
use tracing::warn;

use super::{Left, Loop};
use crate::{Result, Scheduler};

pub(crate) const LOOP: Loop = Loop {
    name: "refill",
    every: Duration::from_secs(5),
    round: |scheduler| Box::pin(async move { round(&scheduler).await }),
};

/// How long a message may be on its way: one published later is not missed yet.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

/// One round.
pub async fn round(scheduler: &Scheduler) -> Result<Left> {
    // First the queues, then the tasks: one that is begun in between is not taken for lost.
    let depths = scheduler.inspector.depths().await?;
    let client = store::client(&scheduler.pool).await?;
    for depth in depths {
        let missing = tasks::awaited(&client, depth.class, ON_ITS_WAY).await? - i64::from(depth.ready);
        if missing > 0 {
            let again = tasks::republish(&client, depth.class, ON_ITS_WAY, missing).await?;
            warn!(class = %depth.class, again, "the queue has fewer messages than there are ready tasks");
        }
    }
    Ok(Left::Nothing)
}
