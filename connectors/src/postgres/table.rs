//! What we know of a table: columns, keys, and what writing to it sets off.

use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema};

use super::sql;
use super::types::{TypeFacts, Wire};

#[derive(Debug, PartialEq)]
pub struct Table {
    pub schema: String,
    pub name: String,
    pub kind: Kind,
    /// Some partition is a foreign table.
    pub foreign_parts: bool,
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

/// `relkind` in `pg_class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Partitioned,
    View,
    Materialized,
    Foreign,
}

impl Kind {
    pub fn of(relkind: &str) -> Self {
        match relkind {
            "p" => Self::Partitioned,
            "v" => Self::View,
            "m" => Self::Materialized,
            "f" => Self::Foreign,
            _ => Self::Plain,
        }
    }
}

#[derive(Debug, PartialEq)]
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

#[derive(Debug, PartialEq)]
pub struct Sequence {
    /// Quoted, with its schema.
    pub name: String,
    pub maximum: i64,
}

/// Columns under which a row is unique and never NULL.
#[derive(Debug, PartialEq)]
pub struct UniqueKey {
    pub columns: Vec<String>,
    pub primary: bool,
    /// Not deferrable: can be the target of `ON CONFLICT`.
    pub immediate: bool,
    /// Its index gives the rows in the columns' order.
    pub sorted: bool,
}

/// A foreign key with CASCADE, SET NULL or SET DEFAULT that refers to this table.
#[derive(Debug, PartialEq)]
pub struct Dependent {
    pub schema: String,
    pub name: String,
    pub kind: Kind,
    /// The table refers to itself.
    pub is_own: bool,
    pub here: Vec<String>,
    pub there: Vec<String>,
}

impl Dependent {
    /// The referring table in a FROM list.
    pub fn source(&self) -> String {
        format!("{}{}", only(self.kind), sql::qualified(&self.schema, &self.name))
    }
}

/// Tables that inherit are datasets of their own; partitions are not.
fn only(kind: Kind) -> &'static str {
    if kind == Kind::Plain { "ONLY " } else { "" }
}

impl Column {
    /// Reads the column of row `t` in the form that [`Wire`] says, also should its type have been changed meanwhile.
    pub fn read(&self) -> String {
        format!("t.{}::{}", sql::identifier(&self.name), self.wire.parameter().0)
    }

    /// Makes a value of this column of a parameter. The cast is to the type without its modifier: a longer text then
    /// is an error of the assignment, where a cast to `varchar(3)[]` would cut it off.
    pub fn write(&self, parameter: &str) -> String {
        match self.wire == Wire::Cast || self.facts.is_citext {
            // The cast knows no `-`, which is how the type prints that there is none.
            true if self.facts.name == "regclass" => format!("regclassin(textout({parameter}))"),
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

    /// The table in a FROM list.
    pub fn source(&self) -> String {
        format!("{}{} AS t", only(self.kind), self.quoted())
    }

    /// Its rows have `ctid` and `xmin` of this server.
    pub fn is_stored(&self) -> bool {
        matches!(self.kind, Kind::Plain | Kind::Partitioned | Kind::Materialized) && !self.foreign_parts
    }

    /// Some column holds names of other objects of the database.
    pub fn names_objects(&self) -> bool {
        let by_name = |name: &str| name.starts_with("reg") || name.starts_with("aclitem");
        self.columns.iter().any(|column| by_name(&column.facts.name))
    }

    /// COPY goes into it, past no rule.
    pub fn takes_copy(&self) -> bool {
        self.writable && self.is_stored() && !self.rules
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
            empty_is_null: false,
            ordered: column.ordered && in_sorted_key(column),
        });
        let primary = self.unique.iter().find(|key| key.primary);
        DatasetSchema {
            name: self.full_name(),
            columns: columns.collect(),
            primary_key: primary.map(|key| key.columns.clone()).unwrap_or_default(),
            unique_keys: self.unique.iter().map(|key| key.columns.clone()).collect(),
            estimated_rows,
            transforms: self.triggers || self.rules || self.kind == Kind::View,
            references: self.references.clone(),
            writable: self.writable,
        }
    }
}
