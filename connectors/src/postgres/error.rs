//! What a failure of the server or of the connection means: a kind for the engine, or a record's refusal.

use std::error::Error as StdError;

use pinksync_engine::connector::Refusal;
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::chain;
use tokio_postgres::error::DbError;

/// Turns a driver's error into ours. `operation` is a verb phrase.
pub fn translate(operation: &'static str, error: tokio_postgres::Error) -> Error {
    let translated = match error.as_db_error() {
        Some(server) => {
            let (kind, remedy) =
                if is_outdated(server) { (ErrorKind::Aborted, None) } else { meaning(server.code().code()) };
            with_remedy(Error::new(kind, operation, sentence(server)), remedy)
        }
        None => {
            let kind = if is_broken(&error) { ErrorKind::Unreachable } else { ErrorKind::Other };
            let remedy = (kind == ErrorKind::Unreachable).then_some("check the server and the network, then run again");
            with_remedy(Error::new(kind, operation, chain(&error)), remedy)
        }
    };
    translated.with_source(error)
}

fn with_remedy(error: Error, remedy: Option<&str>) -> Error {
    match remedy {
        Some(remedy) => error.with_remedy(remedy),
        None => error,
    }
}

/// The table was changed after the statement was prepared; on a fresh connection it works.
fn is_outdated(error: &DbError) -> bool {
    error.routine() == Some("RevalidateCachedQuery")
}

