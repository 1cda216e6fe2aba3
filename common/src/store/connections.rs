//! Saved connections. The document holds no secret; those are sealed beside it.

use serde_json::Value;
use tokio_postgres::Row;

use super::{GenericClient, Result};
use crate::ids::{AccountId, ConnectionId, SyncId};
use crate::time::Utc;

const COLUMNS: &str = "id, name, document, sealed, max_tasks, revision, created_at, updated_at";

/// A saved connection.
#[derive(Debug, Clone)]
pub struct Connection {
    pub id: ConnectionId,
    /// Unique in its account.
    pub name: String,
    /// What stands under `source:` in a sync file, without its secrets.
    pub document: Value,
    /// The secrets, sealed.
    pub sealed: Option<Vec<u8>>,
    /// Tasks that may work on it at once; None: as the settings say.
    pub max_tasks: Option<i32>,
    /// One more with each change.
    pub revision: i64,
    pub created_at: Utc,
    pub updated_at: Utc,
}

/// What a connection is made of or changed to.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    pub name: &'a str,
    pub document: &'a Value,
    pub sealed: Option<&'a [u8]>,
    /// At least 1.
    pub max_tasks: Option<i32>,
}

/// A sync whose current document names a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: SyncId,
    /// None: an inline definition.
    pub name: Option<String>,
}

fn read(row: &Row) -> Connection {
    Connection {
        id: row.get(0),
        name: row.get(1),
        document: row.get(2),
        sealed: row.get(3),
        max_tasks: row.get(4),
        revision: row.get(5),
        created_at: row.get(6),
        updated_at: row.get(7),
    }
}

/// Saves a new connection under an id that the caller has chosen, since secrets are bound to it.
///
/// # Errors
/// The name is taken: `connections_account_id_name_key`.
pub async fn insert(
    client: &impl GenericClient,
    account: AccountId,
    id: ConnectionId,
    contents: Contents<'_>,
) -> Result<Connection> {
    let sql = format!(
        "INSERT INTO connections (id, account_id, name, document, sealed, max_tasks) VALUES ($1, $2, $3, $4, $5, $6)
         RETURNING {COLUMNS}"
    );
    let Contents { name, document, sealed, max_tasks } = contents;
    let row = client.query_one(&sql, &[&id, &account, &name, &document, &sealed, &max_tasks]).await?;
    Ok(read(&row))
}

pub async fn get(client: &impl GenericClient, account: AccountId, id: ConnectionId) -> Result<Option<Connection>> {
    let sql = format!("SELECT {COLUMNS} FROM connections WHERE account_id = $1 AND id = $2");
    Ok(client.query_opt(&sql, &[&account, &id]).await?.as_ref().map(read))
}

/// As [`get`], and nobody changes it until the transaction ends.
pub async fn lock(
    transaction: &impl GenericClient,
    account: AccountId,
    id: ConnectionId,
) -> Result<Option<Connection>> {
    let sql = format!("SELECT {COLUMNS} FROM connections WHERE account_id = $1 AND id = $2 FOR UPDATE");
    Ok(transaction.query_opt(&sql, &[&account, &id]).await?.as_ref().map(read))
}

/// The connection that a sync file names, by id or by name; an id wins over a name that looks like one. In a transaction,
/// nobody deletes or renames it until that ends.
pub async fn named(client: &impl GenericClient, account: AccountId, reference: &str) -> Result<Option<Connection>> {
    let id = reference.parse::<ConnectionId>().ok();
    let sql = format!(
        "SELECT {COLUMNS} FROM connections WHERE account_id = $1 AND (id = $2 OR name = $3)
         ORDER BY id = $2 DESC NULLS LAST LIMIT 1 FOR KEY SHARE"
    );
    Ok(client.query_opt(&sql, &[&account, &id, &reference]).await?.as_ref().map(read))
}

/// The newest first, at most `limit`, those older than `after`.
pub async fn list(
    client: &impl GenericClient,
    account: AccountId,
    after: Option<ConnectionId>,
    limit: i64,
) -> Result<Vec<Connection>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM connections WHERE account_id = $1 AND ($2::uuid IS NULL OR id < $2)
         ORDER BY id DESC LIMIT $3"
    );
    Ok(client.query(&sql, &[&account, &after, &limit]).await?.iter().map(read).collect())
}

/// Gives a connection other contents and the next revision. None: it is not there.
///
/// # Errors
/// The name is taken: `connections_account_id_name_key`.
pub async fn update(
    client: &impl GenericClient,
    account: AccountId,
    id: ConnectionId,
    contents: Contents<'_>,
) -> Result<Option<Connection>> {
    let sql = format!(
        "UPDATE connections SET name = $3, document = $4, sealed = $5, max_tasks = $6, revision = revision + 1,
             updated_at = now()
         WHERE account_id = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    let Contents { name, document, sealed, max_tasks } = contents;
    let row = client.query_opt(&sql, &[&account, &id, &name, &document, &sealed, &max_tasks]).await?;
    Ok(row.as_ref().map(read))
}

/// Whether there was one to delete.
pub async fn delete(client: &impl GenericClient, account: AccountId, id: ConnectionId) -> Result<bool> {
    let sql = "DELETE FROM connections WHERE account_id = $1 AND id = $2";
    Ok(client.execute(sql, &[&account, &id]).await? > 0)
}

/// At most `limit` saved syncs whose current document names the connection, and inline ones that a session still needs.
/// With a name, only those that name it so and not by its id.
pub async fn users(
    client: &impl GenericClient,
    account: AccountId,
    id: ConnectionId,
    by_name: Option<&str>,
    limit: i64,
) -> Result<Vec<User>> {
    let sql = "SELECT s.id, s.name FROM syncs s
               JOIN sync_revisions r ON r.sync_id = s.id AND r.revision = s.revision
               WHERE s.account_id = $1 AND s.deleted_at IS NULL AND r.connections @> ARRAY[$2::uuid]
                 AND ($3::text IS NULL
                      OR $3 IN (r.document #>> '{source,connection}', r.document #>> '{target,connection}'))
                 AND (s.name IS NOT NULL OR EXISTS (
                      SELECT FROM sessions WHERE sync_id = s.id AND status IN ('pending', 'in_progress', 'paused')))
               ORDER BY s.id LIMIT $4";
    let rows = client.query(sql, &[&account, &id, &by_name, &limit]).await?;
    Ok(rows.iter().map(|row| User { id: row.get(0), name: row.get(1) }).collect())
}
