//! The lock beside a state file. It belongs to the open file, so it dies with its process whatever happens.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pinksync_engine::{Error, ErrorKind};

use super::clock;
use super::error::StateError;

/// Who writes a state file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    /// RFC 3339 UTC.
    pub since: String,
}

/// A held lock; dropping it lets go. The file stays: removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of the state file at `path` and writes our process id and the time into it.
    pub(crate) fn take(path: &Path) -> Result<Self, StateError> {
        let lock_path = lock_path(path);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock_path);
        let mut file = file.map_err(|error| unusable(&lock_path, error))?;
        match lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let Holder { pid, since } = read(&mut file).unwrap_or_else(unknown);
                return Err(StateError::Held { path: path.to_owned(), pid, since });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(&lock_path, error)),
        }
        let line = format!("{} {}\n", std::process::id(), clock::now());
        let written = file.set_len(0).and_then(|()| file.write_all(line.as_bytes()));
        written.map_err(|error| unusable(&lock_path, error))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The name of the last holder is of no use; if it stays, nothing depends on it.
        let _ = self.file.set_len(0);
    }
}

/// How long those who only look may be in the way.
const LOOKING: Duration = Duration::from_secs(1);

/// A run holds the file alone; who asks for the holder shares it for an instant, and is waited for.
fn lock(file: &File) -> Result<(), TryLockError> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOOKING => file.try_lock_shared()?,
            other => return other,
        }
        file.unlock().map_err(TryLockError::Error)?;
        std::thread::yield_now();
    }
}

/// Who holds the lock of the state file at `path` now.
pub(crate) fn holder(path: &Path) -> Option<Holder> {
    let mut file = File::open(lock_path(path)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read(&mut file).unwrap_or_else(unknown)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(200).read_to_string(&mut text).ok()?;
    let (pid, since) = text.trim_end().split_once(' ')?;
    Some(Holder { pid: pid.parse().ok()?, since: since.to_owned() })
}

/// A holder that has locked the file and not yet written its name.
fn unknown() -> Holder {
    Holder { pid: 0, since: "a moment ago".to_owned() }
}

fn unusable(lock_path: &Path, error: std::io::Error) -> StateError {
    let message = format!("the lock file {} cannot be written: {error}", lock_path.display());
    let remedy = "check the folder, your rights on it and its free space, or name another place with --state";
    Error::new(ErrorKind::Storage, "open the state file", message).with_remedy(remedy).with_source(error).into()
}
