//! The state file: what a sync remembers between sessions, and who may write it.

mod base;
mod book;
pub(crate) mod clock;
mod conflict;
mod dataset;
mod error;
mod home;
mod journal;
mod leftover;
mod lock;
mod open;
mod schema;
mod session;
mod settle;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinksync_engine::{Error, ErrorKind};

use crate::staging::Staging;
use lock::Lock;
use worker::Worker;

pub use error::StateError;
pub use leftover::StoredReject;
pub use lock::Holder;
pub use session::StoredSession;

/// An open state file. Fields are dropped in order: the lock goes last.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// `None` where the file was opened for reading only.
    writer: Option<Worker>,
    reader: Worker,
    staging: Staging,
    _lock: Option<Lock>,
}

impl StateFile {
    /// Opens the state file for a session, and creates it where there is none. Nobody else can until it is dropped
    /// ([`StateError::Held`]). What a dead process left staged is removed. Blocks for as long as opening takes.
    pub fn open(path: &Path) -> Result<Arc<Self>, StateError> {
        let path = &open::real(path);
        let lock = Lock::take(path)?;
        let writer = Worker::start(open::for_writing(path)?, path)?;
        let reader = Worker::start(open::for_reading(path)?, path)?;
        let staging = Staging::beside(path);
        staging.clear()?;
        Ok(Arc::new(Self { path: path.to_owned(), writer: Some(writer), reader, staging, _lock: Some(lock) }))
    }

    /// Opens an existing state file for reading, also while a session is at work. Methods that write are refused.
    /// One of an older version is brought up to date first, if nobody holds it.
    pub fn open_read_only(path: &Path) -> Result<Arc<Self>, StateError> {
        let path = &open::real(path);
        if !path.try_exists().unwrap_or(true) {
            return Err(StateError::Absent { path: path.to_owned() });
        }
        if open::is_outdated(path)? {
            drop(Self::open(path)?);
        }
        let reader = Worker::start(open::for_reading(path)?, path)?;
        let staging = Staging::beside(path);
        Ok(Arc::new(Self { path: path.to_owned(), writer: None, reader, staging, _lock: None }))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who writes the state file at `path` now: tells a session at work from one whose process died.
    pub fn holder(path: &Path) -> Option<Holder> {
        lock::holder(&open::real(path))
    }

    fn writer(&self, operation: &'static str) -> Result<&Worker, Error> {
        let closed = || Error::new(ErrorKind::Other, operation, "the state file was opened for reading only");
        self.writer.as_ref().ok_or_else(|| closed().with_remedy("end the other run first"))
    }
}

#[cfg(test)]
mod tests;
