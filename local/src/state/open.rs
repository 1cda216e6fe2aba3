//! Opening a state file: whose it is, its version, its settings.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pinksync_engine::{Error, ErrorKind};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::{Fault, StateError};
use super::schema::{APPLICATION_ID, STEPS, VERSION};

const OPERATION: &str = "open the state file";

/// How long a statement waits for another program that has the file open.
const BUSY: Duration = Duration::from_secs(10);

/// Opens for writing, creates what is not there and takes the steps that are missing. The lock must be held.
pub(crate) fn for_writing(path: &Path) -> Result<Connection, StateError> {
    look_at_header(path)?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    prepare(connection, path).map_err(|fault| fault.into_state_error(OPERATION, path))
}

/// Opens a file that is ours and of our version, for reading only.
pub(crate) fn for_reading(path: &Path) -> Result<Connection, StateError> {
    let connection = connect(path, OpenFlags::empty())?;
    let version = version(&connection, path)?;
    if version < VERSION {
        let message = format!("{} has the older state version {version}", path.display());
        let error = Error::new(ErrorKind::Storage, OPERATION, message);
        return Err(error.with_remedy("wait until the run that writes it has ended").into());
    }
    let closed = connection.pragma_update(None, "query_only", true);
    closed.map_err(|error| Fault::from(error).into_state_error(OPERATION, path))?;
    Ok(connection)
}

/// The version of a file that is ours; 0 of an empty one.
pub(crate) fn version(connection: &Connection, path: &Path) -> Result<i64, StateError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables = || connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    let facts = || Ok::<_, rusqlite::Error>((number("application_id")?, number("user_version")?, tables()?));
    match facts() {
        Ok((0, 0, 0)) => Ok(0),
        Ok((APPLICATION_ID, version, _)) if version <= VERSION => Ok(version),
        Ok((APPLICATION_ID, found, _)) => Err(StateError::Newer { path: path.to_owned(), found, known: VERSION }),
        Ok((_, _, tables)) => Err(StateError::foreign(
            path,
            format!("a SQLite database of something else, with {tables} tables and indexes"),
        )),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(StateError::foreign(path, "not a SQLite database"))
        }
        Err(error) => Err(Fault::from(error).into_state_error(OPERATION, path)),
    }
}

/// SQLite takes a file shorter than its header for an empty database and would write over it.
fn look_at_header(path: &Path) -> Result<(), StateError> {
    let mut start = Vec::new();
    match std::fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut start)) {
        Ok(_) if start.is_empty() || start == b"SQLite format 3\0" => Ok(()),
        Ok(_) => Err(StateError::foreign(path, "not a SQLite database")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            let message = format!("{} cannot be read: {error}", path.display());
            let error = Error::new(ErrorKind::Storage, OPERATION, message).with_source(error);
            Err(error.with_remedy("check that it is a file and that you may read it").into())
        }
    }
}

/// SQLite gives the files beside a database the rights that it has when they are made, and leaves them where it only
/// reads. Of a state file that was read-only for a while they would stay so: they get the rights that it has now.
fn free_leftovers(path: &Path) {
    let Ok(wanted) = std::fs::metadata(path).map(|metadata| metadata.permissions()) else { return };
    for ending in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let is_closed = std::fs::metadata(&name).is_ok_and(|found| wanted.mode() & !found.permissions().mode() != 0);
        if is_closed && let Err(error) = std::fs::set_permissions(&name, wanted.clone()) {
            // If it matters, opening fails, and names the files.
            tracing::debug!(file = %name.display(), %error, "a leftover file keeps its rights");
        }
    }
}

fn connect(path: &Path, extra: OpenFlags) -> Result<Connection, StateError> {
    free_leftovers(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | extra;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| Fault::from(error).into_state_error(OPERATION, path))
}

/// Whose file it is comes first: nothing is changed in one that is not ours.
fn prepare(mut connection: Connection, path: &Path) -> Result<Connection, Fault> {
    let version = version(&connection, path)?;
    if version == 0 {
        connection.pragma_update(None, "page_size", 8192)?;
    }
    // Both answer with a row. A file system without shared memory keeps its own journal mode, which is as safe.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 1000, |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -16_000)?;
    let steps = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (step, taken) in STEPS.iter().zip(1..).filter(|(_, taken)| *taken > version) {
        steps.execute_batch(step)?;
        steps.pragma_update(None, "application_id", APPLICATION_ID)?;
        steps.pragma_update(None, "user_version", taken)?;
    }
    steps.commit()?;
    Ok(connection)
}

/// The file that a link leads to, so that all its names share one lock. Other paths stay as they were given.
pub(crate) fn real(path: &Path) -> PathBuf {
    let target = if path.is_symlink() { path.canonicalize().ok() } else { None };
    target.unwrap_or_else(|| path.to_owned())
}

/// Whether a file that is ours has steps to take.
pub(crate) fn is_outdated(path: &Path) -> Result<bool, StateError> {
    look_at_header(path)?;
    Ok(version(&connect(path, OpenFlags::empty())?, path)? < VERSION)
}
