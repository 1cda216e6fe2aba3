//! Keeps sessions within their limits, starts planned ones, and mends what was lost.
//!
//! Several schedulers may run: one leads (`leader`), the others stand by. Each loop is also harmless where two run for a
//! moment; its file says why. `loops` is their common skeleton, and one file each.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod leader;
pub mod loops;
mod publish;

use std::sync::Arc;
use std::time::Duration;

use pinksync_common::backoff::MOST_ATTEMPTS;
use pinksync_common::queue::{Inspector, Publisher};
use pinksync_common::store::Pool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use error::{Error, Result};
pub use leader::LEASE;

/// Connections to the metadata database that a scheduler may need at once: with fewer, a loop could keep the leader from
/// renewing its lease.
pub const CONNECTIONS: usize = loops::LED.len() + loops::EVERYWHERE.len() + 1;

/// What the scheduler holds sessions and tasks to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sessions of an account that are in progress at once.
    pub sessions_per_account: i64,
    /// For how long a session may be in progress, pauses not counted.
    pub session_duration: Duration,
    /// For how long a session may be paused.
    pub pause_duration: Duration,
    /// How often a task is begun before it is parked.
    pub task_attempts: i32,
    /// For how long after its end a session can be undone.
    pub journal_kept: Duration,
    /// Tasks that a worker is to have, ready or running, before another worker is wanted.
    pub tasks_per_worker: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions_per_account: 100,
            session_duration: Duration::from_secs(24 * 60 * 60),
            pause_duration: Duration::from_secs(7 * 24 * 60 * 60),
            task_attempts: MOST_ATTEMPTS,
            journal_kept: Duration::from_secs(14 * 24 * 60 * 60),
            tasks_per_worker: 4,
        }
    }
}

/// What the loops work with.
pub struct Scheduler {
    pool: Pool,
    publisher: Publisher,
    inspector: Inspector,
    limits: Limits,
    term: watch::Sender<Option<i64>>,
}

impl Scheduler {
    /// The pool is of [`CONNECTIONS`] at least.
    pub fn new(pool: Pool, publisher: Publisher, inspector: Inspector, limits: Limits) -> Self {
        Self { pool, publisher, inspector, limits, term: watch::Sender::new(None) }
    }

    /// Whether the broker takes messages at the moment.
    pub fn reaches_queue(&self) -> bool {
        self.publisher.is_ready()
    }

    /// The term under which this scheduler leads, while its loops run.
    pub fn term(&self) -> watch::Receiver<Option<i64>> {
        self.term.subscribe()
    }
}

/// Runs until `shutdown`: leads or stands by. Servers that cannot be reached are waited for.
///
/// # Errors
/// A loop has ended by itself, which is a mistake in it.
pub async fn run(scheduler: Arc<Scheduler>, shutdown: CancellationToken) -> Result<()> {
    let mut everywhere = loops::start(&loops::EVERYWHERE, &scheduler, &shutdown);
    tokio::select! {
        led = leader::lead_or_stand_by(&scheduler, &shutdown) => led,
        Some(Err(ended)) = everywhere.join_next() => Err(Error::LoopEnded(ended)),
    }
}
