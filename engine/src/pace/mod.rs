//! `records_per_second`: spaces writes so that a system is not given more than it may take.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// A shared limit.
#[derive(Debug)]
pub struct Pace {
    per_second: u32,
    free_at: Mutex<Instant>,
}

impl Pace {
    pub fn new(records_per_second: u32) -> Self {
        Self { per_second: records_per_second.max(1), free_at: Mutex::new(Instant::now()) }
    }

    /// Waits until `records` more may be sent.
    pub async fn wait(&self, records: usize) {
        let until = {
            let mut free_at = self.free_at.lock().await;
            let until = (*free_at).max(Instant::now());
            *free_at = until + Duration::from_secs_f64(records as f64 / f64::from(self.per_second));
            until
        };
        tokio::time::sleep_until(until).await;
    }
}
