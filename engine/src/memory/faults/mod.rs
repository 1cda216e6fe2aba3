//! Ends the process at a chosen effect: before it takes effect, or after it did and before the answer came.
//!
//! Every effect is two points. A test counts the points of an undisturbed run and then crashes a run at each of them,
//! revives the process over what was durable, and looks whether the result is the same.

mod home;
mod system;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connector::System;
use crate::error::{Error, ErrorKind, Result};
use crate::home::Home;

/// One side of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// What was about to be done (`commit`, `settle`, …).
    pub effect: &'static str,
    /// The effect has happened; only its answer is lost.
    pub after: bool,
}

/// The effects of one process on all systems and homes that it is given through this. Clones are the same process.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<Process>>,
}

#[derive(Debug, Default)]
struct Process {
    passed: Vec<Point>,
    crash_at: Option<usize>,
    lose_at: Option<usize>,
    abort_at: Option<usize>,
    dead: bool,
}

impl Faults {
    pub fn new() -> Self {
        Self::default()
    }

    /// The system as this process reaches it.
    pub fn system(&self, system: Arc<dyn System>) -> Arc<dyn System> {
        Arc::new(system::FaultySystem { faults: self.clone(), inner: system })
    }

    /// The home as this process reaches it.
    pub fn home(&self, home: Arc<dyn Home>) -> Arc<dyn Home> {
        Arc::new(home::FaultyHome { faults: self.clone(), inner: home })
    }

    /// The process dies at point `n`, counted from 0: it gets an error of kind `Other` there and at every later call
    /// on anything, until [`Faults::revive`].
    pub fn crash_at(&self, n: usize) {
        self.lock().crash_at = Some(n);
    }

    /// The answer at point `n` is lost, and the process lives: the call ends in `ErrorKind::UnknownOutcome`, before the
    /// effect or after it. To be used for commits (see [`Faults::passed`]).
    pub fn lose_at(&self, n: usize) {
        self.lock().lose_at = Some(n);
    }

    /// The system undoes the transaction at point `n`, and the process lives: the call ends in `ErrorKind::Aborted`. To be
    /// used for points before writes and commits.
    pub fn abort_at(&self, n: usize) {
        self.lock().abort_at = Some(n);
    }

    /// Points passed since the beginning or the last [`Faults::revive`]; `0..count()` are those to crash at.
    pub fn count(&self) -> usize {
        self.lock().passed.len()
    }

    /// The points passed, in order.
    pub fn passed(&self) -> Vec<Point> {
        self.lock().passed.clone()
    }

    pub fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// Another process: nothing is set to happen, and points are counted from 0 again. What the dead one held
    /// (datasets, transactions, runs) has to be dropped by the test.
    pub fn revive(&self) {
        *self.lock() = Process::default();
    }

    fn lock(&self) -> MutexGuard<'_, Process> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error where the process is dead.
    fn alive(&self) -> Result<()> {
        if self.lock().dead { Err(crash()) } else { Ok(()) }
    }

    /// Carries out what changes nothing that lasts.
    async fn query<T>(&self, action: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.alive()?;
        let answer = action.await;
        self.alive()?;
        answer
    }

    /// Carries out an effect between its two points.
    async fn effect<T>(&self, effect: &'static str, action: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.pass(Point { effect, after: false })?;
        let answer = action.await;
        self.pass(Point { effect, after: true })?;
        answer
    }

    fn pass(&self, point: Point) -> Result<()> {
        let mut process = self.lock();
        if process.dead {
            return Err(crash());
        }
        let number = process.passed.len();
        process.passed.push(point);
        if process.crash_at == Some(number) {
            process.dead = true;
            return Err(crash());
        }
        if process.lose_at == Some(number) {
            let message = "the connection broke before the answer came";
            return Err(Error::new(ErrorKind::UnknownOutcome, point.effect, message).with_remedy("read again"));
        }
        if process.abort_at == Some(number) {
            let message = "the transaction was undone";
            return Err(Error::new(ErrorKind::Aborted, point.effect, message).with_remedy("try again"));
        }
        Ok(())
    }
}

fn crash() -> Error {
    Error::new(ErrorKind::Other, "go on", "crash")
}
