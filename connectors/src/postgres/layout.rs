//! A dataset as opened: the mapped columns of a table, and how rows of them become records.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pinksync_engine::key::Key;
use pinksync_engine::row::{Row, SideSpec, Unreadable};
use pinksync_engine::{Error, ErrorKind, Result, Value};
use tokio_postgres::types::{FromSql, Type};

use super::decode::decode;
use super::filter::{self, Pushed};
use super::sql;
use super::table::{Column, Table};
use super::types::Wire;
use crate::native_key;

pub struct Layout {
    pub spec: Arc<SideSpec>,
    pub table: Arc<Table>,
    /// Index into the table's columns, by column of the spec.
    columns: Vec<usize>,
    /// The mapped columns of row `t`, as a select list.
    pub select: String,
    /// The key's columns of row `t`.
    pub keys: Vec<String>,
    pub filter: Pushed,
    /// A unique index over the key can arbitrate between two who make the same record.
    pub has_arbiter: bool,
    /// Pages come in key order from an index.
    pub ordered: bool,
    /// Rows of the table, as described.
    pub estimated_rows: Option<u64>,
    /// Bytes of a record in memory, as read lately; 0 where none was read yet.
    row_bytes: AtomicUsize,
}

/// Rows of one statement.
const MOST_ROWS: usize = 20_000;
/// Rows of the first statement, which finds out how large rows are.
const FIRST_ROWS: usize = 100;

impl Layout {
    pub fn new(spec: Arc<SideSpec>, table: Arc<Table>, estimated_rows: Option<u64>) -> Result<Self> {
        let place = |name: &String| {
            table.columns.iter().position(|column| column.name == *name).ok_or_else(|| missing(&table, name))
        };
        let columns = spec.columns.iter().map(|column| place(&column.name)).collect::<Result<Vec<usize>>>()?;
        let select = columns.iter().map(|&index| table.columns[index].read()).collect::<Vec<_>>().join(", ");
        let names: Vec<&str> = spec.key.iter().map(|&index| spec.columns[index].name.as_str()).collect();
        let keys = names.iter().map(|name| format!("t.{}", sql::identifier(name))).collect();
        let mapped: Vec<&Column> = columns.iter().map(|&index| &table.columns[index]).collect();
        let filter = match &spec.filter {
            Some(filter) => filter::push(filter, &spec, &mapped),
            None => Pushed::everything(),
        };
        Ok(Self {
            has_arbiter: table.has_arbiter(&names),
            ordered: spec.ordered && table.is_ordered_by(&names),
            spec,
            table,
            columns,
            select,
            keys,
            filter,
            estimated_rows,
            row_bytes: AtomicUsize::new(0),
        })
    }

    /// The table's column behind a column of the spec.
    pub fn column(&self, index: usize) -> &Column {
        &self.table.columns[self.columns[index]]
    }

    /// Most records in one statement or message.
    pub fn batch_size(&self) -> usize {
        self.spec.batch_size.max(1)
    }

    /// The key's columns.
    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.spec.key.iter().map(|&index| self.column(index))
    }

    pub fn key_wires(&self) -> Vec<Wire> {
        self.key_columns().map(|column| column.wire).collect()
    }

    /// `t."a" = u.c0 AND …`: joins the keys of a source made by `Arrays::source`, which come first in it.
    pub fn joined(&self) -> String {
        self.joined_as("t", "u")
    }

    /// As `joined`, under other names for the row and the source.
    pub fn joined_as(&self, row: &str, source: &str) -> String {
        let one = |(index, column): (usize, &Column)| {
            format!("{row}.{} = {}", sql::identifier(&column.name), column.write(&format!("{source}.c{index}")))
        };
        self.key_columns().enumerate().map(one).collect::<Vec<_>>().join(" AND ")
    }

    /// A WHERE clause of all conditions and the filter; empty where there are none.
    pub fn condition(&self, mut conditions: Vec<String>) -> String {
        conditions.extend(self.filter.sql.clone());
        match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        }
    }

    /// Makes a record of the fields of the select list.
    pub fn admit<'a>(&self, fields: impl Iterator<Item = Option<&'a [u8]>>) -> std::result::Result<Row, Unreadable> {
        let mut values = Vec::with_capacity(self.columns.len());
        let mut broken: Option<(usize, String)> = None;
        for (index, field) in fields.enumerate().take(self.columns.len()) {
            values.push(match field.map(|bytes| decode(self.column(index).wire, bytes)) {
                None => Value::Null,
                Some(Ok(value)) => value,
                Some(Err(undecodable)) => {
                    broken.get_or_insert((index, undecodable.0));
                    Value::Null
                }
            });
        }
        match broken {
            None => self.spec.admit(values.into()),
            Some((index, reason)) => {
                let native: Vec<Value> = self.spec.key.iter().map(|&index| values[index].clone()).collect();
                let reason = format!("{}: {reason}", self.spec.columns[index].name);
                Err(Unreadable { key: self.encoded_key(&native), line: None, code: "not_convertible", reason })
            }
        }
    }

    /// The encoded key of a key's values on this side; `None` where they are no key.
    pub fn encoded_key(&self, native: &[Value]) -> Option<Key> {
        native_key::encode(&self.spec, native)
    }

    /// Whether a record passes the part of the filter that the server could not look at.
    pub fn passes(&self, row: &Row) -> bool {
        self.filter.exact || self.spec.filter.as_ref().is_none_or(|filter| filter.matches(row.values()))
    }

    /// How many rows to ask for to get about `bytes` of them.
    pub fn rows_for(&self, bytes: usize) -> usize {
        match self.row_bytes.load(Ordering::Relaxed) {
            0 => FIRST_ROWS,
            width => (bytes / width).saturating_add(bytes / width / 8 + 16).min(MOST_ROWS),
        }
    }

    /// Notes how large rows were.
    pub fn note_width(&self, rows: usize, bytes: usize) {
        if let Some(width) = bytes.checked_div(rows) {
            let known = self.row_bytes.load(Ordering::Relaxed);
            let width = if known == 0 { width } else { (known * 3 + width).div_ceil(4) };
            self.row_bytes.store(width.max(1), Ordering::Relaxed);
        }
    }
}

fn missing(table: &Table, name: &str) -> Error {
    let message = format!("{} has no column `{name}` any more", table.full_name());
    Error::new(ErrorKind::Definition, "open a dataset", message).with_remedy("run `pinksync plan` again")
}

/// A field of a query's row as it came.
#[derive(Debug)]
pub struct Raw<'a>(pub &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, bytes: &'a [u8]) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Fields of a query's row from column `first` on.
pub fn fields(row: &tokio_postgres::Row, first: usize) -> impl Iterator<Item = Option<&[u8]>> {
    (first..row.len()).map(|index| row.try_get::<_, Option<Raw<'_>>>(index).ok().flatten().map(|raw| raw.0))
}

/// The number of a record in the arrays of its statement, from 0.
pub fn ordinal(row: &tokio_postgres::Row) -> Result<usize> {
    let number: i64 = row.try_get(0).map_err(|error| super::error::translate("read a result", error))?;
    usize::try_from(number - 1).map_err(|_| Error::new(ErrorKind::Other, "read a result", "a record's number is wrong"))
}
