//! Datasets by number, and the terms their bases were taken under.

use pinksync_engine::home::BaseTerms;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::clock;
use super::error::Fault;

/// The number of a dataset, `None` if nothing was ever stored about it.
pub(crate) fn find(connection: &Connection, name: &str) -> Result<Option<i64>, Fault> {
    let mut statement = connection.prepare_cached("SELECT id FROM datasets WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// The number of a dataset, which is given one if it has none.
pub(crate) fn number(transaction: &Transaction<'_>, name: &str) -> Result<i64, Fault> {
    if let Some(number) = find(transaction, name)? {
        return Ok(number);
    }
    transaction.prepare_cached("INSERT INTO datasets (name) VALUES (?1)")?.execute([name])?;
    Ok(transaction.last_insert_rowid())
}

pub(crate) fn terms(connection: &Connection, name: &str) -> Result<Option<BaseTerms>, Fault> {
    let select = "SELECT source_identity, target_identity, definition, schema FROM datasets
                  WHERE name = ?1 AND source_identity IS NOT NULL";
    let terms = connection.prepare_cached(select)?.query_row([name], |row| {
        Ok(BaseTerms {
            source_identity: row.get(0)?,
            target_identity: row.get(1)?,
            definition: row.get(2)?,
            schema: row.get(3)?,
        })
    });
    Ok(terms.optional()?)
}

/// `forget` drops the blocks and closes the open conflicts, which stay in the list as superseded.
pub(crate) fn set_terms(connection: &mut Connection, name: &str, terms: &BaseTerms, forget: bool) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let dataset = number(&transaction, name)?;
    transaction.execute(
        "UPDATE datasets SET source_identity = ?2, target_identity = ?3, definition = ?4, schema = ?5 WHERE id = ?1",
        params![dataset, terms.source_identity, terms.target_identity, terms.definition, terms.schema],
    )?;
    if forget {
        let blobs = "DELETE FROM block_entries WHERE block IN (SELECT id FROM blocks WHERE dataset = ?1)";
        transaction.execute(blobs, [dataset])?;
        transaction.execute("DELETE FROM blocks WHERE dataset = ?1", [dataset])?;
        transaction.execute(
            "UPDATE conflicts SET status = 'superseded', decision = 'base dropped', decided_at = ?2
             WHERE dataset = ?1 AND status = 'open'",
            params![dataset, clock::now()],
        )?;
    }
    transaction.commit()?;
    Ok(())
}
