//! Records that a session left: those it had to leave out (rejects) and those it looks at again (deferred).

use pinksync_engine::Key;
use pinksync_engine::home::{CHANGED_SINCE, Deferred, DeferredKind, MOVED_SINCE_PLAN, RejectRecord};
use pinksync_model::{SessionId, Side};
use rusqlite::{Connection, Row, Transaction, params};

use super::error::Fault;
use super::{clock, dataset};

/// A reject as the list prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReject {
    pub session: SessionId,
    pub dataset: String,
    pub record: RejectRecord,
    /// When it was met last, RFC 3339 UTC.
    pub at: String,
}

/// Stores a reject once per session and record: a record met again in a redo is the same one.
pub(crate) fn reject(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: &str,
    reject: &RejectRecord,
) -> Result<(), Fault> {
    let line = reject.line.map(super::base::signed).transpose()?;
    let insert = "INSERT INTO rejects (session, dataset, side, key, line, code, reason, at)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                  ON CONFLICT (session, dataset, side, coalesce(key, line, reason))
                  DO UPDATE SET line = excluded.line, code = excluded.code, reason = excluded.reason, at = excluded.at";
    transaction.prepare_cached(insert)?.execute(params![
        session,
        dataset,
        side_name(reject.side),
        reject.key.as_deref(),
        line,
        reject.code,
        reject.reason,
        clock::now(),
    ])?;
    Ok(())
}

/// In the order they were met first.
pub(crate) fn rejects(connection: &Connection, session: &str) -> Result<Vec<StoredReject>, Fault> {
    list(connection, "r.session = ?1 ORDER BY r.id", params![session])
}

/// The first of those that somebody else had moved.
pub(crate) fn left_alone(connection: &Connection, session: &str, limit: usize) -> Result<Vec<StoredReject>, Fault> {
    let filter = "r.session = ?1 AND r.code IN (?2, ?3) ORDER BY r.id LIMIT ?4";
    list(connection, filter, params![session, MOVED_SINCE_PLAN, CHANGED_SINCE, limit as i64])
}

fn list(connection: &Connection, filter: &str, given: impl rusqlite::Params) -> Result<Vec<StoredReject>, Fault> {
    let select = format!(
        "SELECT r.session, d.name, r.side, r.key, r.line, r.code, r.reason, r.at
         FROM rejects r JOIN datasets d ON d.id = r.dataset WHERE {filter}"
    );
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query(given)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(stored_reject(row)?);
    }
    Ok(found)
}

/// Whether there are rejects without a key, (of the source, of the target).
pub(crate) fn unknown_rejects(connection: &Connection, session: &str, name: &str) -> Result<(bool, bool), Fault> {
    let select = "SELECT 1 FROM rejects r JOIN datasets d ON d.id = r.dataset
                  WHERE r.session = ?1 AND d.name = ?2 AND r.side = ?3 AND r.key IS NULL";
    let mut statement = connection.prepare_cached(select)?;
    let mut of = |side| statement.exists(params![session, name, side_name(side)]);
    Ok((of(Side::Source)?, of(Side::Target)?))
}

/// Keys of a session's rejects, each once.
pub(crate) fn left_out(connection: &Connection, session: &str, name: &str) -> Result<Vec<Key>, Fault> {
    let select = "SELECT DISTINCT r.key FROM rejects r JOIN datasets d ON d.id = r.dataset
                  WHERE r.session = ?1 AND d.name = ?2 AND r.key IS NOT NULL";
    let mut statement = connection.prepare_cached(select)?;
    let keys = statement.query_map([session, name], |row| row.get::<_, Vec<u8>>(0).map(Key::from_bytes))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

fn stored_reject(row: &Row<'_>) -> Result<StoredReject, Fault> {
    Ok(StoredReject {
        session: super::session::parse_id(&row.get::<_, String>(0)?)?,
        dataset: row.get(1)?,
        record: RejectRecord {
            side: side(&row.get::<_, String>(2)?)?,
            key: row.get::<_, Option<Vec<u8>>>(3)?.map(Key::from_bytes),
            line: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
            code: row.get(5)?,
            reason: row.get(6)?,
        },
        at: row.get(7)?,
    })
}

pub(crate) fn defer(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: &str,
    deferred: &Deferred,
) -> Result<(), Fault> {
    let insert =
        "INSERT OR REPLACE INTO deferred (session, dataset, kind, key, side, mirror) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let kind = deferred.kind.as_str();
    let side = side_name(deferred.side);
    transaction.prepare_cached(insert)?.execute(params![
        session,
        dataset,
        kind,
        &deferred.key[..],
        side,
        deferred.mirror
    ])?;
    Ok(())
}

pub(crate) fn done(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: &str,
    key: &Key,
    kind: DeferredKind,
) -> Result<(), Fault> {
    let delete = "DELETE FROM deferred WHERE session = ?1 AND dataset = ?2 AND kind = ?3 AND key = ?4";
    transaction.prepare_cached(delete)?.execute(params![session, dataset, kind.as_str(), &key[..]])?;
    Ok(())
}

/// Deferred records of one kind in key order, after `after`.
pub(crate) fn deferred(
    connection: &Connection,
    session: &str,
    name: &str,
    kind: DeferredKind,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Deferred>, Fault> {
    let Some(dataset) = dataset::find(connection, name)? else { return Ok(Vec::new()) };
    let select = "SELECT key, side, mirror FROM deferred
                  WHERE session = ?1 AND dataset = ?2 AND kind = ?3 AND key > ?4 ORDER BY key LIMIT ?5";
    let after: &[u8] = after.map(|key| &key[..]).unwrap_or_default();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![session, dataset, kind.as_str(), after, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key = Key::from_bytes(row.get::<_, Vec<u8>>(0)?);
        found.push(Deferred { key, side: side(&row.get::<_, String>(1)?)?, kind, mirror: row.get(2)? });
    }
    Ok(found)
}

/// (to be written on the source, on the target)
pub(crate) fn count_deferred(
    connection: &Connection,
    session: &str,
    name: &str,
    kind: DeferredKind,
) -> Result<(u64, u64), Fault> {
    let Some(dataset) = dataset::find(connection, name)? else { return Ok((0, 0)) };
    let select = "SELECT count(*) FILTER (WHERE side = 'source'), count(*) FILTER (WHERE side = 'target')
                  FROM deferred WHERE session = ?1 AND dataset = ?2 AND kind = ?3";
    let mut statement = connection.prepare_cached(select)?;
    let counts = statement.query_row(params![session, dataset, kind.as_str()], |row| {
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    Ok(counts)
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Target => "target",
    }
}

fn side(name: &str) -> Result<Side, Fault> {
    match name {
        "source" => Ok(Side::Source),
        "target" => Ok(Side::Target),
        other => Err(Fault::Damaged(format!("unknown side `{other}`"))),
    }
}
