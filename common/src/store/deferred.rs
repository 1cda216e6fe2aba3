//! Records that a session looks at again after comparing.

use pinksync_model::{SessionId, Side};

use super::{GenericClient, Result, StoreError};

/// A record to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred<K> {
    pub key: K,
    /// The side to be written.
    pub side: Side,
    pub mirror: bool,
}

/// Stores records of one kind, each once; the last word about one counts.
pub async fn store(
    client: &impl GenericClient,
    session: SessionId,
    dataset: i64,
    kind: &str,
    records: &[Deferred<&[u8]>],
) -> Result<()> {
    let insert = "INSERT INTO deferred (session_id, dataset_id, kind, key, side, mirror)
        SELECT DISTINCT ON (key) $1::uuid, $2::bigint, $3::text, key, side, mirror
        FROM unnest($4::bytea[], $5::text[], $6::boolean[]) WITH ORDINALITY AS g (key, side, mirror, place)
        ORDER BY key, place DESC
        ON CONFLICT (session_id, dataset_id, kind, key) DO UPDATE SET side = excluded.side, mirror = excluded.mirror";
    let insert = client.prepare_cached(insert).await?;
    let keys: Vec<_> = records.iter().map(|one| one.key).collect();
    let sides: Vec<_> = records.iter().map(|one| one.side.as_str()).collect();
    let mirrors: Vec<_> = records.iter().map(|one| one.mirror).collect();
    client.execute(&insert, &[&session.0, &dataset, &kind, &keys, &sides, &mirrors]).await?;
    Ok(())
}

/// Removes records of one kind that are done.
pub async fn remove(
    client: &impl GenericClient,
    session: SessionId,
    dataset: i64,
    kind: &str,
    keys: &[&[u8]],
) -> Result<()> {
    let delete = "DELETE FROM deferred WHERE session_id = $1 AND dataset_id = $2 AND kind = $3 AND key = ANY ($4)";
    let delete = client.prepare_cached(delete).await?;
    client.execute(&delete, &[&session.0, &dataset, &kind, &keys]).await?;
    Ok(())
}

/// Records of one kind in key order, after `after` (an empty one is before all).
pub async fn list(
    client: &impl GenericClient,
    session: SessionId,
    dataset: i64,
    kind: &str,
    after: &[u8],
    limit: i64,
) -> Result<Vec<Deferred<Vec<u8>>>> {
    let select = "SELECT key, side, mirror FROM deferred
                  WHERE session_id = $1 AND dataset_id = $2 AND kind = $3 AND key > $4 ORDER BY key LIMIT $5";
    let select = client.prepare_cached(select).await?;
    let rows = client.query(&select, &[&session.0, &dataset, &kind, &after, &limit]).await?;
    let record =
        |row: &tokio_postgres::Row| Ok(Deferred { key: row.get(0), side: side(row.get(1))?, mirror: row.get(2) });
    rows.iter().map(record).collect()
}

/// How many there are of one kind: (to be written on the source, on the target).
pub async fn count(client: &impl GenericClient, session: SessionId, dataset: i64, kind: &str) -> Result<(u64, u64)> {
    let select = "SELECT count(*) FILTER (WHERE side = 'source'), count(*) FILTER (WHERE side = 'target')
                  FROM deferred WHERE session_id = $1 AND dataset_id = $2 AND kind = $3";
    let select = client.prepare_cached(select).await?;
    let row = client.query_one(&select, &[&session.0, &dataset, &kind]).await?;
    Ok((row.get::<_, i64>(0).unsigned_abs(), row.get::<_, i64>(1).unsigned_abs()))
}

fn side(name: &str) -> Result<Side> {
    [Side::Source, Side::Target]
        .into_iter()
        .find(|side| side.as_str() == name)
        .ok_or_else(|| StoreError::Unreadable("side", name.to_owned()))
}
