//! The skeleton of all loops: rounds at an interval with jitter, a time-out around each, and what became of it in metrics.
//! A round that fails is logged and tried again; it never ends the loop.

pub mod admit;
pub mod due;
pub mod expire;
pub mod gauge;
pub mod refill;
pub mod relay;
pub mod rescue;
pub mod retain;
pub mod windows;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use metrics::{counter, gauge};
use pinksync_common::telemetry::names;
use pinksync_model::chain;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{Error, Result, Scheduler};

/// Statements have time-outs of their own; this one ends a round that hangs elsewhere.
const ROUND_LIMIT: Duration = Duration::from_secs(60);

/// Loops of the leader.
pub(crate) const LED: [Loop; 8] =
    [admit::LOOP, due::LOOP, windows::LOOP, expire::LOOP, rescue::LOOP, refill::LOOP, relay::LOOP, retain::LOOP];

/// Loops of every scheduler. They only look: whoever reads the metrics need not know who leads.
pub(crate) const EVERYWHERE: [Loop; 1] = [gauge::LOOP];

/// A loop: its name in metrics, and what it does how often.
#[derive(Clone, Copy)]
pub(crate) struct Loop {
    pub name: &'static str,
    pub every: Duration,
    pub round: fn(Arc<Scheduler>) -> BoxFuture<'static, Result<Left>>,
}

/// What a round has left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    Nothing,
    /// The batch was full and something was done: the next round need not wait.
    More,
}

/// Starts loops, each in a task of its own. They end by `shutdown`, or at once with the set.
pub(crate) fn start(loops: &[Loop], scheduler: &Arc<Scheduler>, shutdown: &CancellationToken) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for one in loops.iter().copied() {
        let (scheduler, shutdown) = (scheduler.clone(), shutdown.clone());
        running.spawn(async move {
            shutdown.run_until_cancelled(one.go_round(scheduler)).await;
        });
    }
    running
}

impl Loop {
    async fn go_round(self, scheduler: Arc<Scheduler>) {
        // Staggered: not all begin at the same moment.
        sleep(self.every.mul_f64(rand::random())).await;
        loop {
            if self.once(scheduler.clone()).await == Left::Nothing {
                sleep(self.every.mul_f64(0.9 + 0.2 * rand::random::<f64>())).await;
            }
        }
    }

    async fn once(self, scheduler: Arc<Scheduler>) -> Left {
        let round = timeout(ROUND_LIMIT, (self.round)(scheduler)).await;
        match round.unwrap_or(Err(Error::TimedOut(ROUND_LIMIT))) {
            Ok(left) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                gauge!(names::SCHEDULER_LAST_SUCCESS_SECONDS, "loop" => self.name).set(now.as_secs_f64());
                left
            }
            Err(error) => {
                counter!(names::SCHEDULER_FAILURES, "loop" => self.name).increment(1);
                warn!(name = self.name, error = chain(&error), "a round of a loop has failed; it is tried again");
                Left::Nothing
            }
        }
    }
}

/// Adds up what came of the parts of a round: one that fails does not keep the others from their turn.
#[derive(Default)]
pub(crate) struct Parts {
    done: usize,
    seen: usize,
    failed: Option<Error>,
}

impl Parts {
    /// Whether anything was done, or why not.
    pub fn add(&mut self, part: Result<bool>) {
        self.seen += 1;
        match part {
            Ok(done) => self.done += usize::from(done),
            Err(error) => {
                if let Some(earlier) = self.failed.replace(error) {
                    error!(error = chain(&earlier), "a part of a round has failed");
                }
            }
        }
    }

    /// `batch`: so many parts are a full round.
    pub fn end(self, batch: usize) -> Result<Left> {
        match self.failed {
            Some(error) => Err(error),
            None if self.done > 0 && self.seen >= batch => Ok(Left::More),
            None => Ok(Left::Nothing),
        }
    }
}
