//! What we know of a table: columns, keys, and what writing to it sets off.

use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema};

use super::sql;
use super::types::{TypeFacts, Wire};

#[derive(Debug)]
pub struct Table {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    /// Its rows have `ctid` and `xmin` of this server: no view, nothing foreign.
    pub is_stored: bool,
    /// An ordinary table, neither partitioned nor a view nor foreign.
    pub is_plain: bool,
    pub is_view: bool,
    pub writable: bool,
    /// Rewrite rules on INSERT, UPDATE or DELETE.
    pub rules: bool,
    /// Enabled triggers of users on INSERT or UPDATE.
    pub triggers: bool,
    pub columns: Vec<Column>,
    pub unique: Vec<UniqueKey>,
    pub references: Vec<String>,
    pub dependents: Vec<Dependent>,
}

#[derive(Debug)]
pub struct Column {
    pub name: String,
    pub facts: TypeFacts,
    pub wire: Wire,
    /// The base type with its modifier and, if it sorts by bytes, its collation.
    pub native: String,
    pub not_null: bool,
    pub generated: bool,
    pub identity_always: bool,
    /// The server reads what it prints.
    pub readable_back: bool,
    /// The column's order is the byte order of encoded keys.
    pub ordered: bool,
    /// Owned sequence that new values come from, if we may advance it.
    pub sequence: Option<Sequence>,
}

#[derive(Debug)]
pub struct Sequence {
    /// Quoted, with its schema.
    pub name: String,
    pub maximum: i64,
}

/// Columns under which a row is unique and never NULL.
#[derive(Debug)]
pub struct UniqueKey {
    pub columns: Vec<String>,
    pub primary: bool,
    /// Not deferrable: can be the target of `ON CONFLICT`.
    pub immediate: bool,
    /// Its index gives the rows in the columns' order.
    pub sorted: bool,
}

/// A foreign key with CASCADE, SET NULL or SET DEFAULT that refers to this table.
#[derive(Debug)]
pub struct Dependent {
    pub schema: String,
    pub name: String,
    pub is_plain: bool,
    /// The table refers to itself.
    pub is_own: bool,
    pub here: Vec<String>,
    pub there: Vec<String>,
}

impl Dependent {
    /// The referring table in a FROM list.
    pub fn source(&self) -> String {
        let only = if self.is_plain { "ONLY " } else { "" };
        format!("{only}{}", sql::qualified(&self.schema, &self.name))
    }
}

impl Column {
    /// Reads the column of row `t` in the form that [`Wire`] says.
    pub fn read(&self) -> String {
        let cast = if self.wire == Wire::Cast || self.facts.is_citext { "::text" } else { "" };
        format!("t.{}{cast}", sql::identifier(&self.name))
    }

    /// Makes a value of this column of a parameter. The cast is to the type without its modifier: a longer text then
    /// is an error of the assignment, where a cast to `varchar(3)[]` would cut it off.
    pub fn write(&self, parameter: &str) -> String {
        match self.wire == Wire::Cast || self.facts.is_citext {
            true => format!("{parameter}::{}", self.facts.name),
            false => parameter.to_owned(),
        }
    }

    /// Can be given a value when a row is made.
    pub fn insertable(&self) -> bool {
        !self.generated && self.readable_back
    }
}

impl Table {
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub fn quoted(&self) -> String {
        sql::qualified(&self.schema, &self.name)
    }

    /// The table in a FROM list. Tables that inherit from it are datasets of their own.
    pub fn source(&self) -> String {
        format!("{}{} AS t", if self.is_plain { "ONLY " } else { "" }, self.quoted())
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A unique key over exactly these columns, in any order, that `ON CONFLICT` can name.
    pub fn has_arbiter(&self, columns: &[&str]) -> bool {
        let same = |key: &&UniqueKey| {
            key.columns.len() == columns.len() && key.columns.iter().all(|name| columns.contains(&name.as_str()))
        };
        !self.rules && self.unique.iter().filter(|key| key.immediate).any(|key| same(&key))
    }

    /// An index gives the rows in the order of these columns, and that is the order of encoded keys.
    pub fn is_ordered_by(&self, columns: &[&str]) -> bool {
        let ordered = |name: &&str| self.column(name).is_some_and(|column| column.ordered);
        columns.iter().all(ordered) && self.unique.iter().any(|key| key.sorted && key.columns == columns)
    }

    pub fn describe(&self, estimated_rows: Option<u64>) -> DatasetSchema {
        let in_sorted_key = |column: &Column| {
            let leads = |key: &&UniqueKey| key.sorted && key.columns.contains(&column.name);
            self.unique.iter().any(|key| leads(&key))
        };
        let columns = self.columns.iter().map(|column| ColumnSchema {
            name: column.name.clone(),
            ty: column.facts.field_type(),
            carrier: Carrier::Typed,
            native: column.native.clone(),
            nullable: !column.not_null,
            writable: column.insertable(),
            ordered: column.ordered && in_sorted_key(column),
        });
        let primary = self.unique.iter().find(|key| key.primary);
        DatasetSchema {
            name: self.full_name(),
            columns: columns.collect(),
            primary_key: primary.map(|key| key.columns.clone()).unwrap_or_default(),
            unique_keys: self.unique.iter().map(|key| key.columns.clone()).collect(),
            estimated_rows,
            transforms: self.triggers || self.rules || self.is_view,
            references: self.references.clone(),
            writable: self.writable,
        }
    }
}
