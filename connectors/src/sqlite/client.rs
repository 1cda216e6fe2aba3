//! Connections to one database file, and the right to write to it, which one transaction of this process has at a time.
//!
//! The file is only ever opened by SQLite: closing any other handle on it would drop SQLite's POSIX locks.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use pinksync_engine::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::OwnedMutexGuard;

use super::error::during;

/// How long SQLite waits for another program's lock.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a transaction queues behind others of the same side.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(60);

const MOST_IDLE: usize = 8;
const STATEMENTS: usize = 64;

/// One side's way to a database file.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    slot: Arc<Slot>,
    id: u64,
}

/// The right to write to one file within this process.
#[derive(Debug, Default)]
struct Slot {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// The client that last took it.
    holder: AtomicU64,
}

/// Held from a transaction's first write until it has ended.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held, never looked at")] OwnedMutexGuard<()>);

impl Client {
    pub fn new(path: PathBuf) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let slot = slot_of(&path);
        Self { path, idle: Mutex::default(), slot, id: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// An idle connection, or a new one. The file must exist. Blocks.
    pub fn connect(&self) -> Result<Connection> {
        if let Some(connection) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(connection);
        }
        if !self.exists() {
            let message = format!("there is no database file {}", self.path.display());
            return Err(Error::new(ErrorKind::Unreachable, "open the SQLite database", message)
                .with_remedy("check `path`; a target is created where the dataset says `create_target: true`"));
        }
        self.open(OpenFlags::empty())
    }

    /// A connection that creates the file where it is missing. Blocks.
    pub fn connect_or_create(&self) -> Result<Connection> {
        self.open(OpenFlags::SQLITE_OPEN_CREATE)
    }

    fn open(&self, more: OpenFlags) -> Result<Connection> {
        let error = during("open the SQLite database");
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(&error)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(&error)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Both hold for this connection only; the file and its journal mode stay as they are.
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000").map_err(&error)?;
        Ok(connection)
    }

    /// Keeps a connection without an open transaction for later.
    pub fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.is_autocommit() && idle.len() < MOST_IDLE {
            idle.push(connection);
        }
    }

    /// Waits for the right to write. Transactions of this side queue; one of another side on the same file is
    /// waited for only as long as another program would be, since both may belong to one unit of work.
    pub async fn permit(&self) -> Result<Permit> {
        self.queue(BUSY_TIMEOUT).await
    }

    async fn queue(&self, step: Duration) -> Result<Permit> {
        let mut turn = std::pin::pin!(self.slot.lock.clone().lock_owned());
        let mut waited = Duration::ZERO;
        loop {
            if let Ok(guard) = tokio::time::timeout(step, &mut turn).await {
                self.slot.holder.store(self.id, Ordering::Relaxed);
                return Ok(Permit(guard));
            }
            waited += step;
            if self.slot.holder.load(Ordering::Relaxed) != self.id {
                let message =
                    format!("the other side of this sync is writing to the same file {}", self.path.display());
                return Err(Error::new(ErrorKind::Aborted, "write to SQLite", message).with_remedy(
                    "a SQLite file has one writer: between two tables of one file use `direction: one_way`",
                ));
            }
            if waited >= QUEUE_TIMEOUT {
                let message = format!("other transactions held the write lock for {} s", waited.as_secs());
                return Err(Error::new(ErrorKind::Aborted, "write to SQLite", message));
            }
        }
    }
}

fn slot_of(path: &Path) -> Arc<Slot> {
    static SLOTS: LazyLock<Mutex<HashMap<PathBuf, Weak<Slot>>>> = LazyLock::new(Mutex::default);
    let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(slot) = slots.get(path).and_then(Weak::upgrade) {
        return slot;
    }
    slots.retain(|_, slot| slot.strong_count() > 0);
    let slot = Arc::new(Slot::default());
    slots.insert(path.to_owned(), Arc::downgrade(&slot));
    slot
}

/// Runs `work`, which blocks on the file, away from the executor's threads.
pub async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Error::new(ErrorKind::Other, operation, "the thread that did it was stopped").with_source(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_side_queues_for_the_right_to_write() {
        let client = Arc::new(Client::new(PathBuf::from("/nowhere/queue.db")));
        let first = client.permit().await.unwrap();
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.permit().await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn two_sides_on_one_file_do_not_wait_for_each_other_for_ever() {
        let one = Client::new(PathBuf::from("/nowhere/both.db"));
        let other = Client::new(PathBuf::from("/nowhere/both.db"));
        let held = one.permit().await.unwrap();
        let error = other.queue(Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Aborted);
        drop(held);
        assert!(other.permit().await.is_ok());
    }

    #[test]
    fn a_missing_file_is_not_created_by_connecting() {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::new(folder.path().join("a.db"));
        let error = client.connect().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.remedy().unwrap().contains("create_target"));
        assert!(!client.exists());
    }
}
