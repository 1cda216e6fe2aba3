//! Bounded waiting.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits, but not for ever.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Looks until the condition holds, but not for ever.
pub async fn eventually(mut condition: impl AsyncFnMut() -> bool) {
    soon(async {
        while !condition().await {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
