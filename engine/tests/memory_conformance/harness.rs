//! Memory systems as the suite sees them: with typed columns, or with nothing but text.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::Value;
use pinksync_engine::conformance::connector::{Edit, Harness, Promises, Table, from_text, to_text};
use pinksync_engine::connector::System;
use pinksync_engine::memory::{Flavour, MemorySystem, at_most, upper_case};
use pinksync_engine::schema::Carrier;

pub struct MemoryHarness {
    pub system: MemorySystem,
    /// Columns hold text only, whatever type is asked for.
    text_only: bool,
}

impl MemoryHarness {
    pub fn new(flavour: Flavour) -> Self {
        Self { system: MemorySystem::with_flavour("conformance", flavour), text_only: false }
    }

    pub fn text_only(flavour: Flavour) -> Self {
        Self { text_only: true, ..Self::new(flavour) }
    }

    fn stored(&self, table: &Table, row: &[Value]) -> Vec<Value> {
        if !self.text_only {
            return row.to_vec();
        }
        let columns = row.iter().zip(&table.schema.columns);
        columns.map(|(value, column)| to_text(value, &column.ty).map_or(Value::Null, Value::text)).collect()
    }

    fn typed(&self, table: &Table, row: Vec<Value>) -> Vec<Value> {
        if !self.text_only {
            return row;
        }
        let value = |value: &Value| match value {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        };
        row.iter()
            .zip(&table.schema.columns)
            .map(|(cell, column)| from_text(value(cell).as_deref(), &column.ty))
            .collect()
    }
}

#[async_trait]
impl Harness for MemoryHarness {
    fn promises(&self) -> Promises {
        if self.text_only { Promises { empty_text: true, ..Promises::NONE } } else { Promises::ALL }
    }

    async fn open(&self) -> Arc<dyn System> {
        self.system.side()
    }

    async fn make(&self, table: &Table) -> String {
        let (mut schema, name) = (table.schema.clone(), table.schema.name.clone());
        let index = |name: &str| table.schema.columns.iter().position(|column| column.name == name).unwrap();
        if self.text_only {
            schema.unique_keys.truncate(1);
            for column in &mut schema.columns {
                column.carrier = Carrier::Text;
                column.ty = pinksync_engine::schema::FieldType::TEXT;
                column.nullable = true;
            }
        }
        self.system.create_table(schema);
        if let Some((column, limit)) = table.at_most.as_ref().filter(|_| !self.text_only) {
            self.system.set_check(&name, at_most(index(column), *limit));
        }
        if let Some(column) = table.upper_case.as_ref().filter(|_| !self.text_only) {
            self.system.set_transform(&name, upper_case(index(column)));
        }
        for row in &table.rows {
            self.system.put(&name, self.stored(table, row));
        }
        name
    }

    async fn rows(&self, name: &str, table: &Table) -> Vec<Vec<Value>> {
        self.system.rows(name).into_values().map(|row| self.typed(table, row)).collect()
    }

    async fn edit(&self, name: &str, table: &Table, edit: Edit) {
        match edit {
            Edit::Put(row) => self.system.put(name, self.stored(table, &row)),
            Edit::Remove(key) => {
                let mut row = vec![Value::Null; table.schema.columns.len()];
                let key_columns = table
                    .schema
                    .primary_key
                    .iter()
                    .map(|name| table.schema.columns.iter().position(|column| column.name == *name).unwrap());
                let columns: Vec<usize> = key_columns.collect();
                for (&column, value) in columns.iter().zip(key) {
                    row[column] = value;
                }
                let stored = self.stored(table, &row);
                let key: Vec<Value> = columns.iter().map(|&column| stored[column].clone()).collect();
                assert!(self.system.remove(name, &key), "there is no row {key:?}");
            }
        }
    }
}
