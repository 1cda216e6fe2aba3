//! What an error of the engine means for its task: the one place that says so.

use pinksync_common::backoff::{self, MOST_ATTEMPTS};
use pinksync_common::store::tasks::Outcome;
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::{Reason, chain};

/// What becomes of a task that failed.
#[derive(Debug)]
pub enum Verdict {
    /// The task is begun again later, or parked with its remedy.
    Task(Outcome),
    /// The session cannot go on: it fails.
    Session(Reason),
    /// It was asked to stop; who asked knows how it ends.
    Stopped,
}

/// Judges an error of a task that was begun `attempts` times.
pub fn judge(error: &Error, attempts: i32) -> Verdict {
    match error.kind() {
        ErrorKind::Unreachable
        | ErrorKind::Aborted
        | ErrorKind::UnknownOutcome
        | ErrorKind::Moved
        | ErrorKind::Storage
        | ErrorKind::Other => Verdict::Task(again_or_parked(error, attempts)),
        ErrorKind::Definition | ErrorKind::Denied | ErrorKind::Data => Verdict::Session(reason(error)),
        ErrorKind::Interrupted => Verdict::Stopped,
    }
}

/// Why a session failed.
pub fn reason(error: &Error) -> Reason {
    let detail = match error.remedy() {
        Some(remedy) => format!("{}; {remedy}", chain(error)),
        None => chain(error),
    };
    Reason { code: error.kind().code().to_owned(), detail }
}

fn again_or_parked(error: &Error, attempts: i32) -> Outcome {
    let (code, detail) = (error.kind().code().to_owned(), chain(error));
    if attempts < MOST_ATTEMPTS {
        return Outcome::Again { after: backoff::delay(attempts), code, detail };
    }
    let remedy = error.remedy().unwrap_or("see to what the message says").to_owned();
    Outcome::Parked { code, detail, remedy }
}

/// A task whose work panicked: a mistake of ours, which another attempt may not meet.
pub fn of_panic(message: &str, attempts: i32) -> Outcome {
    let (code, detail) = ("panic".to_owned(), format!("the work on it broke off: {message}"));
    match attempts < MOST_ATTEMPTS {
        true => Outcome::Again { after: backoff::delay(attempts), code, detail },
        false => Outcome::Parked {
            code,
            detail,
            remedy: "this is a mistake in PinkCloudSync; please report it with the worker's log".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "do it", "it went wrong").with_remedy("mend it")
    }

    #[test]
    fn what_passes_is_tried_again_and_parked_after_the_last_attempt() {
        for kind in [ErrorKind::Unreachable, ErrorKind::Aborted, ErrorKind::Storage, ErrorKind::Other] {
            assert!(matches!(judge(&error(kind), 1), Verdict::Task(Outcome::Again { .. })), "{kind:?}");
            let Verdict::Task(Outcome::Parked { remedy, .. }) = judge(&error(kind), MOST_ATTEMPTS) else {
                panic!("{kind:?} is not parked");
            };
            assert_eq!(remedy, "mend it");
        }
    }

    #[test]
    fn what_a_person_must_mend_fails_the_session_with_the_way_to_do_it() {
        for kind in [ErrorKind::Definition, ErrorKind::Denied, ErrorKind::Data] {
            let Verdict::Session(reason) = judge(&error(kind), 1) else { panic!("{kind:?}") };
            assert!(reason.detail.ends_with("mend it"), "{}", reason.detail);
        }
        assert!(matches!(judge(&error(ErrorKind::Interrupted), 1), Verdict::Stopped));
    }
}
