//! How often and how soon an attempt is made again that a system undid, or whose connection was lost.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// Attempts that others undid: the waits add up to 18 seconds.
const MOST_FAILURES: u32 = 12;
/// Attempts whose connection was lost: the waits add up to 5 seconds, in which a server restarts.
const MOST_LOST: u32 = 8;

/// Waits before another attempt; or gives the error back where trying again cannot help.
pub async fn wait_or_fail(dataset: &str, error: Error, failures: u32) -> Result<()> {
    match error.kind() {
        ErrorKind::Aborted | ErrorKind::UnknownOutcome if failures < MOST_FAILURES => {}
        ErrorKind::Unreachable if failures < MOST_LOST => {}
        ErrorKind::Aborted
        | ErrorKind::UnknownOutcome
        | ErrorKind::Definition
        | ErrorKind::Unreachable
        | ErrorKind::Denied
        | ErrorKind::Data
        | ErrorKind::Moved
        | ErrorKind::Storage
        | ErrorKind::Interrupted
        | ErrorKind::Other => return Err(error),
    }
    tracing::debug!(dataset, %error, failures, "an attempt failed, trying again");
    tokio::time::sleep(Duration::from_millis(20 << failures.min(7))).await;
    Ok(())
}
