//! A session from beginning to end: prepare, stage, compare, delete, finish.

mod compare;
mod cycle;
mod deletes;
mod expand;
pub(crate) mod guards;
mod open;
mod prepare;
pub(crate) mod ranges;
mod recut;
mod set_aside;
pub(crate) mod staging;
mod steps;
mod verifying;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pinksync_model::{DatasetReport, GuardName, GuardReport, Phase, SessionId, Side, SyncDefinition};

use crate::connector::System;
use crate::error::{Error, ErrorKind, Result};
use crate::home::Home;
use crate::pair::Pair;
use crate::saved_plan::SavedPlan;
use crate::segment::{Context, Limits};

pub use guards::guard_reason;
pub use open::{Open, Opened, open, open_shared};
pub(crate) use prepare::warnings;
pub use prepare::{Prepared, open_pair, prepare, prepare_survey};
pub use steps::{Progress, Share, SharedSegment, Step, advance, segment};

/// Told as a session goes on; for progress bars and events.
pub trait Observer: Send + Sync {
    /// `dataset` is empty where all of them are meant.
    fn phase(&self, dataset: &str, phase: Phase);
    /// `done` of `total` parts of a dataset are compared, with what they came to.
    fn advanced(&self, dataset: &str, done: usize, total: usize, counted: &DatasetReport);
}

/// Asks a running session to end at its next checkpoint.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self.is_requested() {
            true => Err(Error::new(ErrorKind::Interrupted, "go on", "the session was asked to stop")),
            false => Ok(()),
        }
    }
}

/// Everything a session needs.
pub struct Session {
    pub id: SessionId,
    pub definition: Arc<SyncDefinition>,
    pub source: Arc<dyn System>,
    pub target: Arc<dyn System>,
    pub home: Arc<dyn Home>,
    /// Guards that are overridden in this session.
    pub allowed: BTreeSet<GuardName>,
    /// Segments worked on at once.
    pub workers: usize,
    pub limits: Limits,
    pub observer: Arc<dyn Observer>,
    pub stop: Stop,
    /// Carry out exactly this plan.
    pub plan: Option<Arc<SavedPlan>>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Completed,
    /// Stopped at a checkpoint; the same session can go on.
    Paused,
    /// A guard tripped: nothing was deleted.
    Guarded,
}

#[derive(Debug)]
pub struct Finished {
    pub ending: Ending,
    pub datasets: Vec<DatasetReport>,
    pub guards: Vec<GuardReport>,
    pub warnings: Vec<String>,
}

impl Session {
    pub(crate) fn context(&self) -> Context {
        Context { session: self.id, home: Arc::clone(&self.home), rounds: 3, limits: self.limits }
    }
}

/// Runs a session, or goes on with an unfinished one of the same id. What was settled before an error stays settled;
/// [`reports`] tells it.
pub async fn run(session: &Session) -> Result<Finished> {
    let mut open = match open(session).await? {
        Opened::Open(open) => open,
        Opened::Guarded(finished) => return Ok(finished),
    };
    let mut progress = Progress::default();
    loop {
        match advance(session, &mut open, progress, Share::Nothing, false).await? {
            Step::Compared(next) | Step::Shared { next, .. } => progress = next,
            Step::Ended(finished) => return Ok(finished),
        }
    }
}

/// What was staged has served its purpose.
async fn forget_staged(session: &Session, pairs: &[Arc<Pair>]) -> Result<()> {
    for pair in pairs {
        for side in [Side::Source, Side::Target] {
            if !pair.side(side).dataset.capabilities().ordered {
                session.home.drop_run(pair.name(), side).await?;
            }
        }
    }
    Ok(())
}

/// Says which datasets have records that others kept changing.
async fn contended(session: &Session, pairs: &[Arc<Pair>]) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for pair in pairs {
        let (count, name) = (session.home.contended(pair.name()).await?.len(), pair.name());
        match count {
            0 => {}
            1 => warnings.push(format!("{name}: 1 record changed while it was written; the next run decides it")),
            _ => warnings
                .push(format!("{name}: {count} records changed while they were written; the next run decides them")),
        }
    }
    Ok(warnings)
}

/// Everything after comparing: deletes under their guards, what was set aside, verification, the report.
async fn finish(session: &Session, open: &mut Open) -> Result<Finished> {
    let (guards, warnings) = (open.guards.clone(), open.warnings.clone());
    let mut finished = Finished { ending: Ending::Completed, datasets: Vec::new(), guards, warnings };
    for pair in &open.pairs {
        compare::recall_incompleteness(session, pair).await?;
    }
    delete(session, &open.pairs, &mut finished).await?;
    if finished.ending != Ending::Guarded {
        for pair in &mut open.pairs {
            verifying::verify(session, pair, &mut finished.warnings).await?;
        }
    }
    session.observer.phase("", Phase::Finishing);
    forget_staged(session, &open.pairs).await?;
    finished.datasets = reports(session, &open.pairs).await?;
    finished.warnings.extend(contended(session, &open.pairs).await?);
    Ok(finished)
}

/// Deletes, if their guards let them through, and then what was set aside: again where that has become a delete which
/// the guards have not seen.
async fn delete(session: &Session, pairs: &[Arc<Pair>], finished: &mut Finished) -> Result<()> {
    deletes::warn_incomplete(pairs, &mut finished.warnings);
    let terms = finished.guards.clone();
    let mut guarded = set_aside::Guarded::new();
    loop {
        let guards = guards::deletes(session, pairs).await?;
        let tripped = guards::stop(&guards);
        finished.guards = guards::with_overridden(session, terms.iter().cloned().chain(guards).collect()).await?;
        if tripped {
            finished.ending = Ending::Guarded;
            return Ok(());
        }
        for pair in pairs.iter().rev() {
            let refused = deletes::run(session, pair).await?;
            Arc::make_mut(guarded.entry(pair.name().to_owned()).or_default()).extend(refused);
        }
        set_aside::run(session, pairs, &guarded).await?;
        if deletes::waiting(session, pairs).await? == 0 {
            return Ok(());
        }
    }
}

/// The counters of a session so far, one report per dataset.
pub async fn reports(session: &Session, pairs: &[Arc<Pair>]) -> Result<Vec<DatasetReport>> {
    let counted = session.home.counted(session.id).await?;
    let mut reports = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let found = counted.iter().find(|(name, _)| name == pair.name());
        let mut report = found.map(|(_, report)| report.clone()).unwrap_or_default();
        report.source.clone_from(&pair.mapping.source.dataset);
        report.target.clone_from(&pair.mapping.target.dataset);
        report.conflicts.open = session.home.count_open(pair.name()).await?;
        reports.push(report);
    }
    Ok(reports)
}
