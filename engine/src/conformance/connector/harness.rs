//! What a connector's tests give to the suite.

use std::sync::Arc;

use async_trait::async_trait;

use crate::connector::System;
use crate::reduce;
use crate::schema::{DatasetSchema, FieldType};
use crate::value::Value;

/// A dataset that the suite wants to have.
#[derive(Debug, Clone)]
pub struct Table {
    /// Typed columns, with a primary key among them, and `unique_keys` besides. A harness makes columns of its system
    /// that hold these types without loss, as it likes (text columns in a system without such types).
    /// The name is unique within the suite.
    pub schema: DatasetSchema,
    /// Values by column of the schema, in its types.
    pub rows: Vec<Vec<Value>>,
    /// Refuse records whose integer in this column is greater (a CHECK constraint).
    pub at_most: Option<(String, i64)>,
    /// Turn text in this column to upper case whenever a record is written (a trigger).
    pub upper_case: Option<String>,
}

/// What somebody else does.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Writes a whole row, over the one of the same primary key if there is one.
    Put(Vec<Value>),
    /// Deletes the row of a primary key, given as its values.
    Remove(Vec<Value>),
}

/// What a system does besides holding records. What is false is looked at as well: such a system must then
/// write what a constraint would have refused, and must not say `transforms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promises {
    /// Unique keys besides the primary one are enforced.
    pub unique: bool,
    /// `nullable: false` is enforced.
    pub not_null: bool,
    /// [`Table::at_most`] is enforced.
    pub check: bool,
    /// [`Table::upper_case`] is done.
    pub triggers: bool,
    /// NULL and empty text are two things.
    pub empty_text: bool,
}

impl Promises {
    pub const ALL: Self = Self { unique: true, not_null: true, check: true, triggers: true, empty_text: true };
    /// Holds what it is given, and no more.
    pub const NONE: Self = Self { unique: false, not_null: false, check: false, triggers: false, empty_text: false };
}

/// A system under test, reached by the connector and by other means. Its methods panic where they fail.
///
/// An edit may come while a transaction of the connector is open that has only read; it must not wait for that
/// (an SQLite harness uses WAL). [`to_text`] and [`from_text`] help harnesses that write and read text.
#[async_trait]
pub trait Harness: Send + Sync {
    fn promises(&self) -> Promises;

    /// The system, opened anew: another connection, the same data.
    async fn open(&self) -> Arc<dyn System>;

    /// Makes the dataset with its rows, afresh. Gives the name by which the connector knows it.
    async fn make(&self, table: &Table) -> String;

    /// All rows by other means than the connector, in any order, values by column of the schema and in its types.
    async fn rows(&self, name: &str, table: &Table) -> Vec<Vec<Value>>;

    /// Does what somebody else would do, and is done with it on return.
    async fn edit(&self, name: &str, table: &Table, edit: Edit);
}

/// A value as text that PostgreSQL, SQLite and text files understand alike; `None` for NULL.
///
/// # Panics
/// Where the value is not of the type.
pub fn to_text(value: &Value, ty: &FieldType) -> Option<String> {
    if value.is_null() {
        return None;
    }
    match reduce::expand(value, ty, &FieldType::TEXT) {
        Ok(Value::Text(text)) => Some(text.into()),
        Ok(other) => panic!("{value:?} became {other:?} instead of text"),
        Err(error) => panic!("{value:?} cannot be written as text: {error}"),
    }
}

/// The value of a type that text stands for; NULL for `None`.
///
/// # Panics
/// Where the text is none of the type.
pub fn from_text(text: Option<&str>, ty: &FieldType) -> Value {
    let Some(text) = text else { return Value::Null };
    match reduce::reduce(&Value::text(text), &FieldType::TEXT, ty) {
        Ok(value) => value,
        Err(error) => panic!("{text:?} is no {ty:?}: {error}"),
    }
}
