//! Ends what other processes of ours have under way: their transactions must not commit any more.

use std::time::{Duration, Instant};

use pinksync_engine::{Error, ErrorKind, Result};

use super::client::Session;
use super::error::translate;

/// How long the server may take to end them.
const WAIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

const OPERATION: &str = "end the connections of another process";

/// Ends the connections of this user to this database whose application name begins with `theirs`, this one's own name
/// apart, and waits until they are gone.
pub async fn end(session: &mut Session, theirs: &str) -> Result<()> {
    const END: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
          AND starts_with(application_name, $1) AND application_name <> current_setting('application_name')";
    let failed = |error| translate(OPERATION, error);
    let statement = session.prepared(END).await.map_err(failed)?;
    let deadline = Instant::now() + WAIT;
    // Told all at once and then looked for: the server's own wait for each of them takes a tenth of a second.
    loop {
        let row = session.client.query_one(&statement, &[&theirs]).await.map_err(failed)?;
        match row.get::<_, i64>(0) {
            0 => return Ok(()),
            left if Instant::now() >= deadline => {
                let message = format!("{left} connections did not end in time");
                return Err(Error::new(ErrorKind::Aborted, OPERATION, message));
            }
            _ => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}
