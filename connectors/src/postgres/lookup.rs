//! Records by their key's values.

use pinksync_engine::connector::Found;
use pinksync_engine::{Error, ErrorKind, Result, Value, Values};

use super::client::Session;
use super::encode::Arrays;
use super::error::translate;
use super::layout::{Layout, fields, ordinal};

const OPERATION: &str = "look records up";

/// Keys of one statement.
const KEYS_AT_ONCE: usize = 2000;

/// Which lock the rows found are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    None,
    /// Nobody else changes the row; others may go on referring to it.
    ForUpdate,
    /// Nobody else changes the row or begins to refer to it.
    ForDelete,
}

/// One answer per key, in the same order. A record found under another spelling of the key (a collation that does
/// not see the difference) is another record.
pub async fn lookup(session: &mut Session, layout: &Layout, keys: &[Values], lock: Lock) -> Result<Vec<Found>> {
    let mut found = Vec::with_capacity(keys.len());
    for keys in keys.chunks(KEYS_AT_ONCE) {
        found.extend(lookup_some(session, layout, keys, lock).await?);
    }
    Ok(found)
}

async fn lookup_some(session: &mut Session, layout: &Layout, keys: &[Values], lock: Lock) -> Result<Vec<Found>> {
    let mut found = vec![Found::Absent; keys.len()];
    let mut arrays = Arrays::new(layout.key_wires());
    let mut asked = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        // A value that the column cannot hold is no record's key; nor is NULL.
        if !key.iter().any(Value::is_null) && arrays.push(key.iter()).is_ok() {
            asked.push(index);
        }
    }
    if asked.is_empty() {
        return Ok(found);
    }
    // Rows are locked in the order of the keys, so that two who lock the same ones wait instead of dying.
    let suffix = match lock {
        Lock::None => "",
        Lock::ForUpdate => " ORDER BY u.n FOR NO KEY UPDATE OF t",
        Lock::ForDelete => " ORDER BY u.n FOR UPDATE OF t",
    };
    let statement = format!(
        "SELECT u.n, {} FROM {} JOIN {} ON {}{suffix}",
        layout.select,
        Arrays::source(&layout.key_wires()),
        layout.table.source(),
        layout.joined(),
    );
    let rows = session.query(&statement, &arrays.finish()).await.map_err(|error| translate(OPERATION, error))?;
    let wrong = || Error::new(ErrorKind::Other, OPERATION, "the server answered for a key that was not asked for");
    for row in rows {
        let index = *asked.get(ordinal(&row)?).ok_or_else(wrong)?;
        let answer = match layout.admit(fields(&row, 1)) {
            Ok(row) if layout.encoded_key(&keys[index]).as_ref() != Some(&row.key) => continue,
            Ok(row) => Found::Row(row),
            Err(unreadable) => Found::Unreadable(unreadable),
        };
        if !matches!(std::mem::replace(&mut found[index], answer), Found::Absent) {
            let message = format!("{} has two records with the key {:?}", layout.spec.dataset, keys[index]);
            return Err(Error::new(ErrorKind::Data, OPERATION, message)
                .with_remedy("make the key unique, or choose another `key`"));
        }
    }
    Ok(found)
}

/// For each key (all of them encodable) whether the server finds a record under it by its own comparison.
pub async fn present(session: &mut Session, layout: &Layout, keys: &[Values]) -> Result<Vec<bool>> {
    let mut present = vec![false; keys.len()];
    let mut arrays = Arrays::new(layout.key_wires());
    let mut asked = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        if arrays.push(key.iter()).is_ok() {
            asked.push(index);
        }
    }
    if asked.is_empty() {
        return Ok(present);
    }
    let source = Arrays::source(&layout.key_wires());
    let statement = format!("SELECT u.n FROM {source} JOIN {} ON {}", layout.table.source(), layout.joined());
    let rows = session.query(&statement, &arrays.finish()).await.map_err(|error| translate(OPERATION, error))?;
    for row in rows {
        if let Some(&index) = asked.get(ordinal(&row)?) {
            present[index] = true;
        }
    }
    Ok(present)
}
