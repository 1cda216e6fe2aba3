//! Plans: what a session would do, line by line, and what `apply` carries out. A session that verifies keeps its
//! differences in the same place.

use serde_json::Value;

use super::{GenericClient, Result, Transaction};
use crate::ids::{AccountId, SessionId};

/// Lines sent in one statement.
const BATCH: usize = 1000;

/// Stores a session's lines, and the plan to be carried out; what was there is replaced.
pub async fn replace(
    transaction: &Transaction<'_>,
    account: AccountId,
    session: SessionId,
    lines: &[Value],
    saved: Option<&[u8]>,
) -> Result<()> {
    const LINES: &str = "INSERT INTO plan_lines (session_id, number, line)
        SELECT $1, $2 + n, line FROM unnest($3::jsonb[]) WITH ORDINALITY AS t(line, n)";
    const SAVED: &str = "INSERT INTO plans (session_id, account_id, saved) VALUES ($1, $2, $3)
        ON CONFLICT (session_id) DO UPDATE SET saved = excluded.saved";
    transaction.execute("DELETE FROM plan_lines WHERE session_id = $1", &[&session.0]).await?;
    let statement = transaction.prepare_cached(LINES).await?;
    for (at, batch) in lines.chunks(BATCH).enumerate() {
        let before = (at * BATCH) as i64;
        transaction.execute(&statement, &[&session.0, &before, &batch]).await?;
    }
    if let Some(saved) = saved {
        transaction.execute(SAVED, &[&session.0, &account, &saved]).await?;
    }
    Ok(())
}

/// The plan that a session made, to be carried out by another one.
pub async fn saved(client: &impl GenericClient, account: AccountId, session: SessionId) -> Result<Option<Vec<u8>>> {
    const SELECT: &str = "SELECT saved FROM plans WHERE account_id = $1 AND session_id = $2";
    Ok(client.query_opt(SELECT, &[&account, &session.0]).await?.map(|row| row.get(0)))
}

/// Lines of a session beyond the one numbered `after`, with their numbers.
pub async fn lines(
    client: &impl GenericClient,
    account: AccountId,
    session: SessionId,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Value)>> {
    const SELECT: &str = "SELECT l.number, l.line FROM plan_lines l JOIN sessions s ON s.id = l.session_id
        WHERE s.account_id = $1 AND s.id = $2 AND l.number > $3 ORDER BY l.number LIMIT $4";
    let statement = client.prepare_cached(SELECT).await?;
    let rows = client.query(&statement, &[&account, &session.0, &after, &limit]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
