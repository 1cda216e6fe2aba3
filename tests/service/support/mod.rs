//! What each test begins with: a service of its own, two systems to keep in agreement, and patience.

mod database;
mod gate;
mod line;
mod pair;
mod process;
mod rest;
mod service;

use std::time::Duration;

pub use database::Database;
pub use gate::Gate;
pub use line::Line;
pub use pair::{Pair, digest, fill};
pub use process::Process;
pub use rest::{Rest, count, written};
pub use service::{Service, Setup};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// Looks until the condition holds, but not for ever.
#[track_caller]
pub fn eventually(condition: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    eventually_within(PATIENCE, condition)
}

#[track_caller]
pub fn eventually_within(patience: Duration, mut condition: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let asked_at = std::panic::Location::caller();
    async move {
        let looked = tokio::time::timeout(patience, async {
            while !condition().await {
                tokio::time::sleep(GLANCE).await;
            }
        });
        assert!(looked.await.is_ok(), "what is waited for at {asked_at} did not happen within {patience:?}");
    }
}
