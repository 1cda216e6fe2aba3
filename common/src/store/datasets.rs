//! Datasets of a sync, and the terms their bases were taken under. The number of a dataset is had only here, by account
//! and sync: what takes it elsewhere is bound to the account by it.

use super::{GenericClient, Result, StoreError};
use crate::ids::{AccountId, SyncId};

/// What a dataset's base was taken under, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub source_identity: String,
    pub target_identity: String,
    pub definition: String,
    pub schema: String,
}

/// The number of a dataset, `None` where nothing was ever stored about it.
pub async fn find(client: &impl GenericClient, account: AccountId, sync: SyncId, name: &str) -> Result<Option<i64>> {
    let select = "SELECT id FROM datasets WHERE sync_id = $1 AND account_id = $2 AND name = $3";
    let select = client.prepare_cached(select).await?;
    Ok(client.query_opt(&select, &[&sync, &account, &name]).await?.map(|row| row.get(0)))
}

/// The number of a dataset, which is given one if it has none.
///
/// # Errors
/// Also where the account has no such sync.
pub async fn make(client: &impl GenericClient, account: AccountId, sync: SyncId, name: &str) -> Result<i64> {
    let insert = "INSERT INTO datasets (sync_id, account_id, name)
                  SELECT id, account_id, $3 FROM syncs WHERE id = $1 AND account_id = $2
                  ON CONFLICT (sync_id, name) DO NOTHING";
    let insert = client.prepare_cached(insert).await?;
    client.execute(&insert, &[&sync, &account, &name]).await?;
    // Looked up, since whoever was quicker made it.
    let found = find(client, account, sync, name).await?;
    found.ok_or_else(|| StoreError::Unreadable("sync", format!("the account has no sync {sync}")))
}

/// Lets nobody else change the base of a dataset until the transaction ends. Not a lock of blocks, since two who fill a
/// stretch that has none would find nothing to lock. Tasks that only refer to the dataset do not wait.
pub async fn lock(client: &impl GenericClient, dataset: i64) -> Result<()> {
    let select = client.prepare_cached("SELECT 1 FROM datasets WHERE id = $1 FOR NO KEY UPDATE").await?;
    client.query_opt(&select, &[&dataset]).await?;
    Ok(())
}

/// `None` until a base was taken.
pub async fn terms(client: &impl GenericClient, dataset: i64) -> Result<Option<Terms>> {
    let select = "SELECT source_identity, target_identity, definition, schema FROM datasets
                  WHERE id = $1 AND source_identity IS NOT NULL";
    let select = client.prepare_cached(select).await?;
    let row = client.query_opt(&select, &[&dataset]).await?;
    Ok(row.map(|row| Terms {
        source_identity: row.get(0),
        target_identity: row.get(1),
        definition: row.get(2),
        schema: row.get(3),
    }))
}

/// Replaces the terms.
pub async fn set_terms(client: &impl GenericClient, dataset: i64, terms: &Terms) -> Result<()> {
    let update = "UPDATE datasets SET source_identity = $2, target_identity = $3, definition = $4, schema = $5
                  WHERE id = $1";
    let update = client.prepare_cached(update).await?;
    let Terms { source_identity, target_identity, definition, schema } = terms;
    client.execute(&update, &[&dataset, source_identity, target_identity, definition, schema]).await?;
    Ok(())
}
