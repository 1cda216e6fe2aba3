//! Saved syncs and their revisions. A sync without a name stands for an inline definition and is found by its
//! fingerprint. Documents hold no secrets; those are sealed beside them.

use serde_json::Value;
use tokio_postgres::Row;

use super::{GenericClient, Result};
use crate::ids::{AccountId, ApiKeyId, ConnectionId, ScheduleId, SessionId, SyncId};
use crate::time::Utc;

const COLUMNS: &str = "s.id, s.name, s.revision, r.document, r.sealed, s.created_at, s.updated_at";
const CURRENT: &str = "syncs s JOIN sync_revisions r ON r.sync_id = s.id AND r.revision = s.revision";

/// A sync with its current document.
#[derive(Debug, Clone)]
pub struct Sync {
    pub id: SyncId,
    /// Unique in its account. None: an inline definition.
    pub name: Option<String>,
    /// The newest revision, counted from 1.
    pub revision: i64,
    /// The sync file without its secrets.
    pub document: Value,
    /// The secrets, sealed.
    pub sealed: Option<Vec<u8>>,
    pub created_at: Utc,
    pub updated_at: Utc,
}

/// A sync's document as it was from one change to the next.
#[derive(Debug, Clone)]
pub struct Revision {
    pub revision: i64,
    pub document: Value,
    pub sealed: Option<Vec<u8>>,
    pub created_by: Option<ApiKeyId>,
    pub created_at: Utc,
}

/// A document on its way in.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    pub document: &'a Value,
    pub sealed: Option<&'a [u8]>,
    /// The saved connections that it names.
    pub connections: &'a [ConnectionId],
    pub by: ApiKeyId,
}

/// What still needs a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    Schedule(ScheduleId),
    /// It has not ended.
    Session(SessionId),
}

fn read(row: &Row) -> Sync {
    Sync {
        id: row.get(0),
        name: row.get(1),
        revision: row.get(2),
        document: row.get(3),
        sealed: row.get(4),
        created_at: row.get(5),
        updated_at: row.get(6),
    }
}

fn read_revision(row: &Row) -> Revision {
    Revision {
        revision: row.get(0),
        document: row.get(1),
        sealed: row.get(2),
        created_by: row.get(3),
        created_at: row.get(4),
    }
}

async fn add_revision(
    transaction: &impl GenericClient,
    account: AccountId,
    id: SyncId,
    revision: i64,
    contents: Contents<'_>,
) -> Result<()> {
    let sql = "INSERT INTO sync_revisions (sync_id, revision, account_id, document, sealed, connections, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let statement = transaction.prepare_cached(sql).await?;
    let Contents { document, sealed, connections, by } = contents;
    transaction.execute(&statement, &[&id, &revision, &account, &document, &sealed, &connections, &by]).await?;
    Ok(())
}

/// Saves a new sync under an id that the caller has chosen, since secrets are bound to it.
///
/// # Errors
/// The name is taken: `syncs_by_name`.
pub async fn insert(
    transaction: &impl GenericClient,
    account: AccountId,
    id: SyncId,
    name: &str,
    contents: Contents<'_>,
) -> Result<()> {
    let sql = "INSERT INTO syncs (id, account_id, name) VALUES ($1, $2, $3)";
    transaction.execute(sql, &[&id, &account, &name]).await?;
    add_revision(transaction, account, id, 1, contents).await
}

/// The sync of an inline definition with this fingerprint.
pub async fn inline(client: &impl GenericClient, account: AccountId, fingerprint: &[u8]) -> Result<Option<Sync>> {
    let sql =
        format!("SELECT {COLUMNS} FROM {CURRENT} WHERE s.account_id = $1 AND s.name IS NULL AND s.fingerprint = $2");
    let statement = client.prepare_cached(&sql).await?;
    Ok(client.query_opt(&statement, &[&account, &fingerprint]).await?.as_ref().map(read))
}

/// Saves an inline definition under an id that the caller has chosen. False: another request has just done so, and
/// [`inline`] finds it.
pub async fn insert_inline(
    transaction: &impl GenericClient,
    account: AccountId,
    id: SyncId,
    fingerprint: &[u8],
    contents: Contents<'_>,
) -> Result<bool> {
    let sql = "INSERT INTO syncs (id, account_id, fingerprint) VALUES ($1, $2, $3)
               ON CONFLICT (account_id, fingerprint) WHERE name IS NULL DO NOTHING";
    if transaction.execute(sql, &[&id, &account, &fingerprint]).await? == 0 {
        return Ok(false);
    }
    add_revision(transaction, account, id, 1, contents).await?;
    Ok(true)
}

/// A sync that is not deleted, saved or inline.
pub async fn get(client: &impl GenericClient, account: AccountId, id: SyncId) -> Result<Option<Sync>> {
    let sql = format!("SELECT {COLUMNS} FROM {CURRENT} WHERE s.account_id = $1 AND s.id = $2 AND s.deleted_at IS NULL");
    let statement = client.prepare_cached(&sql).await?;
    Ok(client.query_opt(&statement, &[&account, &id]).await?.as_ref().map(read))
}

