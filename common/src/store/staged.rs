//! Staged sides: rows in an unlogged table, sorted by its primary key, and what is known of each run in a logged one.
//! A crash of the server empties the unlogged table as a whole: while one row of a run stands, all of it does.

use std::pin::pin;

use pinksync_model::Side;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use tokio_postgres::{Portal, Row};

use super::{GenericClient, Result, Transaction};

/// Rows that one statement removes: it must end long before the time-out.
const REMOVED_AT_ONCE: i64 = 20_000;

/// A run that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: i64,
    pub rows: i64,
    pub checksum: Vec<u8>,
    /// Opaque: keys by which the run can be cut.
    pub cuts: Vec<u8>,
}

/// Says that the run of a dataset and side, if there is one, is not to be read any more, and gives its number.
pub async fn abandon(client: &impl GenericClient, dataset: i64, side: Side) -> Result<Option<i64>> {
    let update = "UPDATE staged_runs SET finished = false WHERE dataset_id = $1 AND side = $2 RETURNING id";
    let update = client.prepare_cached(update).await?;
    Ok(client.query_opt(&update, &[&dataset, &side.as_str()]).await?.map(|row| row.get(0)))
}

/// Removes some rows of an abandoned run; false: there are no more.
pub async fn remove_rows(client: &impl GenericClient, run: i64) -> Result<bool> {
    let delete = "DELETE FROM staged_rows WHERE run_id = $1
                  AND ctid = ANY (ARRAY (SELECT ctid FROM staged_rows WHERE run_id = $1 LIMIT $2))";
    let delete = client.prepare_cached(delete).await?;
    Ok(client.execute(&delete, &[&run, &REMOVED_AT_ONCE]).await? > 0)
}

/// Forgets a run whose rows are gone.
pub async fn forget(client: &impl GenericClient, dataset: i64, side: Side) -> Result<()> {
    let delete = client.prepare_cached("DELETE FROM staged_runs WHERE dataset_id = $1 AND side = $2").await?;
    client.execute(&delete, &[&dataset, &side.as_str()]).await?;
    Ok(())
}

/// Begins a run where there is none.
pub async fn begin(client: &impl GenericClient, dataset: i64, side: Side) -> Result<i64> {
    let insert =
        client.prepare_cached("INSERT INTO staged_runs (dataset_id, side) VALUES ($1, $2) RETURNING id").await?;
    Ok(client.query_one(&insert, &[&dataset, &side.as_str()]).await?.get(0))
}

/// Adds rows (key and body) by COPY. A key that is there already is a unique violation, and nothing was added.
pub async fn copy(transaction: &Transaction<'_>, run: i64, rows: impl Iterator<Item = (&[u8], &[u8])>) -> Result<()> {
    let copy = transaction.prepare_cached("COPY staged_rows (run_id, key, row) FROM STDIN BINARY").await?;
    let sink = transaction.copy_in(&copy).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &[Type::INT8, Type::BYTEA, Type::BYTEA]));
    for (key, row) in rows {
        writer.as_mut().write(&[&run, &key, &row]).await?;
    }
    writer.finish().await?;
    Ok(())
}

/// Those of the keys that the run has.
pub async fn present(client: &impl GenericClient, run: i64, keys: &[&[u8]]) -> Result<Vec<Vec<u8>>> {
    let select = "SELECT key FROM staged_rows WHERE run_id = $1 AND key = ANY ($2)";
    let select = client.prepare_cached(select).await?;
    Ok(client.query(&select, &[&run, &keys]).await?.iter().map(|row| row.get(0)).collect())
}

/// What is read of a row besides its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Body,
    /// The first bytes of the body.
    Front(i32),
}

/// A row, or a part of it.
#[derive(Debug)]
pub struct StagedRow(Row);

impl StagedRow {
    pub fn key(&self) -> &[u8] {
        self.0.get(0)
    }

    pub fn body(&self) -> &[u8] {
        self.0.get(1)
    }
}

