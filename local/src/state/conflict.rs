//! Conflicts: at most one open per record; settled ones stay for the list.

use std::sync::Arc;

use pinksync_engine::codec::{self, Reader};
use pinksync_engine::home::{ConflictRecord, StoredConflict};
use pinksync_engine::{Key, KeyRange, Values};
use pinksync_model::{ConflictKind, ConflictStatus, SessionId};
use rusqlite::{Connection, Row, Transaction, params};

use super::error::{Fault, StateError};
use super::{clock, dataset};

const COLUMNS: &str = "c.id, c.session, d.name, c.key, c.kind, c.status, c.base, c.source, c.target,
                       c.decision, c.decided_by, c.opened_at, c.decided_at
                       FROM conflicts c JOIN datasets d ON d.id = c.dataset";

/// Stores a conflict: it takes the place of the record's open one, or is a new one.
pub(crate) fn store(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: &str,
    record: &ConflictRecord,
) -> Result<(), Fault> {
    let now = clock::now();
    let decided_at = (record.status != ConflictStatus::Open).then_some(now.as_str());
    let (base, source, target) = (put(&record.base), put(&record.source), put(&record.target));
    let decided_in = decided_at.map(|_| session);
    let refresh = "UPDATE conflicts SET kind = ?3, status = ?4, base = ?5, source = ?6, target = ?7, decision = ?8,
                   decided_by = ?9, decided_at = ?10, decided_in = ?11,
                   asks_nobody = asks_nobody AND ?4 <> 'open'
                   WHERE dataset = ?1 AND key = ?2 AND status = 'open'";
    let refreshed = transaction.prepare_cached(refresh)?.execute(params![
        dataset,
        &record.key[..],
        record.kind.as_str(),
        record.status.as_str(),
        base,
        source,
        target,
        record.decision,
        record.decided_by,
        decided_at,
        decided_in,
    ])?;
    if refreshed > 0 {
        return Ok(());
    }
    let insert = "INSERT INTO conflicts (dataset, key, kind, status, base, source, target, decision, decided_by,
                  decided_at, session, opened_at, decided_in)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    transaction.prepare_cached(insert)?.execute(params![
        dataset,
        &record.key[..],
        record.kind.as_str(),
        record.status.as_str(),
        base,
        source,
        target,
        record.decision,
        record.decided_by,
        decided_at,
        session,
        now,
        decided_in,
    ])?;
    Ok(())
}

/// Closes the open conflict of a record whose sides became equal.
pub(crate) fn supersede(transaction: &Transaction<'_>, dataset: i64, session: &str, key: &Key) -> Result<(), Fault> {
    let update = "UPDATE conflicts SET status = 'superseded', decided_at = ?3, decided_in = ?4
                  WHERE dataset = ?1 AND key = ?2 AND status = 'open'";
    transaction.prepare_cached(update)?.execute(params![dataset, &key[..], clock::now(), session])?;
    Ok(())
}

/// Opens again what a session settled that is being undone; a newer open conflict of the same record stands instead. One
/// that the session itself found asks nobody: the next session decides it as that one did.
pub(crate) fn reopen(transaction: &Transaction<'_>, session: &str) -> Result<(), Fault> {
    let update =
        "UPDATE OR IGNORE conflicts SET status = 'open', decision = NULL, decided_by = NULL, decided_at = NULL,
                  decided_in = NULL, asks_nobody = asks_nobody OR session = ?1 WHERE decided_in = ?1";
    transaction.prepare_cached(update)?.execute([session])?;
    Ok(())
}

/// Settles a conflict, or reopens it: then the record's newer open one, if there is one, stands instead.
pub(crate) fn decide(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: &str,
    decided: &(String, ConflictStatus, Option<String>, Option<String>),
) -> Result<(), Fault> {
    let (id, status, decision, who) = decided;
    let number = number(id).ok_or_else(|| StateError::UnknownConflict(id.clone()))?;
    let decided_at = (*status != ConflictStatus::Open).then(clock::now);
    let update =
        "UPDATE OR IGNORE conflicts SET status = ?3, decision = ?4, decided_by = ?5, decided_at = ?6, decided_in = ?7
                  WHERE id = ?1 AND dataset = ?2";
    let changed = transaction.prepare_cached(update)?.execute(params![
        number,
        dataset,
        status.as_str(),
        decision,
        who,
        decided_at,
        decided_at.as_ref().map(|_| session),
    ])?;
    let known = "SELECT 1 FROM conflicts WHERE id = ?1 AND dataset = ?2";
    if changed == 0 && !transaction.prepare_cached(known)?.exists([number, dataset])? {
        return Err(StateError::UnknownConflict(id.clone()).into());
    }
    Ok(())
}

