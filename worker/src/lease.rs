//! The leases of this worker: extended by one heartbeat for all, lost where the database says so or has not answered in
//! time. Time is this machine's steady clock, which goes on while the process stands still.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pinksync_common::ids::{TaskId, WorkerId};
use pinksync_common::store::{Pool, Result, tasks};
use pinksync_engine::session::Stop;
use pinksync_model::chain;
use tokio_util::sync::CancellationToken;

/// The right to work on a task.
#[derive(Debug)]
pub struct Lease {
    pub task: TaskId,
    pub generation: i64,
    /// Asks the work to end at its next checkpoint.
    pub stop: Stop,
    until: Mutex<Instant>,
    lost: AtomicBool,
    unwanted: AtomicBool,
}

impl Lease {
    fn new(task: TaskId, generation: i64, until: Instant) -> Self {
        let (lost, unwanted) = (AtomicBool::default(), AtomicBool::default());
        Self { task, generation, stop: Stop::default(), until: Mutex::new(until), lost, unwanted }
    }

    /// Whether this process may still write: asked right before every commit.
    pub fn holds(&self) -> bool {
        !self.is_lost() && Instant::now() < *self.until()
    }

    /// Somebody else has the task, or may have it.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// The task's session pauses or has ended.
    pub fn is_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::Acquire)
    }

    pub fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        self.stop.request();
    }

    fn until(&self) -> MutexGuard<'_, Instant> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All leases of a worker.
#[derive(Debug)]
pub struct Leases {
    worker: WorkerId,
    /// How long a lease lasts from its last extension.
    length: Duration,
    held: Mutex<HashMap<TaskId, Arc<Lease>>>,
}

impl Leases {
    pub fn new(worker: WorkerId, length: Duration) -> Self {
        Self { worker, length, held: Mutex::default() }
    }

    /// When a lease that is asked for now ends. A fifth is kept back, for clocks that run apart and for a commit on its way.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.length * 4 / 5
    }

    /// Notes a lease; `deadline` was taken before the database was asked.
    pub fn add(&self, task: TaskId, generation: i64, deadline: Instant) -> Arc<Lease> {
        let lease = Arc::new(Lease::new(task, generation, deadline));
        self.held().insert(task, Arc::clone(&lease));
        lease
    }

    pub fn remove(&self, task: TaskId) {
        self.held().remove(&task);
    }

    /// Whether this process is at work on a task, be it under a lease that it has lost.
    pub fn has(&self, task: TaskId) -> bool {
        self.held().contains_key(&task)
    }

    pub fn len(&self) -> usize {
        self.held().len()
    }

    pub fn is_empty(&self) -> bool {
        self.held().is_empty()
    }

    /// Asks all work to end at its next checkpoint.
    pub fn stop_all(&self) {
        self.held().values().for_each(|lease| lease.stop.request());
    }

    fn held(&self) -> MutexGuard<'_, HashMap<TaskId, Arc<Lease>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Extends the leases every `interval` until `ended`.
    pub async fn keep(&self, pool: &Pool, interval: Duration, ended: CancellationToken) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                _ = ticks.tick() => {}
            }
            // A database that does not answer keeps nobody from seeing that a lease has run out.
            match tokio::time::timeout(interval, self.extend(pool)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(error = chain(&error), "leases could not be extended"),
                Err(_) => tracing::warn!("leases could not be extended: the database does not answer"),
            }
            self.lose_expired();
        }
    }

    async fn extend(&self, pool: &Pool) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        // Before the question: what is taken between question and answer is not in the answer, and is not lost.
        let asked: Vec<Arc<Lease>> = self.held().values().filter(|lease| lease.holds()).cloned().collect();
        let tasks: Vec<TaskId> = asked.iter().map(|lease| lease.task).collect();
        let deadline = self.deadline();
        let client = pool.get().await?;
        let found = tasks::extend(&client, self.worker, &tasks, self.length).await?;
        for lease in asked {
            match found.iter().find(|one| one.task == lease.task && one.generation == lease.generation) {
                Some(one) => {
                    *lease.until() = deadline;
                    if !one.wanted {
                        lease.unwanted.store(true, Ordering::Release);
                        lease.stop.request();
                    }
                }
                None => lease.lose(),
            }
        }
        Ok(())
    }

    fn lose_expired(&self) {
        for lease in self.held().values().filter(|lease| !lease.holds()) {
            lease.lose();
        }
    }
}
