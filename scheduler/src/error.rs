//! What can go wrong in a round of a loop.

use std::time::Duration;

use pinksync_common::calendar::CalendarError;
use pinksync_common::queue::QueueError;
use pinksync_common::store::StoreError;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("a schedule cannot be understood")]
    Calendar(#[from] CalendarError),
    #[error("the broker has not confirmed {0} wake-ups")]
    Unconfirmed(usize),
    #[error("the round was not over after {0:?}")]
    TimedOut(Duration),
    #[error("a loop has ended by itself")]
    LoopEnded(#[source] tokio::task::JoinError),
}

/// An error and its causes in one line, for a log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
