//! The journal: what is about to be committed, what was, and what was taken back.

use pinksync_engine::home::{JournalChunk, JournalId, Settled};
use pinksync_engine::stored::chunk;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::error::Fault;
use super::{clock, dataset};

pub(crate) const PENDING: i64 = 0;
pub(crate) const DONE: i64 = 1;
pub(crate) const UNDONE: i64 = 2;

/// A chunk ready to be stored; packing it needs no connection.
#[derive(Debug)]
pub(crate) struct Packed {
    session: String,
    dataset: String,
    writes: i64,
    content: chunk::Packed,
}

impl Packed {
    pub(crate) fn of(chunk: &JournalChunk) -> Result<Self, Fault> {
        let content = chunk::Packed::of(&chunk.entries)?;
        let (session, dataset) = (chunk.session.to_string(), chunk.dataset.clone());
        Ok(Self { session, dataset, writes: super::base::signed(content.writes)?, content })
    }
}

/// A stored chunk before its entries are unpacked.
#[derive(Debug)]
pub(crate) struct Stored {
    id: JournalId,
    session: String,
    dataset: String,
    entries: Vec<u8>,
}

impl Stored {
    pub(crate) fn unpack(self) -> Result<(JournalId, JournalChunk), Fault> {
        let session = super::session::parse_id(&self.session)?;
        Ok((self.id, JournalChunk { session, dataset: self.dataset, entries: chunk::decode(&self.entries)? }))
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: JournalId(row.get(0)?), session: row.get(1)?, dataset: row.get(2)?, entries: row.get(3)? })
    }
}

pub(crate) fn append(connection: &mut Connection, chunk: &Packed) -> Result<JournalId, Fault> {
    let transaction = connection.transaction()?;
    let dataset = dataset::number(&transaction, &chunk.dataset)?;
    let insert =
        "INSERT INTO journal (session, dataset, state, low, high, writes, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction.prepare_cached(insert)?.execute(params![
        chunk.session,
        dataset,
        PENDING,
        chunk.content.low.as_deref(),
        chunk.content.high.as_deref(),
        chunk.writes,
        clock::now(),
    ])?;
    let id = transaction.last_insert_rowid();
    let entries = "INSERT INTO journal_entries (chunk, entries) VALUES (?1, ?2)";
    transaction.prepare_cached(entries)?.execute(params![id, chunk.content.entries])?;
    transaction.commit()?;
    Ok(JournalId(id))
}

pub(crate) fn pending(
    connection: &Connection,
    name: &str,
    after: Option<JournalId>,
    limit: usize,
) -> Result<Vec<Stored>, Fault> {
    let select = "SELECT j.id, j.session, d.name, e.entries
                  FROM journal j JOIN datasets d ON d.id = j.dataset JOIN journal_entries e ON e.chunk = j.id
                  WHERE d.name = ?1 AND j.state = 0 AND j.id > ?2 ORDER BY j.id LIMIT ?3";
    let after = after.map_or(i64::MIN, |id| id.0);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(select)?;
    let found = statement.query_map(params![name, after, limit], Stored::read)?.collect::<Result<_, _>>()?;
    Ok(found)
}

pub(crate) fn pending_chunk(connection: &Connection, name: &str, id: JournalId) -> Result<Option<Stored>, Fault> {
    let select = "SELECT j.id, j.session, d.name, e.entries
                  FROM journal j JOIN datasets d ON d.id = j.dataset JOIN journal_entries e ON e.chunk = j.id
                  WHERE j.id = ?1 AND d.name = ?2 AND j.state = 0";
    let mut statement = connection.prepare_cached(select)?;
    Ok(statement.query_row(params![id.0, name], Stored::read).optional()?)
}

pub(crate) fn history(
    connection: &Connection,
    session: &str,
    before: Option<JournalId>,
    limit: usize,
) -> Result<Vec<Stored>, Fault> {
    let select = "SELECT j.id, j.session, d.name, e.entries
                  FROM journal j JOIN datasets d ON d.id = j.dataset JOIN journal_entries e ON e.chunk = j.id
                  WHERE j.session = ?1 AND j.state = ?2 AND j.id < ?3 ORDER BY j.id DESC LIMIT ?4";
    let before = before.map_or(i64::MAX, |id| id.0);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(select)?;
    let found = statement.query_map(params![session, DONE, before, limit], Stored::read)?.collect::<Result<_, _>>()?;
    Ok(found)
}

/// Moves chunks from one state to the next; one that is not in it was settled by somebody else.
pub(crate) fn advance(
    transaction: &Transaction<'_>,
    dataset: i64,
    chunks: &[JournalId],
    from: i64,
    to: i64,
) -> Result<Settled, Fault> {
    let update = "UPDATE journal SET state = ?4 WHERE id = ?1 AND dataset = ?2 AND state = ?3";
    let mut update = transaction.prepare_cached(update)?;
    for chunk in chunks {
        if update.execute([chunk.0, dataset, from, to])? == 0 {
            return Ok(Settled::Moved);
        }
    }
    Ok(Settled::Done)
}

/// Replaces pending chunks by the part of them that was applied, which is done.
pub(crate) fn amend(
    transaction: &Transaction<'_>,
    dataset: i64,
    chunks: &[(JournalId, JournalChunk)],
) -> Result<Settled, Fault> {
    let update = "UPDATE journal SET state = ?4, low = ?5, high = ?6, writes = ?7
                  WHERE id = ?1 AND dataset = ?2 AND state = ?3";
    let mut update = transaction.prepare_cached(update)?;
    let mut update_entries = transaction.prepare_cached("UPDATE journal_entries SET entries = ?2 WHERE chunk = ?1")?;
    for (id, chunk) in chunks {
        let chunk = Packed::of(chunk)?;
        let (low, high) = (chunk.content.low.as_deref(), chunk.content.high.as_deref());
        if update.execute(params![id.0, dataset, PENDING, DONE, low, high, chunk.writes])? == 0 {
            return Ok(Settled::Moved);
        }
        update_entries.execute(params![id.0, chunk.content.entries])?;
    }
    Ok(Settled::Done)
}

/// Removes pending chunks that turned out not to have been applied.
pub(crate) fn void(transaction: &Transaction<'_>, dataset: i64, chunks: &[JournalId]) -> Result<Settled, Fault> {
    let delete = "DELETE FROM journal WHERE id = ?1 AND dataset = ?2 AND state = ?3";
    let mut delete = transaction.prepare_cached(delete)?;
    let mut delete_entries = transaction.prepare_cached("DELETE FROM journal_entries WHERE chunk = ?1")?;
    for chunk in chunks {
        if delete.execute([chunk.0, dataset, PENDING])? == 0 {
            return Ok(Settled::Moved);
        }
        delete_entries.execute([chunk.0])?;
    }
    Ok(Settled::Done)
}
