//! The base's blocks: listing, loading, and replacing a stretch of them.

use pinksync_engine::KeyRange;
use pinksync_engine::home::{BaseChange, BlockHeader, BlockId, NewBlock, Settled};
use pinksync_engine::stored::{base, sums};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::dataset;
use super::error::Fault;

pub(crate) fn blocks(connection: &Connection, name: &str) -> Result<Vec<BlockHeader>, Fault> {
    let select = "SELECT b.id, b.low, b.high, b.entries, b.sums, b.checked_by
                  FROM blocks b JOIN datasets d ON d.id = b.dataset WHERE d.name = ?1 ORDER BY b.low";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([name])?;
    let mut headers = Vec::new();
    while let Some(row) = rows.next()? {
        headers.push(header(row)?);
    }
    Ok(headers)
}

pub(crate) fn load(connection: &mut Connection, name: &str, ids: &[BlockId]) -> Result<Vec<Vec<u8>>, Fault> {
    // One read transaction: either all blocks are those that were asked for, or one is gone.
    let transaction = connection.transaction()?;
    // No dataset has the number 0: what is asked of one that is not known is gone.
    let dataset = dataset::find(&transaction, name)?.unwrap_or(0);
    let select =
        "SELECT e.entries FROM blocks b JOIN block_entries e ON e.block = b.id WHERE b.id = ?1 AND b.dataset = ?2";
    let mut statement = transaction.prepare_cached(select)?;
    let one = |id: &BlockId| statement.query_row([id.0, dataset], |row| row.get(0)).optional()?.ok_or(Fault::Gone);
    ids.iter().map(one).collect()
}

/// Replaces the blocks of one stretch if they are still those that were loaded.
pub(crate) fn replace(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: &str,
    change: &BaseChange,
) -> Result<Settled, Fault> {
    base::check(change)?;
    let present = overlapping(transaction, dataset, &change.range)?;
    if base::compare(change, &present)? == Settled::Moved {
        return Ok(Settled::Moved);
    }
    let mut delete = transaction.prepare_cached("DELETE FROM blocks WHERE id = ?1")?;
    let mut delete_entries = transaction.prepare_cached("DELETE FROM block_entries WHERE block = ?1")?;
    for (id, _) in &present {
        delete.execute([id.0])?;
        delete_entries.execute([id.0])?;
    }
    change.blocks.iter().try_for_each(|block| insert(transaction, dataset, session, block))?;
    Ok(Settled::Done)
}

/// Marks blocks as compared by this session; one that was replaced since was not what the session looked at.
pub(crate) fn skip(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: &str,
    skipped: &[BlockId],
) -> Result<Settled, Fault> {
    let mut mark = transaction.prepare_cached("UPDATE blocks SET checked_by = ?3 WHERE id = ?1 AND dataset = ?2")?;
    for id in skipped {
        if mark.execute(params![id.0, dataset, session])? == 0 {
            return Ok(Settled::Moved);
        }
    }
    Ok(Settled::Done)
}

fn insert(transaction: &Transaction<'_>, dataset: i64, session: &str, block: &NewBlock) -> Result<(), Fault> {
    let insert = "INSERT INTO blocks (dataset, low, high, entries, sums, checked_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction.prepare_cached(insert)?.execute(params![
        dataset,
        base::low(&block.range),
        block.range.high.as_deref(),
        signed(block.entries)?,
        block.sums.as_ref().map(sums::encode),
        block.checked.then_some(session),
    ])?;
    let id = transaction.last_insert_rowid();
    let entries = "INSERT INTO block_entries (block, entries) VALUES (?1, ?2)";
    transaction.prepare_cached(entries)?.execute(params![id, block.blob])?;
    Ok(())
}

/// The blocks that share a key with `range`: those that begin in it, and the one before if it reaches in.
fn overlapping(
    transaction: &Transaction<'_>,
    dataset: i64,
    range: &KeyRange,
) -> Result<Vec<(BlockId, KeyRange)>, Fault> {
    let before = "SELECT id, low, high FROM blocks WHERE dataset = ?1 AND low < ?2 ORDER BY low DESC LIMIT 1";
    let from =
        "SELECT id, low, high FROM blocks WHERE dataset = ?1 AND low >= ?2 AND (?3 IS NULL OR low < ?3) ORDER BY low";
    let read = |row: &Row<'_>| Ok((BlockId(row.get(0)?), base::range(row.get(1)?, row.get(2)?)));
    let mut found = Vec::new();
    let previous =
        transaction.prepare_cached(before)?.query_row(params![dataset, base::low(range)], read).optional()?;
    found.extend(previous.filter(|(_, before)| before.high.as_deref().is_none_or(|high| high > base::low(range))));
    let mut statement = transaction.prepare_cached(from)?;
    for block in statement.query_map(params![dataset, base::low(range), range.high.as_deref()], read)? {
        found.push(block?);
    }
    Ok(found)
}

fn header(row: &Row<'_>) -> Result<BlockHeader, Fault> {
    let sums: Option<Vec<u8>> = row.get(4)?;
    let checked_by: Option<String> = row.get(5)?;
    Ok(BlockHeader {
        id: BlockId(row.get(0)?),
        range: base::range(row.get(1)?, row.get(2)?),
        entries: row.get::<_, i64>(3)?.unsigned_abs(),
        sums: sums.as_deref().map(sums::decode).transpose()?,
        checked_by: checked_by.as_deref().map(super::session::parse_id).transpose()?,
    })
}

pub(crate) fn signed(count: u64) -> Result<i64, Fault> {
    i64::try_from(count).map_err(|_| Fault::Refused(format!("a count of {count} is too large to be stored")))
}
