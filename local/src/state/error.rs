//! What can go wrong with a state file, and what SQLite's codes mean to the engine.

use std::path::{Path, PathBuf};

use pinksync_engine::codec::DecodeError;
use pinksync_engine::stored::StoredError;
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::{SessionId, SessionStatus};

/// Why a state file cannot be used, or not in the way that was asked.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process is writing it.
    #[error("the state file {path} is in use by process {pid} since {since}; wait until it has ended, or end it", path = .path.display())]
    Held { path: PathBuf, pid: u32, since: String },
    /// Only for reading: there is nothing to read.
    #[error("there is no state file {path} yet; a first `pinksync run` makes it, or name another with --state", path = .path.display())]
    Absent { path: PathBuf },
    /// Not SQLite, or the database of another program.
    #[error("{path} is not a state file of pinksync ({found}); name another file with --state", path = .path.display())]
    Foreign { path: PathBuf, found: String },
    /// Written by a later version of this program.
    #[error("{path} has state version {found}, this program knows versions up to {known}; use a newer pinksync", path = .path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    /// A session is at work or paused; only one may be at a time.
    #[error(
        "session {0} is not finished yet; go on with it first: `pinksync run` of this file, or `pinksync undo` of an undo"
    )]
    Unfinished(SessionId),
    #[error("there is no session {0}; `pinksync sessions` lists them")]
    UnknownSession(SessionId),
    #[error("session {session} is {from} and cannot become {to}; `pinksync sessions` shows where each one stands")]
    Move { session: SessionId, from: SessionStatus, to: SessionStatus },
    #[error("there is no conflict {0}; `pinksync conflicts list --all` lists them")]
    UnknownConflict(String),
    #[error("{given} could be any of {matches}; give more of the id")]
    AmbiguousConflict { given: String, matches: String },
    /// The disk, the folder or the file itself.
    #[error(transparent)]
    Storage(#[from] Error),
}

impl StateError {
    pub(crate) fn foreign(path: &Path, found: impl Into<String>) -> Self {
        Self::Foreign { path: path.to_owned(), found: found.into() }
    }
}

/// What a function over the connection fails with: SQLite's word, ours, or bytes that do not decode.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("what is stored cannot be read: {0}")]
    Damaged(String),
    /// A caller's mistake that must not reach the disk.
    #[error("{0}")]
    Refused(String),
    /// A block that was asked for is not there any more.
    #[error("a block was replaced since it was listed")]
    Gone,
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<StoredError> for Fault {
    fn from(error: StoredError) -> Self {
        match error {
            StoredError::Damaged(what) => Self::Damaged(what),
            StoredError::Refused(why) => Self::Refused(why),
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<pinksync_model::UnknownName> for Fault {
    fn from(error: pinksync_model::UnknownName) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl Fault {
    /// As an error of the engine; `operation` is a verb phrase.
    pub(crate) fn into_error(self, operation: &'static str, path: &Path) -> Error {
        match self {
            Self::Sqlite(error) => from_sqlite(error, operation, path),
            Self::Damaged(what) => damaged(operation, path, &what),
            Self::Refused(why) => Error::new(ErrorKind::Other, operation, why),
            Self::Gone => Error::new(ErrorKind::Aborted, operation, self.to_string())
                .with_remedy("list the blocks again and do the segment anew"),
            Self::State(StateError::Storage(error)) => error,
            Self::State(error) => Error::new(ErrorKind::Other, operation, error.to_string()),
        }
    }

    /// As an error of the command line's methods.
    pub(crate) fn into_state_error(self, operation: &'static str, path: &Path) -> StateError {
        match self {
            Self::State(error) => error,
            other => StateError::Storage(other.into_error(operation, path)),
        }
    }
}

fn damaged(operation: &'static str, path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Data, operation, format!("the state file {} is damaged: {what}", path.display()))
        .with_remedy("put back a copy of the state file, or move it away: the next run then compares everything afresh")
}

fn from_sqlite(error: rusqlite::Error, operation: &'static str, path: &Path) -> Error {
    use rusqlite::ErrorCode;
    let file = path.display();
    let storage =
        |message: String, remedy: &str| Error::new(ErrorKind::Storage, operation, message).with_remedy(remedy);
    let made = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => storage(
            format!("no space is left for the state file {file}"),
            "free some space and run again; everything up to the last checkpoint is stored",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => storage(
            format!("the state file {file}, a file beside it (-wal, -shm) or its folder cannot be written"),
            "check that the folder exists and that you may write to it and to these files, or name another place with --state",
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed) => storage(
            format!("the disk under the state file {file} is full or fails"),
            "check the disk and its free space, then run again; everything up to the last checkpoint is stored",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => storage(
            format!("another program holds the state file {file}"),
            "close the program that has the file open and run again",
        ),
        Some(ErrorCode::TooBig) => Error::new(ErrorKind::Data, operation, "a stored value is larger than SQLite takes")
            .with_remedy("choose a smaller batch_size"),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(operation, path, &error.to_string()),
        _ => Error::new(ErrorKind::Other, operation, format!("the state file {file}: {error}")),
    };
    made.with_source(error)
}
