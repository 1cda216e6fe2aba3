//! What can go wrong in the home, and what PostgreSQL's codes mean to the engine: what passes is tried again there.

use pinksync_common::store::{StoreError, Transaction};
use pinksync_engine::codec::DecodeError;
use pinksync_engine::stored::StoredError;
use pinksync_engine::{Error, ErrorKind};
use tokio_postgres::error::SqlState;

/// What a function of the home fails with.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection was lost while a commit was waited for.
    #[error("the metadata database did not answer a commit")]
    Unanswered(#[source] tokio_postgres::Error),
    #[error("what is stored cannot be read: {0}")]
    Damaged(String),
    /// A caller's mistake that must not be stored.
    #[error("{0}")]
    Refused(String),
    /// A block that was asked for is not there any more.
    #[error("a block was replaced since it was listed")]
    Gone,
    /// A staged side is not there, or not as a whole.
    #[error("the rows of a staged side are lost: the server crashed, or the side was staged anew")]
    RunLost,
    #[error("the lease was taken over by another worker")]
    LeaseLost,
    /// One that is the engine's already.
    #[error(transparent)]
    Engine(Error),
}

impl From<StoredError> for Fault {
    fn from(error: StoredError) -> Self {
        match error {
            StoredError::Damaged(what) => Self::Damaged(what),
            StoredError::Refused(why) => Self::Refused(why),
        }
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl Fault {
    /// As an error of the engine; `operation` is a verb phrase.
    pub(super) fn into_error(self, operation: &'static str) -> Error {
        let message = self.to_string();
        match self {
            Self::Store(error) => from_store(error, operation),
            Self::Unanswered(error) => Error::new(ErrorKind::UnknownOutcome, operation, message).with_source(error),
            Self::Damaged(_) => Error::new(ErrorKind::Data, operation, message).with_remedy(
                "restore the metadata database, or override definition_changed: everything is compared afresh",
            ),
            Self::Refused(_) => Error::new(ErrorKind::Other, operation, message),
            Self::Gone => Error::new(ErrorKind::Aborted, operation, message)
                .with_remedy("list the blocks again and do the segment anew"),
            Self::RunLost => Error::new(ErrorKind::Aborted, operation, message).with_remedy("stage the side again"),
            Self::LeaseLost => Error::new(ErrorKind::Interrupted, operation, message),
            Self::Engine(error) => error,
        }
    }
}

fn from_store(error: StoreError, operation: &'static str) -> Error {
    let (kind, remedy) = match &error {
        StoreError::Unreachable(_) => (ErrorKind::Unreachable, None),
        // Without a code the server did not speak: the connection broke.
        StoreError::Sql(sql) => sql.code().map_or((ErrorKind::Unreachable, None), of_code),
        StoreError::Unreadable(..) => (ErrorKind::Data, None),
        StoreError::Migration(_) => (ErrorKind::Other, None),
    };
    let made = Error::new(kind, operation, error.to_string());
    let made = if let Some(remedy) = remedy { made.with_remedy(remedy) } else { made };
    made.with_source(error)
}

/// What a code means, and what to do about it.
fn of_code(code: &SqlState) -> (ErrorKind, Option<&'static str>) {
    let aborted = [
        // Others were quicker; the next attempt finds what they stored.
        SqlState::UNIQUE_VIOLATION,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        // A statement sent along with the one that failed.
        SqlState::IN_FAILED_SQL_TRANSACTION,
    ];
    if aborted.contains(code) {
        return (ErrorKind::Aborted, None);
    }
    if *code == SqlState::DISK_FULL || *code == SqlState::IO_ERROR {
        return (ErrorKind::Storage, Some("check the disk of the metadata database and its free space"));
    }
    // A standby that is about to be the primary.
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return (ErrorKind::Unreachable, None);
    }
    match &code.code()[..2] {
        "40" => (ErrorKind::Aborted, None),
        "08" | "53" | "57" => (ErrorKind::Unreachable, None),
        "28" | "42" if *code == SqlState::INSUFFICIENT_PRIVILEGE || code.code().starts_with("28") => {
            (ErrorKind::Denied, Some("let the service's role read and write the metadata database"))
        }
        "54" => (ErrorKind::Data, Some("a key or a record is larger than the metadata database takes; leave it out")),
        _ => (ErrorKind::Other, None),
    }
}

/// Commits; a lost answer means that it may have happened.
pub(super) async fn commit(transaction: Transaction<'_>) -> Result<(), Fault> {
    transaction.commit().await.map_err(lost)
}

/// The error of a statement that commits.
pub(super) fn lost(error: tokio_postgres::Error) -> Fault {
    match error.as_db_error() {
        Some(_) => Fault::Store(error.into()),
        None => Fault::Unanswered(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_pass_are_tried_again() {
        let cases = [
            ("40001", ErrorKind::Aborted),
            ("40P01", ErrorKind::Aborted),
            ("23505", ErrorKind::Aborted),
            ("55P03", ErrorKind::Aborted),
            ("57014", ErrorKind::Aborted),
            ("25P02", ErrorKind::Aborted),
            ("57P01", ErrorKind::Unreachable),
            ("57P03", ErrorKind::Unreachable),
            ("53300", ErrorKind::Unreachable),
            ("08006", ErrorKind::Unreachable),
            ("25006", ErrorKind::Unreachable),
            ("53100", ErrorKind::Storage),
            ("42501", ErrorKind::Denied),
            ("28P01", ErrorKind::Denied),
            ("54000", ErrorKind::Data),
            ("23503", ErrorKind::Other),
            ("42P01", ErrorKind::Other),
        ];
        for (code, kind) in cases {
            assert_eq!(of_code(&SqlState::from_code(code)).0, kind, "{code}");
        }
    }
}