/// As [`get`], and nobody changes or deletes it until the transaction ends.
pub async fn lock(transaction: &impl GenericClient, account: AccountId, id: SyncId) -> Result<Option<Sync>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {CURRENT} WHERE s.account_id = $1 AND s.id = $2 AND s.deleted_at IS NULL FOR UPDATE OF s"
    );
    Ok(transaction.query_opt(&sql, &[&account, &id]).await?.as_ref().map(read))
}

/// Whether there is such a sync; nobody deletes it until the transaction ends.
pub async fn hold(transaction: &impl GenericClient, account: AccountId, id: SyncId) -> Result<bool> {
    let sql = "SELECT FROM syncs WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL FOR KEY SHARE";
    Ok(transaction.query_opt(sql, &[&account, &id]).await?.is_some())
}

/// The newest revision of a sync that is saved; nobody deletes it until the transaction ends.
pub async fn hold_current(transaction: &impl GenericClient, account: AccountId, id: SyncId) -> Result<Option<i64>> {
    let sql = "SELECT revision FROM syncs WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL FOR KEY SHARE";
    let statement = transaction.prepare_cached(sql).await?;
    Ok(transaction.query_opt(&statement, &[&account, &id]).await?.map(|row| row.get(0)))
}

/// The newest revision of a sync, inline or deleted ones too.
pub async fn current_revision(client: &impl GenericClient, account: AccountId, id: SyncId) -> Result<i64> {
    let sql = "SELECT revision FROM syncs WHERE account_id = $1 AND id = $2";
    Ok(client.query_one(sql, &[&account, &id]).await?.get(0))
}

/// Saved syncs, the newest first, at most `limit`, those older than `after`.
pub async fn list(
    client: &impl GenericClient,
    account: AccountId,
    after: Option<SyncId>,
    limit: i64,
) -> Result<Vec<Sync>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {CURRENT}
         WHERE s.account_id = $1 AND s.name IS NOT NULL AND s.deleted_at IS NULL AND ($2::uuid IS NULL OR s.id < $2)
         ORDER BY s.id DESC LIMIT $3"
    );
    Ok(client.query(&sql, &[&account, &after, &limit]).await?.iter().map(read).collect())
}

/// Gives a saved sync its next revision, which the caller has locked with [`lock`]. Gives the number of it.
///
/// # Errors
/// The name is taken: `syncs_by_name`.
pub async fn update(
    transaction: &impl GenericClient,
    account: AccountId,
    id: SyncId,
    name: &str,
    contents: Contents<'_>,
) -> Result<i64> {
    let sql = "UPDATE syncs SET name = $3, revision = revision + 1, updated_at = now()
               WHERE account_id = $1 AND id = $2 AND name IS NOT NULL AND deleted_at IS NULL RETURNING revision";
    let revision = transaction.query_one(sql, &[&account, &id, &name]).await?.get(0);
    add_revision(transaction, account, id, revision, contents).await?;
    Ok(revision)
}

/// Marks a saved sync as deleted; its sessions and their reports stay. Whether there was one.
pub async fn delete(client: &impl GenericClient, account: AccountId, id: SyncId) -> Result<bool> {
    let sql = "UPDATE syncs SET deleted_at = now(), updated_at = now()
               WHERE account_id = $1 AND id = $2 AND name IS NOT NULL AND deleted_at IS NULL";
    Ok(client.execute(sql, &[&account, &id]).await? > 0)
}

/// At most `limit` of what still needs a sync.
pub async fn users(client: &impl GenericClient, account: AccountId, id: SyncId, limit: i64) -> Result<Vec<User>> {
    let sql = "(SELECT true, id FROM schedules WHERE account_id = $1 AND sync_id = $2 ORDER BY id LIMIT $3)
               UNION ALL
               (SELECT false, id FROM sessions
                WHERE account_id = $1 AND sync_id = $2 AND status IN ('pending', 'in_progress', 'paused')
                ORDER BY id LIMIT $3)
               LIMIT $3";
    let rows = client.query(sql, &[&account, &id, &limit]).await?;
    let user = |row: &Row| {
        let id = row.get(1);
        if row.get(0) { User::Schedule(ScheduleId(id)) } else { User::Session(SessionId(id)) }
    };
    Ok(rows.iter().map(user).collect())
}

/// The revisions of a sync that is not deleted, the newest first, at most `limit`, those before `before`.
pub async fn revisions(
    client: &impl GenericClient,
    account: AccountId,
    id: SyncId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Revision>> {
    let sql = "SELECT r.revision, r.document, r.sealed, r.created_by, r.created_at
               FROM sync_revisions r JOIN syncs s ON s.id = r.sync_id
               WHERE s.account_id = $1 AND s.id = $2 AND s.deleted_at IS NULL AND ($3::bigint IS NULL OR r.revision < $3)
               ORDER BY r.revision DESC LIMIT $4";
    Ok(client.query(sql, &[&account, &id, &before, &limit]).await?.iter().map(read_revision).collect())
}

/// One revision of a sync, deleted or not: sessions go on by the revision that they began with.
pub async fn revision(
    client: &impl GenericClient,
    account: AccountId,
    id: SyncId,
    revision: i64,
) -> Result<Option<Revision>> {
    let sql = "SELECT revision, document, sealed, created_by, created_at FROM sync_revisions
               WHERE account_id = $1 AND sync_id = $2 AND revision = $3";
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query_opt(&statement, &[&account, &id, &revision]).await?.as_ref().map(read_revision))
}
