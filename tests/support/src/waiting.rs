//! Bounded waiting.

use std::panic::Location;
use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Longer than anything in the tests takes on a busy machine, a restarted broker included.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// Waits, but not for ever.
#[track_caller]
pub fn soon<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    within(PATIENCE, future)
}

/// Looks until the condition holds, but not for ever.
#[track_caller]
pub fn eventually(condition: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    eventually_within(PATIENCE, condition)
}

#[track_caller]
pub fn eventually_within(patience: Duration, mut condition: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    within(patience, async move {
        while !condition().await {
            sleep(GLANCE).await;
        }
    })
}

#[track_caller]
fn within<T>(patience: Duration, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let asked_at = Location::caller();
    async move {
        let waited = timeout(patience, future).await;
        waited.unwrap_or_else(|_| panic!("what is waited for at {asked_at} did not happen within {patience:?}"))
    }
}
