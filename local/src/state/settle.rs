//! Settling: everything one transaction pair came to, in one transaction of ours.

use pinksync_engine::home::{Settled, Settlement};
use pinksync_engine::stored::pack;
use pinksync_model::DatasetReport;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::Fault;
use super::journal::{self, DONE, PENDING, UNDONE};
use super::{base, conflict, dataset, leftover};

pub(crate) fn settle(
    connection: &mut Connection,
    session: &str,
    name: &str,
    settlement: &Settlement,
) -> Result<Settled, Fault> {
    let transaction = connection.transaction()?;
    let dataset = dataset::number(&transaction, name)?;
    let settled = apply(&transaction, dataset, session, settlement)?;
    finish(transaction, settled)
}

/// Keeps a settlement that takes effect with [`settle_prepared`].
pub(crate) fn prepare(connection: &mut Connection, session: &str, name: &str, packed: &[u8]) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let dataset = dataset::number(&transaction, name)?;
    let insert = "INSERT INTO prepared (session, dataset, settlement) VALUES (?1, ?2, ?3)";
    transaction.prepare_cached(insert)?.execute(params![session, dataset, packed])?;
    transaction.commit()?;
    Ok(())
}

/// Applies what the session prepared for a dataset, in order, all or nothing; one at a time in memory.
pub(crate) fn settle_prepared(connection: &mut Connection, session: &str, name: &str) -> Result<Settled, Fault> {
    let transaction = connection.transaction()?;
    let dataset = dataset::number(&transaction, name)?;
    let mut last = 0;
    while let Some((id, packed)) = next_prepared(&transaction, dataset, session, last)? {
        let settlement: Settlement = pack::unpack(&packed)?;
        if apply(&transaction, dataset, session, &settlement)? == Settled::Moved {
            return finish(transaction, Settled::Moved);
        }
        last = id;
    }
    transaction.execute("DELETE FROM prepared WHERE dataset = ?1 AND session = ?2", params![dataset, session])?;
    finish(transaction, Settled::Done)
}

pub(crate) fn drop_prepared(connection: &mut Connection, name: &str) -> Result<(), Fault> {
    let delete = "DELETE FROM prepared WHERE dataset = (SELECT id FROM datasets WHERE name = ?1)";
    connection.execute(delete, [name])?;
    Ok(())
}

/// The session's counters by dataset, in the order of first settle.
pub(crate) fn counted(connection: &Connection, session: &str) -> Result<Vec<(String, DatasetReport)>, Fault> {
    let select = "SELECT d.name, c.report FROM counters c JOIN datasets d ON d.id = c.dataset WHERE c.session = ?1 ORDER BY c.id";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([session])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, serde_json::from_str(&row.get::<_, String>(1)?)?));
    }
    Ok(found)
}

fn next_prepared(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: &str,
    after: i64,
) -> Result<Option<(i64, Vec<u8>)>, Fault> {
    let select =
        "SELECT id, settlement FROM prepared WHERE dataset = ?1 AND session = ?2 AND id > ?3 ORDER BY id LIMIT 1";
    let mut statement = transaction.prepare_cached(select)?;
    Ok(statement.query_row(params![dataset, session, after], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// A settlement that moved leaves nothing behind.
fn finish(transaction: Transaction<'_>, settled: Settled) -> Result<Settled, Fault> {
    match settled {
        Settled::Done => transaction.commit()?,
        Settled::Moved => transaction.rollback()?,
    }
    Ok(settled)
}

/// What states a version comes first: where one does not hold, the caller rolls back.
fn apply(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: &str,
    settlement: &Settlement,
) -> Result<Settled, Fault> {
    let moved = |settled: Settled| settled == Settled::Moved;
    for change in &settlement.base {
        if moved(base::replace(transaction, dataset, session, change)?) {
            return Ok(Settled::Moved);
        }
    }
    if moved(base::skip(transaction, dataset, session, &settlement.skipped)?)
        || moved(journal::advance(transaction, dataset, &settlement.journals, PENDING, DONE)?)
        || moved(journal::advance(transaction, dataset, &settlement.undone, DONE, UNDONE)?)
        || moved(journal::amend(transaction, dataset, &settlement.amended)?)
        || moved(journal::void(transaction, dataset, &settlement.void_journals)?)
    {
        return Ok(Settled::Moved);
    }
    if let Some(undone) = settlement.reopen {
        conflict::reopen(transaction, &undone.to_string())?;
    }
    for key in &settlement.supersede {
        conflict::supersede(transaction, dataset, session, key)?;
    }
    for decided in &settlement.decide {
        conflict::decide(transaction, dataset, session, decided)?;
    }
    for record in &settlement.conflicts {
        conflict::store(transaction, dataset, session, record)?;
    }
    for record in &settlement.rejects {
        leftover::reject(transaction, dataset, session, record)?;
    }
    for (key, kind) in &settlement.done {
        leftover::done(transaction, dataset, session, key, *kind)?;
    }
    for deferred in &settlement.defer {
        leftover::defer(transaction, dataset, session, deferred)?;
    }
    count(transaction, dataset, session, &settlement.counted)?;
    Ok(Settled::Done)
}

/// Adds to the session's counters of a dataset; the names are those of the first that had any.
fn count(transaction: &Transaction<'_>, dataset: i64, session: &str, counted: &DatasetReport) -> Result<(), Fault> {
    let select = "SELECT report FROM counters WHERE session = ?1 AND dataset = ?2";
    let stored =
        transaction.prepare_cached(select)?.query_row(params![session, dataset], |row| row.get::<_, String>(0));
    let total = match stored.optional()? {
        None => counted.clone(),
        Some(stored) => {
            let mut total: DatasetReport = serde_json::from_str(&stored)?;
            total += counted;
            if total.source.is_empty() && total.target.is_empty() {
                total.source.clone_from(&counted.source);
                total.target.clone_from(&counted.target);
            }
            total
        }
    };
    let upsert = "INSERT INTO counters (session, dataset, report, written) VALUES (?1, ?2, ?3, ?4)
                  ON CONFLICT (session, dataset) DO UPDATE SET report = excluded.report, written = excluded.written";
    let written = base::signed(total.written())?;
    transaction.prepare_cached(upsert)?.execute(params![session, dataset, serde_json::to_string(&total)?, written])?;
    Ok(())
}
