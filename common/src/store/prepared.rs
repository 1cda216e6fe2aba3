//! Settlements that take effect once a file has been published. They are opaque.

use pinksync_model::SessionId;

use super::{GenericClient, Result};

/// Keeps a settlement of a session and dataset behind those before it.
pub async fn store(client: &impl GenericClient, session: SessionId, dataset: i64, settlement: &[u8]) -> Result<()> {
    let insert = "INSERT INTO prepared (session_id, dataset_id, settlement) VALUES ($1, $2, $3)";
    let insert = client.prepare_cached(insert).await?;
    client.execute(&insert, &[&session.0, &dataset, &settlement]).await?;
    Ok(())
}

/// The next one after number `after`, with its own number: one at a time, since they may be large.
pub async fn next(
    client: &impl GenericClient,
    session: SessionId,
    dataset: i64,
    after: i64,
) -> Result<Option<(i64, Vec<u8>)>> {
    let select = "SELECT id, settlement FROM prepared WHERE dataset_id = $1 AND session_id = $2 AND id > $3
                  ORDER BY id LIMIT 1";
    let select = client.prepare_cached(select).await?;
    let row = client.query_opt(&select, &[&dataset, &session.0, &after]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Removes those of a session up to number `last`, which took effect.
pub async fn remove(client: &impl GenericClient, session: SessionId, dataset: i64, last: i64) -> Result<()> {
    let delete = "DELETE FROM prepared WHERE dataset_id = $1 AND session_id = $2 AND id <= $3";
    let delete = client.prepare_cached(delete).await?;
    client.execute(&delete, &[&dataset, &session.0, &last]).await?;
    Ok(())
}

/// Removes all of a dataset.
pub async fn clear(client: &impl GenericClient, dataset: i64) -> Result<()> {
    let delete = client.prepare_cached("DELETE FROM prepared WHERE dataset_id = $1").await?;
    client.execute(&delete, &[&dataset]).await?;
    Ok(())
}
