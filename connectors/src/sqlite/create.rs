//! Creates a table from a schema of any system (`create_target`).

use std::fmt::Write as _;

use pinksync_engine::schema::{ColumnSchema, DatasetSchema, FieldType, Fold};
use pinksync_engine::{Error, ErrorKind, Result};
use rusqlite::Connection;

use super::error::during;
use super::schema::relation;

/// Creates the table; the file was created by opening it where it was missing.
pub fn create(connection: &Connection, schema: &DatasetSchema, from_kind: &str) -> Result<()> {
    let error = during("create the table");
    if relation(connection, &schema.name)?.is_some() {
        let message = format!("the database has a table or view `{}` already", schema.name);
        return Err(Error::new(ErrorKind::Definition, "create the table", message)
            .with_remedy("leave `create_target` out to sync into it"));
    }
    connection.execute_batch(&statement(schema, from_kind)).map_err(error)
}

fn statement(schema: &DatasetSchema, from_kind: &str) -> String {
    let mut columns: Vec<String> =
        schema.columns.iter().map(|column| definition(column, &schema.primary_key, from_kind)).collect();
    if schema.primary_key.len() > 1 {
        let key: Vec<String> = schema.primary_key.iter().map(|name| identifier(name)).collect();
        columns.push(format!("PRIMARY KEY ({})", key.join(", ")));
    }
    format!("CREATE TABLE {} (\n    {}\n)", identifier(&schema.name), columns.join(",\n    "))
}

fn definition(column: &ColumnSchema, key: &[String], from_kind: &str) -> String {
    let mut text = identifier(&column.name);
    let native = if from_kind == "sqlite" { column.native.clone() } else { native(&column.ty).to_owned() };
    if !native.is_empty() {
        let _ = write!(text, " {native}");
    }
    let in_key = key.contains(&column.name);
    if !column.nullable || in_key {
        text.push_str(" NOT NULL");
    }
    if in_key && key.len() == 1 {
        text.push_str(" PRIMARY KEY");
    }
    match column.ty {
        FieldType::Text { fold: Fold::AsciiCase, .. } => text.push_str(" COLLATE NOCASE"),
        FieldType::Text { fold: Fold::TrailingSpace, .. } => text.push_str(" COLLATE RTRIM"),
        _ => {}
    }
    text
}

/// TEXT for everything that SQLite's numbers would round or that it has no type for.
fn native(ty: &FieldType) -> &'static str {
    match ty {
        FieldType::Bool => "BOOLEAN",
        FieldType::Int { .. } => "INTEGER",
        FieldType::Float { .. } => "REAL",
        FieldType::Bytes => "BLOB",
        FieldType::Decimal { .. }
        | FieldType::Text { .. }
        | FieldType::Date
        | FieldType::Time { .. }
        | FieldType::Timestamp { .. }
        | FieldType::Instant { .. }
        | FieldType::Uuid
        | FieldType::Json
        | FieldType::Native { .. } => "TEXT",
    }
}

/// A name as it shall stand in the stored schema.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
