//! API keys: who may call for an account, and what. Secrets are here as bcrypt hashes only.

use tokio_postgres::Row;

use super::{GenericClient, Result, StoreError};
use crate::auth::Permissions;
use crate::ids::{AccountId, ApiKeyId};
use crate::time::Utc;

/// A key as its account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub account: AccountId,
    pub name: String,
    pub permissions: Permissions,
    /// Counts rotations, from 1.
    pub generation: i32,
    pub created_at: Utc,
    pub expires_at: Option<Utc>,
    pub last_used_at: Option<Utc>,
    pub revoked_at: Option<Utc>,
}

/// What a new key is made of.
#[derive(Debug, Clone, Copy)]
pub struct NewApiKey<'a> {
    pub id: ApiKeyId,
    pub account: AccountId,
    pub name: &'a str,
    pub secret_hash: &'a str,
    /// At least one.
    pub permissions: &'a Permissions,
    pub expires_at: Option<Utc>,
}

/// What is needed to let somebody in.
#[derive(Clone)]
pub struct Login {
    pub account: AccountId,
    pub permissions: Permissions,
    pub generation: i32,
    pub secret_hash: String,
    /// Neither revoked nor expired, by the database's clock.
    pub usable: bool,
}

/// Whether tokens of a key still count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyState {
    pub id: ApiKeyId,
    pub generation: i32,
    /// Neither revoked nor expired, by the database's clock.
    pub usable: bool,
}

const COLUMNS: &str = "id, account_id, name, permissions, generation, created_at, expires_at, last_used_at, revoked_at";

const USABLE: &str = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())";

fn permissions(row: &Row) -> Result<Permissions> {
    let spelled: Vec<String> = row.get("permissions");
    Permissions::parse(&spelled).map_err(|error| StoreError::Unreadable("a permission", error.to_string()))
}

fn read(row: &Row) -> Result<ApiKeyRow> {
    Ok(ApiKeyRow {
        id: row.get("id"),
        account: row.get("account_id"),
        name: row.get("name"),
        permissions: permissions(row)?,
        generation: row.get("generation"),
        created_at: row.get("created_at"),
        expires_at: row.get("expires_at"),
        last_used_at: row.get("last_used_at"),
        revoked_at: row.get("revoked_at"),
    })
}

/// Adds a key.
pub async fn insert(client: &impl GenericClient, key: NewApiKey<'_>) -> Result<ApiKeyRow> {
    let sql = format!(
        "INSERT INTO api_keys (id, account_id, name, secret_hash, permissions, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING {COLUMNS}"
    );
    let spelled = key.permissions.spelled();
    let row = client
        .query_one(&sql, &[&key.id, &key.account, &key.name, &key.secret_hash, &spelled, &key.expires_at])
        .await?;
    read(&row)
}

/// What is stored of a key, to check a secret against. System-wide: the key says whose it is.
pub async fn find_for_login(client: &impl GenericClient, id: ApiKeyId) -> Result<Option<Login>> {
    let sql = format!(
        "SELECT account_id, permissions, generation, secret_hash, {USABLE} AS usable FROM api_keys WHERE id = $1"
    );
    let Some(row) = client.query_opt(&sql, &[&id]).await? else { return Ok(None) };
    Ok(Some(Login {
        account: row.get("account_id"),
        permissions: permissions(&row)?,
        generation: row.get("generation"),
        secret_hash: row.get("secret_hash"),
        usable: row.get("usable"),
    }))
}

/// A key of the account.
pub async fn get(client: &impl GenericClient, account: AccountId, id: ApiKeyId) -> Result<Option<ApiKeyRow>> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE account_id = $1 AND id = $2");
    client.query_opt(&sql, &[&account, &id]).await?.as_ref().map(read).transpose()
}

/// At most `limit` keys of the account, those after `after`, oldest first.
pub async fn list(
    client: &impl GenericClient,
    account: AccountId,
    after: Option<ApiKeyId>,
    limit: i64,
) -> Result<Vec<ApiKeyRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM api_keys WHERE account_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3"
    );
    client.query(&sql, &[&account, &after, &limit]).await?.iter().map(read).collect()
}

/// Puts a new secret in the place of the old one, which ends the key's tokens. None where there is no such key, or it is
/// revoked.
pub async fn rotate(
    client: &impl GenericClient,
    account: AccountId,
    id: ApiKeyId,
    secret_hash: &str,
) -> Result<Option<ApiKeyRow>> {
    let sql = format!(
        "UPDATE api_keys SET secret_hash = $3, generation = generation + 1
         WHERE account_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING {COLUMNS}"
    );
    client.query_opt(&sql, &[&account, &id, &secret_hash]).await?.as_ref().map(read).transpose()
}

/// Ends a key and its tokens for good; a second time changes nothing. None where there is no such key.
pub async fn revoke(client: &impl GenericClient, account: AccountId, id: ApiKeyId) -> Result<Option<ApiKeyRow>> {
    let sql = format!(
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
         WHERE account_id = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    client.query_opt(&sql, &[&account, &id]).await?.as_ref().map(read).transpose()
}

/// Notes that the key was used, to the minute: busy keys are not written at every use. System-wide: by the key alone.
pub async fn touch(client: &impl GenericClient, id: ApiKeyId) -> Result<()> {
    let sql = "UPDATE api_keys SET last_used_at = now()
        WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')";
    client.execute(sql, &[&id]).await?;
    Ok(())
}

/// How some keys stand. System-wide: for checking tokens, which name their key.
pub async fn states(client: &impl GenericClient, ids: &[ApiKeyId]) -> Result<Vec<KeyState>> {
    let sql = format!("SELECT id, generation, {USABLE} AS usable FROM api_keys WHERE id = ANY($1)");
    let rows = client.query(&sql, &[&ids]).await?;
    let read = |row: &Row| KeyState { id: row.get("id"), generation: row.get("generation"), usable: row.get("usable") };
    Ok(rows.iter().map(read).collect())
}
