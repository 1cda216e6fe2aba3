//! A session is worked on, and its end is put into the books: status, reason, report.

use pinksync_engine::home::Home;
use pinksync_engine::session::{self, Ending, Finished};
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::{
    ConflictCounts, DatasetReport, Mode, Reason, Report, SessionId, SessionStatus, SessionSummary, chain,
};

use super::{Begun, Local, RunError, left_alone};
use crate::state::clock::now;
use crate::{StateError, StateFile};

/// Days for which a session can be undone.
const JOURNAL_DAYS: u32 = 14;

/// How a session ended. The report says what was settled, also where an error ended it.
#[derive(Debug)]
pub struct Ended {
    pub report: Report,
    pub error: Option<Error>,
}

impl Local {
    /// Works on a session until it has ended, or until it was asked to stop.
    ///
    /// # Errors
    /// Only where its end cannot be put into the books; an error of the session itself is in [`Ended`].
    pub async fn run(&self, begun: Begun) -> Result<Ended, RunError> {
        let session = self.session(begun.id, begun.allowed, begun.plan);
        let result = session::run(&session).await;
        let ended = self.close(begun.id, Mode::Sync, result, None).await?;
        if ended.report.session.status.is_terminal() {
            self.forget_plan(begun.id);
        }
        if let Err(error) = self.state.retain(JOURNAL_DAYS).await {
            tracing::warn!(%error, "old journals could not be dropped");
        }
        Ok(ended)
    }

    /// Puts the end of a session into the books. `reason`: of one that is completed.
    pub(super) async fn close(
        &self,
        id: SessionId,
        mode: Mode,
        result: Result<Finished, Error>,
        reason: Option<Reason>,
    ) -> Result<Ended, RunError> {
        let (status, reason) = match &result {
            Ok(finished) => match finished.ending {
                Ending::Completed => (SessionStatus::Completed, reason),
                Ending::Paused => (SessionStatus::Paused, Some(interrupted(mode))),
                Ending::Guarded => (SessionStatus::Failed, Some(session::guard_reason(&finished.guards))),
            },
            Err(error) if error.kind() == ErrorKind::Interrupted => (SessionStatus::Paused, Some(interrupted(mode))),
            Err(error) => (left_by(error.kind()), Some(failed(error))),
        };
        self.book(id, status, reason, result).await
    }

    pub(super) async fn book(
        &self,
        id: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
        result: Result<Finished, Error>,
    ) -> Result<Ended, RunError> {
        match (self.note_end(id, status, reason, result.as_ref().ok()).await, result) {
            (Ok(report), Ok(_)) => Ok(Ended { report, error: None }),
            (Ok(report), Err(error)) => {
                Ok(Ended { report, error: Some(error).filter(|error| error.kind() != ErrorKind::Interrupted) })
            }
            (Err(state), Ok(_)) => Err(state.into()),
            // What broke the session is likely what keeps its end from being noted.
            (Err(state), Err(error)) => {
                tracing::warn!(%state, "the end of the session could not be noted");
                Err(error.into())
            }
        }
    }

    /// Notes status and report of a session that has ended, or pauses. `finished`: what it came to, where it came to
    /// something.
    pub(super) async fn note_end(
        &self,
        id: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
        finished: Option<&Finished>,
    ) -> Result<Report, StateError> {
        self.state.set_status(id, status, reason).await?;
        let mut report = so_far(&self.state, id).await?;
        if let Some(finished) = finished {
            // One that a guard stopped at once has looked at none.
            if !finished.datasets.is_empty() {
                report.datasets.clone_from(&finished.datasets);
            }
            report.guards.clone_from(&finished.guards);
            report.warnings.clone_from(&finished.warnings);
        }
        report.warnings.extend(left_alone::warnings(&self.state, &report).await?);
        if status.is_terminal() {
            self.state.set_report(id, &report).await?;
        }
        Ok(report)
    }
}

