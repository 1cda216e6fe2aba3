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
