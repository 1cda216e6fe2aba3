//! Reading: pages in key order, single keys, everything in any order, sums. All of it blocks.
//!
//! Every function reads in one transaction of its own (or the open one that writes), so that no lock is held between
//! two calls: a file with a rollback journal lets nobody commit while somebody reads.

use std::collections::HashMap;

use pinksync_engine::connector::{Chunk, Found, Page, RangeSum};
use pinksync_engine::key::{Key, KeyRange};
use pinksync_engine::row::{Row, Unreadable};
use pinksync_engine::{Error, ErrorKind, Result, Value, Values};
use rusqlite::{Connection, Transaction, params_from_iter};
use tokio::sync::mpsc;

use super::error::during;
use super::table::Table;
use super::types;
use crate::native_key;

/// Rows and bytes of a part of a scan.
const CHUNK_ROWS: usize = 1000;
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// One consistent state for several statements; ends with the value.
fn snapshot(connection: &Connection) -> Result<Option<Transaction<'_>>> {
    match connection.is_autocommit() {
        true => connection.unchecked_transaction().map(Some).map_err(during("begin reading")),
        false => Ok(None),
    }
}

/// Reads a range in key order, about `budget` bytes of it.
pub fn page(connection: &Connection, table: &Table, range: &KeyRange, budget: usize) -> Result<Page> {
    let _snapshot = snapshot(connection)?;
    let mut page = Page { rows: Vec::new(), unreadable: Vec::new(), cut: None };
    if range.low.is_none() && table.nullable_key {
        page.unreadable = null_keys(connection, table)?;
    }
    let (condition, parameters) = table.in_range(range)?;
    let (mut spent, filter) = (0, table.spec.filter.as_deref());
    each(connection, table, &condition, &parameters, true, |admitted| {
        let full = spent >= budget;
        match admitted {
            Ok(row) if full => {
                page.cut = Some(row.key);
                return Ok(false);
            }
            Ok(row) if filter.is_none_or(|filter| filter.matches(row.values())) => {
                spent += row.size();
                page.rows.push(row);
            }
            Ok(_) => {}
            // A key that is not known has no place in the order: the row goes with those before it.
            Err(unreadable) => match (full, &unreadable.key) {
                (true, Some(key)) => {
                    page.cut = Some(key.clone());
                    return Ok(false);
                }
                (false, _) | (true, None) => {
                    spent += 64;
                    page.unreadable.push(unreadable);
                }
            },
        }
        Ok(true)
    })?;
    Ok(page)
}

fn null_keys(connection: &Connection, table: &Table) -> Result<Vec<Unreadable>> {
    let mut unreadable = Vec::new();
    each(connection, table, &table.null_key(), &[], false, |admitted| {
        unreadable.extend(admitted.err());
        Ok(true)
    })?;
    Ok(unreadable)
}

/// Gives every row under a condition to `take`, until that says `false`.
fn each(
    connection: &Connection,
    table: &Table,
    condition: &str,
    parameters: &[Value],
    in_order: bool,
    mut take: impl FnMut(std::result::Result<Row, Unreadable>) -> Result<bool>,
) -> Result<()> {
    let error = during("read records");
    let order = if in_order { format!(" ORDER BY {}", table.key_columns()) } else { String::new() };
    let sql = format!("SELECT {} FROM {} WHERE {condition}{order}", table.columns(), table.quoted_name());
    let mut statement = connection.prepare_cached(&sql).map_err(&error)?;
    let mut rows = statement.query(params_from_iter(parameters.iter().map(types::as_given))).map_err(&error)?;
    while let Some(row) = rows.next().map_err(&error)? {
        if !take(table.spec.admit(table.native(row).map_err(&error)?.into()))? {
            break;
        }
    }
    Ok(())
}

/// Reads every record into `chunks`, in any order.
pub fn scan(connection: &Connection, table: &Table, chunks: &mpsc::Sender<Chunk>) -> Result<()> {
    let (mut chunk, mut bytes) = (Chunk::default(), 0);
    let filter = table.spec.filter.as_deref();
    each(connection, table, "TRUE", &[], false, |admitted| {
        match admitted {
            Ok(row) if filter.is_none_or(|filter| filter.matches(row.values())) => {
                bytes += row.size();
                chunk.rows.push(row);
            }
            Ok(_) => {}
            Err(unreadable) => chunk.unreadable.push(unreadable),
        }
        if chunk.rows.len() + chunk.unreadable.len() >= CHUNK_ROWS || bytes >= CHUNK_BYTES {
            bytes = 0;
            send(chunks, std::mem::take(&mut chunk))?;
        }
        Ok(true)
    })?;
    send(chunks, chunk)
}

fn send(chunks: &mpsc::Sender<Chunk>, chunk: Chunk) -> Result<()> {
    chunks
        .blocking_send(chunk)
        .map_err(|_| Error::new(ErrorKind::Interrupted, "read records", "nobody takes the records any more"))
}

