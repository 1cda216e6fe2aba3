//! Exit codes, and what each error and each end of a session means in them. The codes are a contract.

use pinksync_engine::ErrorKind;
use pinksync_local::StateError;
use pinksync_local::runner::{Ended, RunError};
use pinksync_model::{DatasetReport, Report, SessionStatus};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    /// Wrong usage, or a sync file that does not validate or does not fit the systems.
    Usage,
    /// Done, but rejects, open conflicts or records left alone remain.
    Remains,
    /// Stopped by a guard.
    Guarded,
    /// There are changes or differences, where that was the question.
    Differs,
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Remains => 3,
            Self::Guarded => 4,
            Self::Differs => 10,
            Self::Interrupted => 130,
        }
    }

    /// Half an answer is none; that something else went wrong says more.
    pub fn with_output(self, is_cut: bool) -> Self {
        match self {
            Self::Done | Self::Differs if is_cut => Self::Failed,
            other => other,
        }
    }

    pub fn of_kind(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Definition => Self::Usage,
            ErrorKind::Interrupted => Self::Interrupted,
            ErrorKind::Unreachable
            | ErrorKind::Denied
            | ErrorKind::Aborted
            | ErrorKind::UnknownOutcome
            | ErrorKind::Data
            | ErrorKind::Moved
            | ErrorKind::Storage
            | ErrorKind::Other => Self::Failed,
        }
    }

    pub fn of_state(error: &StateError) -> Self {
        match error {
            StateError::Storage(error) => Self::of_kind(error.kind()),
            StateError::Held { .. }
            | StateError::Absent { .. }
            | StateError::Foreign { .. }
            | StateError::Newer { .. }
            | StateError::Unfinished(_)
            | StateError::UnknownSession(_)
            | StateError::Move { .. }
            | StateError::UnknownConflict(_)
            | StateError::AmbiguousConflict { .. } => Self::Failed,
        }
    }

    pub fn of_run(error: &RunError) -> Self {
        match error {
            RunError::Unreadable { .. } | RunError::Invalid { .. } => Self::Usage,
            RunError::State(error) => Self::of_state(error),
            RunError::Engine(error) => Self::of_kind(error.kind()),
            RunError::Refused { .. } => Self::Failed,
        }
    }

    /// Of a session that has ended, one way or another.
    pub fn of_ended(ended: &Ended) -> Self {
        match &ended.error {
            Some(error) => Self::of_kind(error.kind()),
            None => Self::of_report(&ended.report),
        }
    }

    fn of_report(report: &Report) -> Self {
        match report.session.status {
            SessionStatus::Completed => {
                let DatasetReport { conflicts, rejected, left_alone, .. } = DatasetReport::total(&report.datasets);
                if conflicts.open + rejected + left_alone > 0 { Self::Remains } else { Self::Done }
            }
            SessionStatus::Paused => Self::Interrupted,
            // An error is told apart: what is left is a guard.
            SessionStatus::Failed => Self::Guarded,
            SessionStatus::Pending | SessionStatus::InProgress | SessionStatus::Cancelled => Self::Failed,
        }
    }
}
