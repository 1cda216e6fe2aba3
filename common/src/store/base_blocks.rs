//! The blocks of a base: headers, and apart from them their blobs. An empty `low` and no `high` are no bound.

use uuid::Uuid;

use super::{GenericClient, Result};

/// A block without its blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub id: i64,
    pub low: Vec<u8>,
    pub high: Option<Vec<u8>>,
    pub entries: i64,
    pub sums: Option<Vec<u8>>,
    /// The session that last compared it.
    pub checked_by: Option<Uuid>,
}

/// A block to be stored.
#[derive(Debug, Clone)]
pub struct NewBlock<'a> {
    pub low: &'a [u8],
    pub high: Option<&'a [u8]>,
    pub entries: i64,
    pub sums: Option<Vec<u8>>,
    /// Compared by the storing session.
    pub checked: bool,
    pub blob: &'a [u8],
}

/// A block that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    pub id: i64,
    pub low: Vec<u8>,
    pub high: Option<Vec<u8>>,
}

/// All blocks in key order.
pub async fn list(client: &impl GenericClient, dataset: i64) -> Result<Vec<Header>> {
    let select = "SELECT id, low, high, entries, sums, checked_by FROM base_blocks WHERE dataset_id = $1 ORDER BY low";
    let select = client.prepare_cached(select).await?;
    Ok(client.query(&select, &[&dataset]).await?.iter().map(header).collect())
}

/// The blocks that share a key with a range, in key order.
pub async fn within(client: &impl GenericClient, dataset: i64, low: &[u8], high: Option<&[u8]>) -> Result<Vec<Header>> {
    // As in `remove`: all but the last one that begins at or before `low` begin in the range.
    let below = if high.is_some() { "AND low < $3" } else { "AND $3::bytea IS NULL" };
    let select = format!(
        "SELECT id, low, high, entries, sums, checked_by FROM base_blocks WHERE dataset_id = $1
         AND low >= coalesce((SELECT low FROM base_blocks WHERE dataset_id = $1 AND low <= $2
                              ORDER BY low DESC LIMIT 1), $2)
         AND (high IS NULL OR high > $2) {below} ORDER BY low"
    );
    let select = client.prepare_cached(&select).await?;
    Ok(client.query(&select, &[&dataset, &low, &high]).await?.iter().map(header).collect())
}

fn header(row: &tokio_postgres::Row) -> Header {
    Header {
        id: row.get(0),
        low: row.get(1),
        high: row.get(2),
        entries: row.get(3),
        sums: row.get(4),
        checked_by: row.get(5),
    }
}

/// The blobs of blocks in the order asked; fewer where some are gone. As they are at one moment.
pub async fn load(client: &impl GenericClient, dataset: i64, ids: &[i64]) -> Result<Vec<Vec<u8>>> {
    let select = "SELECT e.entries FROM unnest($2::bigint[]) WITH ORDINALITY AS asked (id, place)
                  JOIN base_blocks b ON b.id = asked.id AND b.dataset_id = $1
                  JOIN base_entries e ON e.block_id = b.id ORDER BY asked.place";
    let select = client.prepare_cached(select).await?;
    Ok(client.query(&select, &[&dataset, &ids]).await?.iter().map(|row| row.get(0)).collect())
}

/// Removes the blocks that share a key with a range, and gives them.
pub async fn remove(
    client: &impl GenericClient,
    dataset: i64,
    low: &[u8],
    high: Option<&[u8]>,
) -> Result<Vec<Removed>> {
    // Blocks do not overlap: all but the last one that begins at or before `low` begin in the range. Two texts, since
    // a bound that may be NULL is none for the index.
    let below = if high.is_some() { "AND low < $3" } else { "AND $3::bytea IS NULL" };
    let delete = format!(
        "WITH gone AS (
             DELETE FROM base_blocks WHERE dataset_id = $1
             AND low >= coalesce((SELECT low FROM base_blocks WHERE dataset_id = $1 AND low <= $2
                                  ORDER BY low DESC LIMIT 1), $2)
             AND (high IS NULL OR high > $2) {below} RETURNING id, low, high
         ), blobs AS (DELETE FROM base_entries e USING gone WHERE e.block_id = gone.id)
         SELECT id, low, high FROM gone"
    );
    let delete = client.prepare_cached(&delete).await?;
    let rows = client.query(&delete, &[&dataset, &low, &high]).await?;
    Ok(rows.iter().map(|row| Removed { id: row.get(0), low: row.get(1), high: row.get(2) }).collect())
}

/// Stores blocks; each gets a new number.
pub async fn insert(client: &impl GenericClient, dataset: i64, session: Uuid, blocks: &[NewBlock<'_>]) -> Result<()> {
    let insert = "WITH given AS (
            SELECT * FROM unnest($3::bytea[], $4::bytea[], $5::bigint[], $6::bytea[], $7::boolean[], $8::bytea[])
            AS g (low, high, entries, sums, checked, blob)
        ), made AS (
            INSERT INTO base_blocks (dataset_id, low, high, entries, sums, checked_by)
            SELECT $1, low, high, entries, sums, CASE WHEN checked THEN $2::uuid END FROM given RETURNING id, low
        )
        INSERT INTO base_entries (block_id, entries) SELECT id, blob FROM made JOIN given USING (low)";
    let insert = client.prepare_cached(insert).await?;
    let lows: Vec<_> = blocks.iter().map(|block| block.low).collect();
    let highs: Vec<_> = blocks.iter().map(|block| block.high).collect();
    let entries: Vec<_> = blocks.iter().map(|block| block.entries).collect();
    let sums: Vec<_> = blocks.iter().map(|block| block.sums.as_deref()).collect();
    let checked: Vec<_> = blocks.iter().map(|block| block.checked).collect();
    let blobs: Vec<_> = blocks.iter().map(|block| block.blob).collect();
    client.execute(&insert, &[&dataset, &session, &lows, &highs, &entries, &sums, &checked, &blobs]).await?;
    Ok(())
}

/// Marks blocks as compared by a session, and gives how many of them are there.
pub async fn mark(client: &impl GenericClient, dataset: i64, session: Uuid, ids: &[i64]) -> Result<u64> {
    let update = "UPDATE base_blocks SET checked_by = $2 WHERE dataset_id = $1 AND id = ANY ($3)";
    let update = client.prepare_cached(update).await?;
    Ok(client.execute(&update, &[&dataset, &session, &ids]).await?)
}

/// Removes all blocks.
pub async fn clear(client: &impl GenericClient, dataset: i64) -> Result<()> {
    remove(client, dataset, &[], None).await?;
    Ok(())
}
