//! Wakes workers up for tasks that are stored.

use std::time::Instant;

use pinksync_common::dispatch;
use pinksync_common::store::GenericClient;
use pinksync_common::store::tasks::{self, ToPublish};
use pinksync_model::chain;
use tracing::warn;

use crate::{Error, Result, Scheduler};

/// Publishes wake-ups, and notes those that the broker has confirmed.
///
/// # Errors
/// Some were not confirmed; the relay publishes them again.
pub(crate) async fn publish(scheduler: &Scheduler, client: &impl GenericClient, wanted: &[ToPublish]) -> Result<()> {
    let began = Instant::now();
    let confirmed = dispatch::send(&scheduler.publisher, wanted).await;
    if !confirmed.is_empty() {
        tasks::published(client, &confirmed, began.elapsed()).await?;
    }
    match wanted.len() - confirmed.len() {
        0 => Ok(()),
        missing => Err(Error::Unconfirmed(missing)),
    }
}

/// The same after a commit, which stands whatever becomes of the wake-ups.
pub(crate) async fn wake(scheduler: &Scheduler, client: &impl GenericClient, wanted: &[ToPublish]) {
    if let Err(error) = publish(scheduler, client, wanted).await {
        warn!(error = chain(&error), "wake-ups are left to the relay");
    }
}
