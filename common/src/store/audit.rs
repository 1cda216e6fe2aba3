//! Who did what. Rows are added and never changed; none holds a secret.

use tokio_postgres::Row;

use super::{GenericClient, Result};
use crate::ids::{AccountId, ApiKeyId};
use crate::time::Utc;

/// What was done.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    pub account: AccountId,
    /// None where the operator did it from the command line.
    pub api_key: Option<ApiKeyId>,
    /// Such as `connection.create`.
    pub action: &'a str,
    /// What it was done to: an id or a name.
    pub object: &'a str,
    pub request: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub id: i64,
    pub api_key: Option<ApiKeyId>,
    pub action: String,
    pub object: String,
    pub request: Option<String>,
    pub at: Utc,
}

impl From<&Row> for AuditRow {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            api_key: row.get("api_key_id"),
            action: row.get("action"),
            object: row.get("object"),
            request: row.get("request_id"),
            at: row.get("at"),
        }
    }
}

/// Notes a deed; in the transaction that does it.
pub async fn insert(client: &impl GenericClient, deed: Deed<'_>) -> Result<()> {
    let sql = "INSERT INTO audit (account_id, api_key_id, action, object, request_id) VALUES ($1, $2, $3, $4, $5)";
    client.execute(sql, &[&deed.account, &deed.api_key, &deed.action, &deed.object, &deed.request]).await?;
    Ok(())
}

/// At most `limit` deeds of the account, those before `before`, newest first.
pub async fn page(
    client: &impl GenericClient,
    account: AccountId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<AuditRow>> {
    let sql = "SELECT id, api_key_id, action, object, request_id, at FROM audit
        WHERE account_id = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3";
    Ok(client.query(sql, &[&account, &before, &limit]).await?.iter().map(AuditRow::from).collect())
}