/// Begins to read a range in key order; [`next`] gives its rows.
pub async fn open(
    transaction: &Transaction<'_>,
    run: i64,
    low: &[u8],
    high: Option<&[u8]>,
    part: Part,
) -> Result<Portal> {
    // Nothing is known of rows that have just come: without this the server may sort all of them for every page.
    transaction
        .batch_execute("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off")
        .await?;
    let (body, bytes) = match part {
        Part::Body => ("row", i32::MAX),
        Part::Front(bytes) => ("substr(row, 1, $4)", bytes),
    };
    let below = if high.is_some() { "AND key < $3" } else { "AND $3::bytea IS NULL" };
    let select = format!(
        "SELECT key, {body} FROM staged_rows WHERE run_id = $1 AND key >= $2 {below} AND $4::integer > 0 ORDER BY key"
    );
    let select = transaction.prepare_cached(&select).await?;
    Ok(transaction.bind(&select, &[&run, &low, &high, &bytes]).await?)
}

/// The next rows, at most so many; fewer at the end.
pub async fn next(transaction: &Transaction<'_>, portal: &Portal, at_most: i32) -> Result<Vec<StagedRow>> {
    Ok(transaction.query_portal(portal, at_most).await?.into_iter().map(StagedRow).collect())
}

/// Number of rows, and the keys that stand behind `every`, twice `every`, … rows; `every` is more than 1. Leaves the
/// transaction with a longer time-out.
pub async fn measure(client: &impl GenericClient, run: i64, every: i64) -> Result<(i64, Vec<Vec<u8>>)> {
    client.batch_execute("SET LOCAL statement_timeout = '10min'").await?;
    let select = "SELECT key, place FROM (
            SELECT key, row_number() OVER (ORDER BY key) AS place, count(*) OVER () AS rows
            FROM staged_rows WHERE run_id = $1
        ) placed WHERE place = rows OR (place > 1 AND place % $2 = 1) ORDER BY place";
    let select = client.prepare_cached(select).await?;
    let found = client.query(&select, &[&run, &every]).await?;
    let rows = found.last().map_or(0, |row| row.get(1));
    let cuts = found.iter().filter(|row| row.get::<_, i64>(1) % every == 1 && row.get::<_, i64>(1) > 1);
    Ok((rows, cuts.map(|row| row.get(0)).collect()))
}

/// Says that a run is complete. False: it is not there any more.
pub async fn finish(client: &impl GenericClient, run: &Run) -> Result<bool> {
    let update = "UPDATE staged_runs SET finished = true, rows = $2, checksum = $3, cuts = $4 WHERE id = $1";
    let update = client.prepare_cached(update).await?;
    Ok(client.execute(&update, &[&run.id, &run.rows, &run.checksum, &run.cuts]).await? > 0)
}

/// The complete run of a dataset and side.
pub async fn find(client: &impl GenericClient, dataset: i64, side: Side) -> Result<Option<Run>> {
    let select = "SELECT id, rows, checksum, cuts FROM staged_runs WHERE dataset_id = $1 AND side = $2 AND finished";
    let select = client.prepare_cached(select).await?;
    let row = client.query_opt(&select, &[&dataset, &side.as_str()]).await?;
    Ok(row.map(|row| Run { id: row.get(0), rows: row.get(1), checksum: row.get(2), cuts: row.get(3) }))
}

/// Whether a run is still complete, and its rows are there. Asked after reading, on the same connection, it holds for
/// what was read: a crash would have broken the connection, and rows are removed after the run was abandoned.
pub async fn is_whole(client: &impl GenericClient, run: i64) -> Result<bool> {
    let select = "SELECT EXISTS (SELECT 1 FROM staged_runs r WHERE r.id = $1 AND r.finished
                  AND (r.rows = 0 OR EXISTS (SELECT 1 FROM staged_rows s WHERE s.run_id = r.id)))";
    let select = client.prepare_cached(select).await?;
    Ok(client.query_one(&select, &[&run]).await?.get(0))
}
