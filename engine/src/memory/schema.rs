//! Short ways to write a schema in a test.

use crate::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType, Fold};

/// A nullable column that can be written and is read in order wherever its type has one.
pub fn column(name: &str, ty: FieldType) -> ColumnSchema {
    let ordered = match &ty {
        FieldType::Float { .. } | FieldType::Json => false,
        FieldType::Text { fold, .. } => *fold == Fold::None,
        _ => true,
    };
    let native = format!("{ty:?}").to_lowercase();
    ColumnSchema {
        name: name.to_owned(),
        ty,
        carrier: Carrier::Typed,
        native,
        nullable: true,
        writable: true,
        empty_is_null: false,
        ordered,
    }
}

/// As [`column`], and never NULL.
pub fn required(name: &str, ty: FieldType) -> ColumnSchema {
    ColumnSchema { nullable: false, ..column(name, ty) }
}

/// A dataset with a primary key of the columns named in `key`.
pub fn schema(name: &str, key: &[&str], columns: Vec<ColumnSchema>) -> DatasetSchema {
    let primary_key: Vec<String> = key.iter().map(|&name| name.to_owned()).collect();
    DatasetSchema {
        name: name.to_owned(),
        columns,
        unique_keys: vec![primary_key.clone()],
        primary_key,
        estimated_rows: None,
        transforms: false,
        references: Vec::new(),
        writable: true,
    }
}
