//! Creates a table from a schema of any system (`create_target`).

use std::fmt::Write as _;

use pinksync_engine::schema::{ColumnSchema, DatasetSchema, FieldType, Fold};
use pinksync_engine::{Error, ErrorKind, Result};
use rusqlite::Connection;

use super::error::during;
use super::schema::{Declared, field_type, relation};
use super::types::Affinity;

const OPERATION: &str = "create the table";

/// The table that [`create`] makes of a schema; it keeps the declared types of another SQLite database.
pub fn foresee(schema: &DatasetSchema, from_kind: &str) -> Result<DatasetSchema> {
    check_names(schema)?;
    let mut columns = schema.columns.clone();
    for column in &mut columns {
        let in_key = schema.primary_key.contains(&column.name);
        if from_kind != "sqlite" {
            native(&column.ty).clone_into(&mut column.native);
        }
        let declared = Declared {
            name: column.name.clone(),
            affinity: Affinity::of(&column.native, false),
            declared_type: column.native.clone(),
            not_null: !column.nullable || in_key,
            key_place: 0,
            generated: false,
            collation: collation(column).unwrap_or("BINARY").to_owned(),
        };
        (column.ty, column.carrier) = field_type(&declared);
        column.nullable = !declared.not_null;
        column.empty_is_null = false;
        column.ordered = false;
    }
    Ok(DatasetSchema { columns, estimated_rows: Some(0), transforms: false, ..schema.clone() })
}

/// Letters' case tells no two columns of a table apart, as far as they are ASCII.
fn check_names(schema: &DatasetSchema) -> Result<()> {
    for (index, column) in schema.columns.iter().enumerate() {
        let name = &column.name;
        if let Some(other) = schema.columns[..index].iter().find(|other| other.name.eq_ignore_ascii_case(name)) {
            let message = format!("columns `{}` and `{name}` of {} are one to SQLite", other.name, schema.name);
            return Err(Error::new(ErrorKind::Definition, OPERATION, message).with_remedy(format!(
                "give one another name at the target (`fields: {{{name}: {{to: OTHER}}}}`), or leave it out (`exclude`)"
            )));
        }
    }
    match schema.name.to_ascii_lowercase().starts_with("sqlite_") {
        false => Ok(()),
        true => {
            let message = format!("`{}`: names that begin with `sqlite_` are SQLite's own", schema.name);
            Err(Error::new(ErrorKind::Definition, OPERATION, message).with_remedy("write another `target`"))
        }
    }
}

/// Creates a table as it was foreseen; the file was created by opening it where it was missing.
pub fn create(connection: &Connection, schema: &DatasetSchema) -> Result<()> {
    if relation(connection, &schema.name)?.is_some() {
        let message = format!("the database has a table or view `{}` already", schema.name);
        return Err(Error::new(ErrorKind::Definition, OPERATION, message)
            .with_remedy("leave `create_target` out to sync into it"));
    }
    connection.execute_batch(&statement(schema)).map_err(during(OPERATION))
}

fn statement(schema: &DatasetSchema) -> String {
    let mut columns: Vec<String> =
        schema.columns.iter().map(|column| definition(column, &schema.primary_key)).collect();
    if schema.primary_key.len() > 1 {
        let key: Vec<String> = schema.primary_key.iter().map(|name| identifier(name)).collect();
        columns.push(format!("PRIMARY KEY ({})", key.join(", ")));
    }
    format!("CREATE TABLE {} (\n    {}\n)", identifier(&schema.name), columns.join(",\n    "))
}

fn definition(column: &ColumnSchema, key: &[String]) -> String {
    let mut text = identifier(&column.name);
    if !column.native.is_empty() {
        let _ = write!(text, " {}", column.native);
    }
    if !column.nullable {
        text.push_str(" NOT NULL");
    }
    if key == std::slice::from_ref(&column.name) {
        text.push_str(" PRIMARY KEY");
    }
    if let Some(collation) = collation(column) {
        let _ = write!(text, " COLLATE {collation}");
    }
    text
}

fn collation(column: &ColumnSchema) -> Option<&'static str> {
    match column.ty {
        FieldType::Text { fold: Fold::AsciiCase, .. } => Some("NOCASE"),
        FieldType::Text { fold: Fold::TrailingSpace, .. } => Some("RTRIM"),
        _ => None,
    }
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
