//! A database file for the suite, looked at and edited by a connection of its own.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use pinksync_connectors::sqlite::Sqlite;
use pinksync_engine::Value;
use pinksync_engine::conformance::connector::{self, Edit, Promises, Table, from_text, to_text};
use pinksync_engine::connector::System;
use pinksync_engine::schema::FieldType;
use pinksync_model::SqliteSettings;
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;

/// What kind of tables the suite gets.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Plain,
    Strict,
    WithoutRowid,
}

pub struct Harness {
    folder: TempDir,
    kind: Kind,
}

impl Harness {
    pub fn new(journal_mode: &str, kind: Kind) -> Self {
        let harness = Self { folder: tempfile::tempdir().unwrap(), kind };
        harness.connection().pragma_update(None, "journal_mode", journal_mode).unwrap();
        harness
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("suite.db")
    }

    fn connection(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn declared(&self, ty: &FieldType) -> &'static str {
        match ty {
            FieldType::Bool if self.kind == Kind::Strict => "INTEGER",
            FieldType::Bool => "BOOLEAN",
            FieldType::Int { .. } => "INTEGER",
            FieldType::Float { .. } => "REAL",
            FieldType::Bytes => "BLOB",
            _ => "TEXT",
        }
    }

    fn create(&self, table: &Table) -> String {
        let schema = &table.schema;
        let mut parts: Vec<String> = schema
            .columns
            .iter()
            .map(|column| {
                let null = if column.nullable { "" } else { " NOT NULL" };
                format!("{} {}{null}", column.name, self.declared(&column.ty))
            })
            .collect();
        parts.push(format!("PRIMARY KEY ({})", schema.primary_key.join(", ")));
        let others = schema.unique_keys.iter().filter(|key| **key != schema.primary_key);
        parts.extend(others.map(|key| format!("UNIQUE ({})", key.join(", "))));
        parts.extend(table.at_most.iter().map(|(column, most)| format!("CHECK ({column} <= {most})")));
        let options = match self.kind {
            Kind::Plain => "",
            Kind::Strict => "STRICT",
            Kind::WithoutRowid => "WITHOUT ROWID",
        };
        let trigger = table.upper_case.as_ref().map_or(String::new(), |column| {
            let body = |event: &str| {
                format!(
                    "CREATE TRIGGER {0}_{event} AFTER {event} ON {0} WHEN NEW.{column} <> upper(NEW.{column})
                     BEGIN UPDATE {0} SET {column} = upper({column}) WHERE {1} = NEW.{1}; END;",
                    schema.name, schema.primary_key[0]
                )
            };
            body("INSERT") + &body("UPDATE")
        });
        format!("DROP TABLE IF EXISTS {0}; CREATE TABLE {0} ({1}) {options}; {trigger}", schema.name, parts.join(", "))
    }

    fn insert(connection: &Connection, table: &Table, row: &[Value]) {
        let names: Vec<&str> = table.schema.columns.iter().map(|column| column.name.as_str()).collect();
        let places = vec!["?"; names.len()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES ({places})", table.schema.name, names.join(", "));
        let values = row.iter().zip(&table.schema.columns).map(|(value, column)| stored(value, &column.ty));
        connection.execute(&sql, params_from_iter(values)).unwrap();
    }

    fn remove(connection: &Connection, table: &Table, key: &[Value]) {
        let schema = &table.schema;
        let conditions: Vec<String> = schema.primary_key.iter().map(|name| format!("{name} = ?")).collect();
        let sql = format!("DELETE FROM {} WHERE {}", schema.name, conditions.join(" AND "));
        let values =
            key.iter().zip(&schema.primary_key).map(|(value, name)| stored(value, &schema.column(name).unwrap().ty));
        connection.execute(&sql, params_from_iter(values)).unwrap();
    }
}

fn stored(value: &Value, ty: &FieldType) -> Stored {
    match value {
        Value::Null => Stored::Null,
        Value::Bool(value) => Stored::Integer(i64::from(*value)),
        Value::Int(value) => Stored::Integer(*value),
        Value::Float(value) => Stored::Real(*value),
        Value::Bytes(value) => Stored::Blob(value.to_vec()),
        other => Stored::Text(to_text(other, ty).unwrap()),
    }
}

fn value(stored: Stored, ty: &FieldType) -> Value {
    match (stored, ty) {
        (Stored::Null, _) => Value::Null,
        (Stored::Integer(value), FieldType::Bool) => Value::Bool(value != 0),
        (Stored::Integer(value), _) => Value::Int(value),
        (Stored::Real(value), _) => Value::Float(value),
        (Stored::Blob(value), _) => Value::Bytes(value.into()),
        (Stored::Text(value), ty) => from_text(Some(&value), ty),
    }
}

#[async_trait]
impl connector::Harness for Harness {
    fn promises(&self) -> Promises {
        Promises::ALL
    }

    async fn open(&self) -> Arc<dyn System> {
        let settings = SqliteSettings { path: "suite.db".to_owned() };
        Sqlite::open(&settings, self.folder.path()).unwrap()
    }

    async fn make(&self, table: &Table) -> String {
        let connection = self.connection();
        connection.execute_batch(&self.create(table)).unwrap();
        for row in &table.rows {
            Self::insert(&connection, table, row);
        }
        table.schema.name.clone()
    }

    async fn rows(&self, name: &str, table: &Table) -> Vec<Vec<Value>> {
        let connection = self.connection();
        let names: Vec<&str> = table.schema.columns.iter().map(|column| column.name.as_str()).collect();
        let mut statement = connection.prepare(&format!("SELECT {} FROM {name}", names.join(", "))).unwrap();
        let rows = statement.query_map([], |row| {
            let column = |(index, column): (usize, &pinksync_engine::schema::ColumnSchema)| {
                Ok(value(row.get(index)?, &column.ty))
            };
            table.schema.columns.iter().enumerate().map(column).collect()
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    async fn edit(&self, _name: &str, table: &Table, edit: Edit) {
        let connection = self.connection();
        match edit {
            Edit::Put(row) => {
                let schema = &table.schema;
                let position = |name: &String| schema.columns.iter().position(|column| column.name == *name).unwrap();
                let key: Vec<Value> = schema.primary_key.iter().map(|name| row[position(name)].clone()).collect();
                Self::remove(&connection, table, &key);
                Self::insert(&connection, table, &row);
            }
            Edit::Remove(key) => Self::remove(&connection, table, &key),
        }
    }
}
