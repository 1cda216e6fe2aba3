//! What SQLite's result codes mean: to the session (a kind of error) or to one record (a refusal).

use pinksync_engine::connector::Refusal;
use pinksync_engine::{Error, ErrorKind};
use rusqlite::ffi::{self, ErrorCode};

/// An error of a whole operation.
pub fn failed(operation: &'static str, error: rusqlite::Error) -> Error {
    let kind = match &error {
        rusqlite::Error::SqliteFailure(code, _) => kind(code.code),
        rusqlite::Error::SqlInputError { error, .. } => kind(error.code),
        _ => ErrorKind::Other,
    };
    let result = Error::new(kind, operation, words(&error));
    match remedy(kind, &error) {
        Some(remedy) => result.with_remedy(remedy),
        None => result,
    }
    .with_source(error)
}

/// As [`failed`], for use with `map_err`.
pub fn during(operation: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |error| failed(operation, error)
}

fn kind(code: ErrorCode) -> ErrorKind {
    match code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::SchemaChanged
        | ErrorCode::OperationAborted => ErrorKind::Aborted,
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => ErrorKind::Denied,
        ErrorCode::ReadOnly | ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::NoLargeFileSupport => {
            ErrorKind::Storage
        }
        ErrorCode::CannotOpen => ErrorKind::Unreachable,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => ErrorKind::Data,
        ErrorCode::OperationInterrupted => ErrorKind::Interrupted,
        ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig => ErrorKind::Data,
        // SQLITE_ERROR: a table or column that is not there any more, an unknown collation or function.
        ErrorCode::Unknown => ErrorKind::Definition,
        _ => ErrorKind::Other,
    }
}

fn remedy(kind: ErrorKind, error: &rusqlite::Error) -> Option<&'static str> {
    match kind {
        ErrorKind::Aborted => Some("another program holds the database's lock; let it finish and run again"),
        ErrorKind::Storage => Some("make room on the disk, or make the file and its folder writable"),
        ErrorKind::Unreachable => Some("check `path` and the rights on the file and its folder"),
        ErrorKind::Denied => Some("check the rights on the database file"),
        ErrorKind::Data if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Some("`path` names a file that is not a SQLite 3 database (or an encrypted one)")
        }
        ErrorKind::Data if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            Some("check it with `PRAGMA integrity_check` and restore it from a backup")
        }
        ErrorKind::Definition => Some("compare the sync file with the database's tables and columns"),
        ErrorKind::Data | ErrorKind::Moved | ErrorKind::UnknownOutcome | ErrorKind::Interrupted | ErrorKind::Other => {
            None
        }
    }
}

/// SQLite's own words.
pub fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// What a failed write of one record means: `Ok` is a refusal of this record, `Err` an error of the transaction.
pub fn refusal(error: rusqlite::Error) -> Result<Refusal, Error> {
    let (code, retry) = match &error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::ConstraintViolation => constraint(failure.extended_code),
            ErrorCode::TypeMismatch => ("type", false),
            ErrorCode::TooBig => ("too_large", false),
            // The statement was prepared, so this is about the record: an error inside a trigger or a CHECK.
            ErrorCode::Unknown => ("refused", false),
            _ => return Err(failed("write records", error)),
        },
        _ => return Err(failed("write records", error)),
    };
    Ok(Refusal { code: code.to_owned(), reason: words(&error), retry })
}

fn constraint(extended: i32) -> (&'static str, bool) {
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            ("unique", true)
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ("foreign_key", true),
        ffi::SQLITE_CONSTRAINT_NOTNULL => ("not_null", false),
        ffi::SQLITE_CONSTRAINT_CHECK => ("check", false),
        ffi::SQLITE_CONSTRAINT_DATATYPE => ("type", false),
        _ => ("refused", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(extended: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(extended), Some("words".to_owned()))
    }

    #[test]
    fn result_codes_have_a_kind() {
        for (code, kind) in [
            (ffi::SQLITE_BUSY, ErrorKind::Aborted),
            (ffi::SQLITE_BUSY_SNAPSHOT, ErrorKind::Aborted),
            (ffi::SQLITE_LOCKED, ErrorKind::Aborted),
            (ffi::SQLITE_READONLY, ErrorKind::Storage),
            (ffi::SQLITE_FULL, ErrorKind::Storage),
            (ffi::SQLITE_IOERR_WRITE, ErrorKind::Storage),
            (ffi::SQLITE_CANTOPEN, ErrorKind::Unreachable),
            (ffi::SQLITE_NOTADB, ErrorKind::Data),
            (ffi::SQLITE_CORRUPT, ErrorKind::Data),
            (ffi::SQLITE_PERM, ErrorKind::Denied),
            (ffi::SQLITE_ERROR, ErrorKind::Definition),
            (ffi::SQLITE_INTERRUPT, ErrorKind::Interrupted),
            (ffi::SQLITE_NOMEM, ErrorKind::Other),
        ] {
            assert_eq!(failed("test", failure(code)).kind(), kind, "code {code}");
        }
    }

    #[test]
    fn constraints_refuse_one_record() {
        for (code, name, retry) in [
            (ffi::SQLITE_CONSTRAINT_UNIQUE, "unique", true),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, "unique", true),
            (ffi::SQLITE_CONSTRAINT_ROWID, "unique", true),
            (ffi::SQLITE_CONSTRAINT_FOREIGNKEY, "foreign_key", true),
            (ffi::SQLITE_CONSTRAINT_NOTNULL, "not_null", false),
            (ffi::SQLITE_CONSTRAINT_CHECK, "check", false),
            (ffi::SQLITE_CONSTRAINT_DATATYPE, "type", false),
            (ffi::SQLITE_CONSTRAINT_TRIGGER, "refused", false),
            (ffi::SQLITE_MISMATCH, "type", false),
            (ffi::SQLITE_TOOBIG, "too_large", false),
            (ffi::SQLITE_ERROR, "refused", false),
        ] {
            let refusal = refusal(failure(code)).unwrap();
            assert_eq!((refusal.code.as_str(), refusal.retry), (name, retry), "code {code}");
            assert_eq!(refusal.reason, "words");
        }
        assert_eq!(refusal(failure(ffi::SQLITE_FULL)).unwrap_err().kind(), ErrorKind::Storage);
    }
}
