//! Wakes workers up for tasks that are stored.

use futures_util::{StreamExt, stream};
use pinksync_common::queue::Wake;
use pinksync_common::store::GenericClient;
use pinksync_common::store::tasks::{self, ToPublish};
use tracing::warn;

use crate::error::chain;
use crate::{Result, Scheduler};

/// Messages that wait for the broker's confirmation at once.
const AT_ONCE: usize = 64;

/// Publishes wake-ups, and notes those that the broker has confirmed.
///
/// # Errors
/// Some were not confirmed; the relay publishes them again.
pub(crate) async fn publish(scheduler: &Scheduler, client: &impl GenericClient, wanted: &[ToPublish]) -> Result<()> {
    let sent = stream::iter(wanted.iter().copied()).map(|one| async move {
        let published = scheduler.publisher.publish(one.class, &Wake::of(one.task)).await;
        published.map(|()| one.task)
    });
    let outcomes: Vec<_> = sent.buffer_unordered(AT_ONCE).collect().await;
    let (mut confirmed, mut failed) = (Vec::with_capacity(outcomes.len()), None);
    for outcome in outcomes {
        match outcome {
            Ok(task) => confirmed.push(task),
            Err(error) => failed = Some(error),
        }
    }
    if !confirmed.is_empty() {
        tasks::published(client, &confirmed).await?;
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// The same after a commit, which stands whatever becomes of the wake-ups.
pub(crate) async fn wake(scheduler: &Scheduler, client: &impl GenericClient, wanted: &[ToPublish]) {
    if let Err(error) = publish(scheduler, client, wanted).await {
        warn!(error = chain(&error), "wake-ups are left to the relay");
    }
}