/// The connection is gone, so that what was sent last may or may not have been done.
pub fn is_broken(error: &tokio_postgres::Error) -> bool {
    let io = |cause: &(dyn StdError + 'static)| cause.is::<std::io::Error>();
    match error.as_db_error() {
        Some(server) => is_disconnect(server.code().code()),
        None => error.is_closed() || error.source().is_some_and(io),
    }
}

fn is_disconnect(code: &str) -> bool {
    matches!(code.get(..2), Some("08")) || matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04")
}

/// The kind of a SQLSTATE and what the user can do. PostgreSQL documentation, appendix "Error Codes".
fn meaning(code: &str) -> (ErrorKind, Option<&'static str>) {
    match code {
        "40001" | "40P01" | "55P03" | "57014" | "25P03" | "25P04" => (ErrorKind::Aborted, None),
        "28P01" | "28000" => (ErrorKind::Denied, Some("check user and password of this connection")),
        "42501" => (ErrorKind::Denied, Some("grant the user the right, or connect as another user")),
        "25006" => (ErrorKind::Denied, Some("connect to the primary server, or to a database that may be written")),
        "53100" => (ErrorKind::Storage, Some("free disk space on the server")),
        "53200" | "53400" | "58030" => (ErrorKind::Storage, Some("look into the server's log")),
        "53300" => {
            (ErrorKind::Unreachable, Some("the server has no free connection: raise `max_connections` or close others"))
        }
        "3D000" => (ErrorKind::Definition, Some("check the database's name in this connection")),
        "3F000" => (ErrorKind::Definition, Some("create the schema first")),
        "42P01" | "42703" | "42704" => {
            (ErrorKind::Definition, Some("the tables have changed: run `pinksync plan` again"))
        }
        "XX001" | "XX002" => (ErrorKind::Data, Some("the server's data is damaged: look into its log")),
        code if is_disconnect(code) => (ErrorKind::Unreachable, Some("check the server, then run again")),
        code => match code.get(..2) {
            Some("40") => (ErrorKind::Aborted, None),
            Some("28") => (ErrorKind::Denied, Some("check user and password of this connection")),
            Some("53") => (ErrorKind::Storage, Some("look into the server's log")),
            _ => (ErrorKind::Other, None),
        },
    }
}

/// What a failed write says of the record alone; `None` where the failure is not the record's.
pub fn refusal(error: &tokio_postgres::Error) -> Option<Refusal> {
    let server = error.as_db_error().filter(|server| !is_outdated(server))?;
    let (code, retry) = refusal_code(server.code().code())?;
    Some(Refusal { code: code.to_owned(), reason: sentence(server), retry })
}

/// As `refusal`, of a table with columns that name other objects (`regclass`, `aclitem`): a name that means nothing
/// here is the record's own fault.
pub fn refusal_of_name(error: &tokio_postgres::Error) -> Option<Refusal> {
    let server = error.as_db_error()?;
    let is_name = matches!(server.code().code(), "42P01" | "42704" | "42883" | "42725" | "42602" | "3F000");
    is_name.then(|| Refusal { code: "type".to_owned(), reason: sentence(server), retry: false })
}

fn refusal_code(code: &str) -> Option<(&'static str, bool)> {
    Some(match code {
        "23505" | "23P01" => ("unique", true),
        "23503" | "23001" => ("foreign_key", true),
        "23502" => ("not_null", false),
        "23514" | "44000" => ("check", false),
        // The latter: longer than a `name` may be.
        "22001" | "42622" => ("too_large", false),
        "42804" => ("type", false),
        // A value for a GENERATED ALWAYS column; what a trigger or function raised.
        "428C9" | "0A000" | "55000" => ("refused", false),
        code => match code.get(..2)? {
            "22" => ("type", false),
            "54" => ("too_large", false),
            "08" | "0B" | "20" | "24" | "25" | "26" | "28" | "2B" | "2D" | "34" | "3B" | "3D" | "3F" | "40" | "42"
            | "53" | "55" | "57" | "58" | "72" | "F0" | "XX" => return None,
            _ => ("refused", false),
        },
    })
}

/// The server's words in one line: message, then detail or hint.
fn sentence(error: &DbError) -> String {
    let more = error.detail().or(error.hint()).map(|text| format!(" ({})", text.trim_end_matches('.')));
    format!("{}{}", error.message(), more.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_kind() {
        for (code, kind) in [
            ("40001", ErrorKind::Aborted),
            ("40P01", ErrorKind::Aborted),
            ("40002", ErrorKind::Aborted),
            ("55P03", ErrorKind::Aborted),
            ("57014", ErrorKind::Aborted),
            ("25P03", ErrorKind::Aborted),
            ("57P01", ErrorKind::Unreachable),
            ("57P03", ErrorKind::Unreachable),
            ("08006", ErrorKind::Unreachable),
            ("53300", ErrorKind::Unreachable),
            ("53100", ErrorKind::Storage),
            ("53200", ErrorKind::Storage),
            ("28P01", ErrorKind::Denied),
            ("28000", ErrorKind::Denied),
            ("42501", ErrorKind::Denied),
            ("25006", ErrorKind::Denied),
            ("3D000", ErrorKind::Definition),
            ("42P01", ErrorKind::Definition),
            ("42703", ErrorKind::Definition),
            ("XX001", ErrorKind::Data),
            ("XX000", ErrorKind::Other),
            ("42601", ErrorKind::Other),
            ("", ErrorKind::Other),
        ] {
            assert_eq!(meaning(code).0, kind, "{code}");
        }
    }

    #[test]
    fn only_a_records_own_fault_is_a_refusal() {
        for (code, expected) in [
            ("23505", Some(("unique", true))),
            ("23P01", Some(("unique", true))),
            ("23503", Some(("foreign_key", true))),
            ("23001", Some(("foreign_key", true))),
            ("23502", Some(("not_null", false))),
            ("23514", Some(("check", false))),
            ("44000", Some(("check", false))),
            ("22001", Some(("too_large", false))),
            ("42622", Some(("too_large", false))),
            ("54000", Some(("too_large", false))),
            ("22P02", Some(("type", false))),
            ("22003", Some(("type", false))),
            ("22021", Some(("type", false))),
            ("42804", Some(("type", false))),
            ("428C9", Some(("refused", false))),
            ("P0001", Some(("refused", false))),
            ("MY001", Some(("refused", false))),
            ("40001", None),
            ("40P01", None),
            ("55P03", None),
            ("57014", None),
            ("42501", None),
            ("42P01", None),
            ("53100", None),
            ("25P02", None),
            ("08006", None),
            ("XX000", None),
            ("", None),
        ] {
            assert_eq!(refusal_code(code), expected, "{code}");
        }
    }
}
