//! What happens to sessions, in order. Events of a session are written under the lock of its row, so that a later one never
//! becomes visible before an earlier one.

use serde_json::Value;

use super::{GenericClient, Result};
use crate::ids::{AccountId, SessionId};
use crate::time::Utc;

#[derive(Debug, Clone)]
pub struct Event {
    pub id: i64,
    pub kind: String,
    pub data: Value,
    pub at: Utc,
}

/// Adds an event. The caller holds the lock of the session's row.
pub async fn append(
    client: &impl GenericClient,
    account: AccountId,
    session: SessionId,
    kind: &str,
    data: &Value,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO events (account_id, session_id, kind, data) VALUES ($1, $2, $3, $4)";
    let statement = client.prepare_cached(INSERT).await?;
    client.execute(&statement, &[&account, &session.0, &kind, data]).await?;
    Ok(())
}

/// Events of a session beyond `after`, oldest first.
pub async fn after(
    client: &impl GenericClient,
    account: AccountId,
    session: SessionId,
    after: i64,
    limit: i64,
) -> Result<Vec<Event>> {
    const SELECT: &str = "SELECT id, kind, data, at FROM events
        WHERE account_id = $1 AND session_id = $2 AND id > $3 ORDER BY id LIMIT $4";
    let statement = client.prepare_cached(SELECT).await?;
    let rows = client.query(&statement, &[&account, &session.0, &after, &limit]).await?;
    let event =
        |row: &tokio_postgres::Row| Event { id: row.get(0), kind: row.get(1), data: row.get(2), at: row.get(3) };
    Ok(rows.iter().map(event).collect())
}