/// Looks records up by key, one answer per key. The filter is not applied.
pub fn lookup(connection: &Connection, table: &Table, keys: &[Values]) -> Result<Vec<Found>> {
    let _snapshot = snapshot(connection)?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let mut rows = table.find(connection, key)?.into_iter();
        found.push(match (rows.next(), rows.next()) {
            (None, _) => Found::Absent,
            (Some(row), None) => admitted(table, row),
            (Some(_), Some(_)) => return Err(duplicate(table, key)),
        });
    }
    if table.respelled_keys && found.iter().any(|found| matches!(found, Found::Absent)) {
        find_respelled(connection, table, keys, &mut found)?;
    }
    Ok(found)
}

fn admitted(table: &Table, native: Vec<Value>) -> Found {
    match table.spec.admit(native.into()) {
        Ok(row) => Found::Row(row),
        Err(unreadable) => Found::Unreadable(unreadable),
    }
}

/// Keys that were not found as they are spelled: one pass over the table's keys finds those that mean the same.
fn find_respelled(connection: &Connection, table: &Table, keys: &[Values], found: &mut [Found]) -> Result<()> {
    let mut wanted: HashMap<Key, usize> = HashMap::new();
    for (index, key) in keys.iter().enumerate().filter(|(index, _)| matches!(found[*index], Found::Absent)) {
        wanted.extend(native_key::encode(&table.spec, key).map(|key| (key, index)));
    }
    let mut spellings: Vec<(usize, Vec<Value>)> = Vec::new();
    each_key(connection, table, |native| {
        if let Some(&index) = native_key::encode(&table.spec, native).and_then(|key| wanted.get(&key)) {
            spellings.push((index, native.to_vec()));
        }
        Ok(true)
    })?;
    for (index, native) in spellings {
        if !matches!(found[index], Found::Absent) {
            return Err(duplicate(table, &native));
        }
        if let Some(row) = table.find(connection, &native)?.into_iter().next() {
            found[index] = admitted(table, row);
        }
    }
    Ok(())
}

fn duplicate(table: &Table, key: &[Value]) -> Error {
    let message = format!("the table `{}` has more than one record with the key {key:?}", table.name);
    Error::new(ErrorKind::Data, "look a record up", message).with_remedy("make the key unique, or choose another `key`")
}

/// Gives the key columns of every row to `take`, in key order where the table is ordered.
fn each_key(connection: &Connection, table: &Table, mut take: impl FnMut(&[Value]) -> Result<bool>) -> Result<()> {
    let error = during("read keys");
    let columns = table.key_columns();
    let order = if table.ordered { format!(" ORDER BY {columns}") } else { String::new() };
    let sql = format!("SELECT {columns} FROM {}{order}", table.quoted_name());
    let mut statement = connection.prepare_cached(&sql).map_err(&error)?;
    let mut rows = statement.query([]).map_err(&error)?;
    let mut key = Vec::with_capacity(table.spec.key.len());
    while let Some(row) = rows.next().map_err(&error)? {
        key.clear();
        for (place, &index) in table.spec.key.iter().enumerate() {
            let stored = row.get_ref(place).map_err(&error)?;
            key.push(types::read(stored, &table.spec.columns[index].native));
        }
        if !take(&key)? {
            break;
        }
    }
    Ok(())
}

/// Keys that cut the table into parts of about `rows` records.
pub fn split(connection: &Connection, table: &Table, rows: u64) -> Result<Vec<Key>> {
    let (mut cuts, mut counted) = (Vec::new(), 0);
    each_key(connection, table, |native| {
        // Keys that cannot be read belong to no part.
        let Some(key) = native_key::encode(&table.spec, native) else {
            return Ok(true);
        };
        if counted >= rows.max(1) {
            cuts.push(key);
            counted = 0;
        }
        counted += 1;
        Ok(true)
    })?;
    Ok(cuts)
}

/// Count and XOR of the rows' fingerprints in each part of `range`. A record that cannot be read adds to the count, so
/// that its part never equals a sum that was stored without it.
pub fn sums(connection: &Connection, table: &Table, range: &KeyRange, cuts: &[Key]) -> Result<Vec<RangeSum>> {
    let _snapshot = snapshot(connection)?;
    let mut sums = vec![RangeSum::default(); cuts.len() + 1];
    if range.low.is_none() && table.nullable_key {
        sums[0].count += null_keys(connection, table)?.len() as u64;
    }
    let (condition, parameters) = table.in_range(range)?;
    let (mut part, filter) = (0, table.spec.filter.as_deref());
    each(connection, table, &condition, &parameters, true, |admitted| {
        let key = match &admitted {
            Ok(row) => Some(&row.key),
            Err(unreadable) => unreadable.key.as_ref(),
        };
        while cuts.get(part).is_some_and(|cut| key.is_some_and(|key| key >= cut)) {
            part += 1;
        }
        match admitted {
            Ok(row) if filter.is_none_or(|filter| filter.matches(row.values())) => {
                sums[part].count += 1;
                sums[part].hash ^= row.fingerprint();
            }
            Ok(_) => {}
            Err(_) => sums[part].count += 1,
        }
        Ok(true)
    })?;
    Ok(sums)
}

#[cfg(test)]
mod tests;
