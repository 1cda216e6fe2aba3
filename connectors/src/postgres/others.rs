//! Ends what other processes of ours have under way: their transactions must not commit any more.

use pinksync_engine::{Error, ErrorKind, Result};

use super::client::Session;
use super::error::translate;

/// How long the server may take to end one connection.
const WAIT_MS: i64 = 5_000;

const OPERATION: &str = "end the connections of another process";

/// Ends the connections of this user to this database whose application name begins with `theirs`, this one's own name
/// apart, and waits until they are gone.
pub async fn end(session: &mut Session, theirs: &str) -> Result<()> {
    const END: &str = "SELECT count(*) FILTER (WHERE NOT pg_terminate_backend(pid, $2))
        FROM pg_stat_activity
        WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
          AND starts_with(application_name, $1) AND application_name <> current_setting('application_name')";
    let failed = |error| translate(OPERATION, error);
    let statement = session.prepared(END).await.map_err(failed)?;
    let row = session.client.query_one(&statement, &[&theirs, &WAIT_MS]).await.map_err(failed)?;
    match row.get::<_, i64>(0) {
        0 => Ok(()),
        left => Err(Error::new(ErrorKind::Aborted, OPERATION, format!("{left} connections did not end in time"))),
    }
}
