//! One table in memory: schema, rows, and what it does by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::constraints::ForeignKey;
use super::hold::{hold, refusal};
use super::triggers::{Check, Transform};
use super::view::{Rows, Slot};
use crate::connector::{Refusal, RowImage};
use crate::key::{self, Key, KeyError};
use crate::reduce;
use crate::schema::{DatasetSchema, FieldType};
use crate::value::Value;

/// A row as it lies in a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    /// Another one at every write.
    pub stamp: u64,
    /// By column of the table.
    pub values: Vec<Value>,
    pub broken: Option<Broken>,
}

/// A row that is there and cannot be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Broken {
    pub code: &'static str,
    /// Its key can be read.
    pub keyed: bool,
}

#[derive(Clone)]
pub(super) struct Table {
    pub schema: DatasetSchema,
    /// Columns of the key under which rows are stored.
    pub key: Vec<usize>,
    /// The key is unique by the table's own doing.
    pub key_declared: bool,
    /// By column: the type it is written as.
    pub types: Vec<FieldType>,
    /// Column sets that are unique besides the key.
    pub unique: Vec<Vec<usize>>,
    pub foreign: Vec<ForeignKey>,
    pub defaults: Vec<Value>,
    pub transform: Option<Transform>,
    pub check: Option<Check>,
    pub rows: Arc<Rows>,
    /// Grows with every change of rows.
    pub version: u64,
    /// A scan breaks off after so many rows.
    pub scan_limit: Option<u64>,
}

impl Table {
    /// # Panics
    /// Where the schema names a column it does not have, or no key.
    pub fn new(schema: DatasetSchema, key_declared: bool) -> Self {
        let indexes = |names: &[String]| -> Vec<usize> { names.iter().map(|name| index_of(&schema, name)).collect() };
        let key = indexes(&schema.primary_key);
        assert!(!key.is_empty(), "table \"{}\" needs a primary key to store its rows under", schema.name);
        let unique = schema.unique_keys.iter().map(|names| indexes(names)).filter(|unique| *unique != key).collect();
        Self {
            key,
            key_declared,
            types: schema.columns.iter().map(reduce::native).collect(),
            unique,
            foreign: Vec::new(),
            defaults: vec![Value::Null; schema.columns.len()],
            transform: None,
            check: None,
            rows: Arc::new(BTreeMap::new()),
            version: 0,
            scan_limit: None,
            schema,
        }
    }

    /// Index of a column.
    ///
    /// # Panics
    /// Where there is none of that name.
    pub fn column(&self, name: &str) -> usize {
        index_of(&self.schema, name)
    }

    /// The encoded key of a whole row.
    pub fn key_of(&self, values: &[Value]) -> Result<Key, KeyError> {
        key::encode(self.key.iter().map(|&index| (&values[index], &self.types[index])))
    }

    /// The encoded key of the key's own values.
    pub fn encode_key(&self, key: &[Value]) -> Result<Key, KeyError> {
        key::encode(key.iter().zip(&self.key).map(|(value, &index)| (value, &self.types[index])))
    }

    /// What becomes of a row when it is written: triggers, rounding, refusals that concern it alone.
    pub fn admit(&self, mut values: Vec<Value>) -> Result<Vec<Value>, Refusal> {
        if let Some(transform) = &self.transform {
            transform(&mut values);
        }
        let columns = self.schema.columns.iter().zip(&self.types);
        let held: Vec<Value> = values
            .into_iter()
            .zip(columns)
            .map(|(value, (column, ty))| hold(value, column, ty))
            .collect::<Result<_, _>>()?;
        match self.check.as_ref().and_then(|check| check(&held)) {
            Some(reason) => Err(refusal("check", reason, false)),
            None => Ok(held),
        }
    }

    /// The first slot of a key that nothing lies in.
    pub fn free_slot(&self, key: Key, taken: impl Fn(&Slot) -> bool) -> Slot {
        let mut slot = (key, 0);
        while taken(&slot) {
            slot.1 += 1;
        }
        slot
    }

    /// The whole row by column name.
    pub fn image(&self, values: &[Value]) -> RowImage {
        self.schema.columns.iter().zip(values).map(|(column, value)| (column.name.clone(), value.clone())).collect()
    }
}

fn index_of(schema: &DatasetSchema, name: &str) -> usize {
    match schema.columns.iter().position(|column| column.name == name) {
        Some(index) => index,
        None => panic!("table \"{}\" has no column \"{name}\"", schema.name),
    }
}
