//! Records that a session left out, and why.

use pinksync_model::{SessionId, Side};
use serde_json::Value as Json;

use super::{GenericClient, Result};
use crate::ids::AccountId;
use crate::time::Utc;

/// A reject to be stored.
#[derive(Debug, Clone)]
pub struct NewReject<'a> {
    pub side: Side,
    pub key: Option<&'a [u8]>,
    /// 1-based line in a file.
    pub line: Option<i64>,
    pub code: &'a str,
    pub reason: String,
    /// The key by field names.
    pub shown_key: Option<Json>,
    /// Tells the same reject found again.
    pub identity: Vec<u8>,
}

/// A reject as people see it.
#[derive(Debug, Clone)]
pub struct RejectRow {
    pub id: i64,
    /// As the books call it: `source → target`.
    pub dataset: String,
    /// `source` or `target`.
    pub side: String,
    pub key: Option<Json>,
    pub line: Option<i64>,
    pub code: String,
    pub reason: String,
    pub at: Utc,
}

/// Rejects of a session beyond `after`, in the order in which they were met.
pub async fn page(
    client: &impl GenericClient,
    account: AccountId,
    session: SessionId,
    after: i64,
    limit: i64,
) -> Result<Vec<RejectRow>> {
    const SELECT: &str = "SELECT r.id, d.name, r.side, r.shown_key, r.line, r.code, r.reason, r.at
        FROM rejects r JOIN datasets d ON d.id = r.dataset_id
        WHERE r.account_id = $1 AND r.session_id = $2 AND r.id > $3 ORDER BY r.id LIMIT $4";
    let statement = client.prepare_cached(SELECT).await?;
    let rows = client.query(&statement, &[&account, &session.0, &after, &limit]).await?;
    let reject = |row: &tokio_postgres::Row| RejectRow {
        id: row.get(0),
        dataset: row.get(1),
        side: row.get(2),
        key: row.get(3),
        line: row.get(4),
        code: row.get(5),
        reason: row.get(6),
        at: row.get(7),
    };
    Ok(rows.iter().map(reject).collect())
}

/// Stores rejects of different identities, each once per session: one met again in a redo is the same one.
pub async fn store(
    client: &impl GenericClient,
    account: AccountId,
    session: SessionId,
    dataset: i64,
    rejects: &[NewReject<'_>],
) -> Result<()> {
    let insert = "INSERT INTO rejects (account_id, session_id, dataset_id, side, key, line, code, reason, shown_key,
                                       identity)
        SELECT $1, $2, $3, side, key, line, code, reason, shown_key, identity
        FROM unnest($4::text[], $5::bytea[], $6::bigint[], $7::text[], $8::text[], $9::jsonb[], $10::bytea[])
        WITH ORDINALITY AS g (side, key, line, code, reason, shown_key, identity, place) ORDER BY place
        ON CONFLICT (session_id, dataset_id, side, identity)
        DO UPDATE SET line = excluded.line, code = excluded.code, reason = excluded.reason, at = excluded.at";
    let insert = client.prepare_cached(insert).await?;
    let sides: Vec<_> = rejects.iter().map(|one| one.side.as_str()).collect();
    let keys: Vec<_> = rejects.iter().map(|one| one.key).collect();
    let lines: Vec<_> = rejects.iter().map(|one| one.line).collect();
    let codes: Vec<_> = rejects.iter().map(|one| one.code).collect();
    let reasons: Vec<_> = rejects.iter().map(|one| one.reason.as_str()).collect();
    let shown: Vec<_> = rejects.iter().map(|one| one.shown_key.as_ref()).collect();
    let identities: Vec<_> = rejects.iter().map(|one| one.identity.as_slice()).collect();
    let given: [&(dyn tokio_postgres::types::ToSql + Sync); 10] =
        [&account, &session.0, &dataset, &sides, &keys, &lines, &codes, &reasons, &shown, &identities];
    client.execute(&insert, &given).await?;
    Ok(())
}

/// Whether a session has rejects without a key: (of the source, of the target).
pub async fn unknown(client: &impl GenericClient, session: SessionId, dataset: i64) -> Result<(bool, bool)> {
    let select = "SELECT coalesce(bool_or(side = 'source'), false), coalesce(bool_or(side = 'target'), false)
                  FROM rejects WHERE session_id = $1 AND dataset_id = $2 AND key IS NULL";
    let select = client.prepare_cached(select).await?;
    let row = client.query_one(&select, &[&session.0, &dataset]).await?;
    Ok((row.get(0), row.get(1)))
}

/// Keys of a session's rejects, each once.
pub async fn keys(client: &impl GenericClient, session: SessionId, dataset: i64) -> Result<Vec<Vec<u8>>> {
    let select = "SELECT DISTINCT key FROM rejects WHERE session_id = $1 AND dataset_id = $2 AND key IS NOT NULL";
    let select = client.prepare_cached(select).await?;
    Ok(client.query(&select, &[&session.0, &dataset]).await?.iter().map(|row| row.get(0)).collect())
}
