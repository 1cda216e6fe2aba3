//! `records_per_second`: a side is asked for, and given, no more records than it may take.

mod system;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::connector::System;

/// The same side under a limit of its own. What is read counts as it arrives, what is written before it is sent.
pub fn limit(side: Arc<dyn System>, records_per_second: u32) -> Arc<dyn System> {
    Arc::new(system::PacedSystem { pace: Arc::new(Pace::new(records_per_second)), inner: side })
}

/// A limit shared by everything that is done with one side.
#[derive(Debug)]
struct Pace {
    per_second: u32,
    /// When everything that was reckoned up is paid for.
    free_at: Mutex<Instant>,
}

impl Pace {
    fn new(records_per_second: u32) -> Self {
        Self { per_second: records_per_second.max(1), free_at: Mutex::new(Instant::now()) }
    }

    /// Waits for as long as so many records take.
    async fn take(&self, records: usize) {
        if records == 0 {
            return;
        }
        let until = {
            let mut free_at = self.free_at.lock().await;
            let time = Duration::from_secs_f64(records as f64 / f64::from(self.per_second));
            *free_at = (*free_at).max(Instant::now()) + time;
            *free_at
        };
        tokio::time::sleep_until(until).await;
    }

    /// Records sent at once: about those of a second.
    fn portion(&self) -> usize {
        usize::try_from(self.per_second).unwrap_or(usize::MAX)
    }

    /// Bytes read at once: small records of about a second, so that a session under a low limit still gets to its
    /// checkpoints.
    fn budget(&self) -> usize {
        const SMALL_RECORD: usize = 128;
        const LEAST: usize = 64 * 1024;
        self.portion().saturating_mul(SMALL_RECORD).max(LEAST)
    }
}