/// A session's report: the stored one, or, of a session that did not come to its end, what its counters say so far.
pub async fn report_of(state: &StateFile, id: SessionId) -> Result<Report, StateError> {
    match state.report(id).await? {
        Some(report) => Ok(report),
        None => so_far(state, id).await,
    }
}

async fn so_far(state: &StateFile, id: SessionId) -> Result<Report, StateError> {
    let session = state.session(id).await?.ok_or(StateError::UnknownSession(id))?;
    let mut waiting = state.waiting().await?;
    let mut counted = state.counted(id).await?;
    for (name, report) in &mut counted {
        let open = waiting.iter().position(|(dataset, _)| dataset == name);
        report.conflicts.open = open.map_or(0, |at| waiting.remove(at).1);
    }
    for (name, open) in waiting {
        let conflicts = ConflictCounts { open, ..ConflictCounts::default() };
        counted.push((name, DatasetReport { conflicts, ..DatasetReport::default() }));
    }
    let mut datasets = Vec::with_capacity(counted.len());
    for (name, mut report) in counted {
        name_sides(&mut report, &name);
        datasets.push(report);
    }
    let summary = SessionSummary {
        id,
        status: session.status,
        mode: session.mode,
        started_at: session.started_at,
        ended_at: session.ended_at,
        reason: session.reason,
    };
    let guards = state.overridden(id).await?;
    Ok(Report { session: summary, datasets, guards, warnings: Vec::new() })
}

/// Counters know their dataset as `source → target`.
pub(super) fn name_sides(report: &mut DatasetReport, dataset: &str) {
    let (source, target) = dataset.split_once(" → ").unwrap_or((dataset, dataset));
    report.source = source.to_owned();
    report.target = target.to_owned();
}

/// A report of what only looked and is in no book.
pub(super) fn unbooked_report(id: SessionId, mode: Mode, started_at: String, finished: Finished) -> Report {
    let (status, reason) = match finished.ending {
        Ending::Completed => (SessionStatus::Completed, None),
        Ending::Paused => (SessionStatus::Paused, Some(interrupted(mode))),
        Ending::Guarded => (SessionStatus::Failed, Some(session::guard_reason(&finished.guards))),
    };
    let session = SessionSummary { id, status, mode, started_at, ended_at: Some(now()), reason };
    Report { session, datasets: finished.datasets, guards: finished.guards, warnings: finished.warnings }
}

fn interrupted(mode: Mode) -> Reason {
    let command = if mode == Mode::Undo { "undo" } else { "run" };
    let detail = format!("stopped at a checkpoint; `pinksync {command}` goes on with it");
    Reason { code: "interrupted".to_owned(), detail }
}

/// Where an error leaves its session. What passes, or passes once there is space, pauses it: the same session goes on,
/// as after a kill.
fn left_by(kind: ErrorKind) -> SessionStatus {
    match kind {
        ErrorKind::Unreachable
        | ErrorKind::Aborted
        | ErrorKind::UnknownOutcome
        | ErrorKind::Moved
        | ErrorKind::Storage
        | ErrorKind::Interrupted => SessionStatus::Paused,
        ErrorKind::Definition | ErrorKind::Denied | ErrorKind::Data | ErrorKind::Other => SessionStatus::Failed,
    }
}

pub(super) fn failed(error: &Error) -> Reason {
    Reason { code: error.kind().code().to_owned(), detail: chain(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_pauses_a_session_and_what_does_not_fails_it() {
        for kind in [ErrorKind::Unreachable, ErrorKind::Aborted, ErrorKind::UnknownOutcome, ErrorKind::Moved] {
            assert_eq!(left_by(kind), SessionStatus::Paused, "{kind:?}");
        }
        for kind in [ErrorKind::Definition, ErrorKind::Denied, ErrorKind::Data, ErrorKind::Other] {
            assert_eq!(left_by(kind), SessionStatus::Failed, "{kind:?}");
        }
    }
}