pub(crate) fn open_keys(connection: &Connection, name: &str, range: &KeyRange) -> Result<Vec<Key>, Fault> {
    let Some(dataset) = dataset::find(connection, name)? else { return Ok(Vec::new()) };
    let select = "SELECT key FROM conflicts WHERE dataset = ?1 AND status = 'open'
                  AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key";
    let mut statement = connection.prepare_cached(select)?;
    let bounds = params![dataset, range.low.as_deref().unwrap_or_default(), range.high.as_deref()];
    let keys = statement.query_map(bounds, |row| Ok(Key::from_bytes(row.get::<_, Vec<u8>>(0)?)))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

pub(crate) fn count_open(connection: &Connection, name: &str) -> Result<u64, Fault> {
    let select =
        format!("SELECT count(*) FROM conflicts c JOIN datasets d ON d.id = c.dataset WHERE d.name = ?1 AND {WAITS}");
    let count: i64 = connection.prepare_cached(&select)?.query_row([name], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Open, and neither one that others caused by writing at the same time nor one that the next session settles.
const WAITS: &str = "c.status = 'open' AND c.kind <> 'contended' AND NOT c.asks_nobody";

/// Datasets with conflicts that wait for a person, and how many.
pub(crate) fn waiting(connection: &Connection) -> Result<Vec<(String, u64)>, Fault> {
    let select = format!(
        "SELECT d.name, count(*) FROM conflicts c JOIN datasets d ON d.id = c.dataset WHERE {WAITS}
         GROUP BY d.id ORDER BY d.id"
    );
    let mut statement = connection.prepare_cached(&select)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Open conflicts that ask no person, with the session that found them.
pub(crate) fn contended(connection: &Connection, name: &str) -> Result<Vec<(Key, SessionId)>, Fault> {
    let select = "SELECT c.key, c.session FROM conflicts c JOIN datasets d ON d.id = c.dataset
                  WHERE d.name = ?1 AND c.status = 'open' AND c.kind = 'contended' ORDER BY c.key";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([name])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let session = super::session::parse_id(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
        found.push((Key::from_bytes(row.get::<_, Vec<u8>>(0)?), session));
    }
    Ok(found)
}

/// In the order they were found; only those that a person may settle unless `all`.
pub(crate) fn list(connection: &Connection, all: bool) -> Result<Vec<StoredConflict>, Fault> {
    let select = format!("SELECT {COLUMNS} WHERE ?1 OR (c.status = 'open' AND c.kind <> 'contended') ORDER BY c.id");
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query([all])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(stored(row)?);
    }
    Ok(found)
}

/// The conflict with this id, or with the only id that begins so.
pub(crate) fn one(connection: &Connection, given: &str) -> Result<StoredConflict, Fault> {
    let exact = number(given).map(|number| by_number(connection, number)).transpose()?.flatten();
    if let Some(conflict) = exact {
        return Ok(conflict);
    }
    let select = "SELECT id FROM conflicts WHERE substr('c' || id, 1, length(?1)) = ?1 ORDER BY id LIMIT 6";
    let mut statement = connection.prepare_cached(select)?;
    let matches: Vec<i64> = statement.query_map([given], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let unknown = || Fault::from(StateError::UnknownConflict(given.to_owned()));
    match matches[..] {
        [] => Err(unknown()),
        _ if given.is_empty() => Err(unknown()),
        [only] => by_number(connection, only)?.ok_or_else(unknown),
        _ => {
            let mut names: Vec<String> = matches.iter().take(5).map(|number| format!("c{number}")).collect();
            names.extend((matches.len() > 5).then(|| "…".to_owned()));
            Err(StateError::AmbiguousConflict { given: given.to_owned(), matches: names.join(", ") }.into())
        }
    }
}

fn by_number(connection: &Connection, number: i64) -> Result<Option<StoredConflict>, Fault> {
    let select = format!("SELECT {COLUMNS} WHERE c.id = ?1");
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query([number])?;
    rows.next()?.map(stored).transpose()
}

/// `c12` → 12.
fn number(id: &str) -> Option<i64> {
    id.strip_prefix('c').filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?.parse().ok()
}

fn stored(row: &Row<'_>) -> Result<StoredConflict, Fault> {
    Ok(StoredConflict {
        id: format!("c{}", row.get::<_, i64>(0)?),
        session: super::session::parse_id(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?,
        dataset: row.get(2)?,
        record: ConflictRecord {
            key: Key::from_bytes(row.get::<_, Vec<u8>>(3)?),
            kind: kind(&row.get::<_, String>(4)?)?,
            status: status(&row.get::<_, String>(5)?)?,
            base: take(row.get(6)?)?,
            source: take(row.get(7)?)?,
            target: take(row.get(8)?)?,
            decision: row.get(9)?,
            decided_by: row.get(10)?,
        },
        opened_at: row.get(11)?,
        decided_at: row.get(12)?,
    })
}

fn kind(name: &str) -> Result<ConflictKind, Fault> {
    name.parse().map_err(|_| Fault::Damaged(format!("unknown kind of conflict `{name}`")))
}

fn status(name: &str) -> Result<ConflictStatus, Fault> {
    name.parse().map_err(|_| Fault::Damaged(format!("unknown status of a conflict `{name}`")))
}

fn put(values: &Option<Values>) -> Option<Vec<u8>> {
    values.as_ref().map(|values| {
        let mut bytes = Vec::new();
        codec::put_values(&mut bytes, values);
        bytes
    })
}

fn take(bytes: Option<Vec<u8>>) -> Result<Option<Values>, Fault> {
    Ok(bytes.map(|bytes| Reader::new(&bytes).values()).transpose()?.map(Arc::from))
}
