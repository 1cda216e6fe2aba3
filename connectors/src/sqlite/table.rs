//! One table under a mapping: the statements' parts, and what else is touched when its records are written.

use std::sync::Arc;

use pinksync_engine::key::{Key, KeyRange};
use pinksync_engine::row::{SideColumn, SideSpec};
use pinksync_engine::schema::{DatasetSchema, FieldType, Fold};
use pinksync_engine::{Error, ErrorKind, Result, Value, Values};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Row as SqlRow, params_from_iter};

use super::error::during;
use super::foreign_keys::ForeignKeys;
use super::schema::{self, Declared, quoted};
use super::types::{self, Affinity};

/// A table or view opened under a mapping.
#[derive(Debug)]
pub struct Table {
    pub spec: Arc<SideSpec>,
    pub name: String,
    /// Rows come in encoded key order by an index.
    pub ordered: bool,
    /// Of each column of the spec.
    pub affinities: Vec<Affinity>,
    /// Of each column of the spec: computed by the database.
    generated: Vec<bool>,
    /// All columns that can be written, mapped or not.
    pub stored: Vec<String>,
    pub foreign_keys: ForeignKeys,
    /// A record's write is undone by a savepoint, since a trigger or a later check may leave half of it.
    pub savepoints: bool,
    /// A key as it is looked up may be spelled otherwise in the table.
    pub respelled_keys: bool,
    /// Some key column may hold NULL.
    pub nullable_key: bool,
    /// Statements of every single write, made once.
    pub statements: Statements,
}

/// Statements that look the same for every record.
#[derive(Debug, Default)]
pub struct Statements {
    /// The mapped columns of the rows of one key; two of them are enough to know that it is not unique.
    find: String,
    /// A record of the spec's writable columns, in their order.
    pub create: String,
    /// All stored columns of the row of one key.
    pub image: String,
    pub delete: String,
}

impl Table {
    /// Compares the mapping with the table.
    ///
    /// # Errors
    /// `Definition` where the table or one of the mapped columns is not there.
    pub fn open(connection: &Connection, spec: Arc<SideSpec>, described: &DatasetSchema) -> Result<Self> {
        let Some(relation) = schema::relation(connection, &spec.dataset)? else {
            return Err(mismatch(format!("there is no table `{}`", spec.dataset)));
        };
        let declared = schema::columns(connection, &relation)?;
        let mapped =
            spec.columns
                .iter()
                .map(|column| {
                    declared.iter().find(|declared| declared.name == column.name).ok_or_else(|| {
                        mismatch(format!("the table `{}` has no column `{}`", relation.name, column.name))
                    })
                })
                .collect::<Result<Vec<&Declared>>>()?;
        let foreign_keys = ForeignKeys::of(connection, &relation.name, &declared)?;
        let triggers = schema::has_triggers(connection, &relation)?;
        let mut table = Self {
            ordered: spec.ordered && in_key_order(&spec, described),
            affinities: mapped.iter().map(|column| column.affinity).collect(),
            generated: mapped.iter().map(|column| column.generated).collect(),
            nullable_key: spec.key.iter().any(|&index| !mapped[index].not_null),
            respelled_keys: spec.key.iter().any(|&index| is_respelled(&spec.columns[index], mapped[index])),
            stored: declared.iter().filter(|column| !column.generated).map(|column| column.name.clone()).collect(),
            savepoints: triggers || !foreign_keys.orphaned.is_empty(),
            foreign_keys,
            name: relation.name,
            spec,
            statements: Statements::default(),
        };
        table.statements = Statements::of(&table);
        Ok(table)
    }

    pub fn quoted_name(&self) -> String {
        quoted(&self.name)
    }

    /// The mapped columns, for a select list.
    pub fn columns(&self) -> String {
        list(self.spec.columns.iter().map(|column| &column.name))
    }

    pub fn key_columns(&self) -> String {
        list(self.spec.key.iter().map(|&index| &self.spec.columns[index].name))
    }

    /// A column of the spec that this side may write.
    pub fn is_writable(&self, index: usize) -> bool {
        !self.generated[index] && (self.spec.columns[index].writable || self.spec.key.contains(&index))
    }

    /// The statement that adds a record. `OR ABORT`: a constraint that says ON CONFLICT REPLACE or IGNORE must not hit
    /// other rows or pass in silence.
    pub fn insert(&self, names: &[&String]) -> String {
        let places = vec!["?"; names.len()].join(", ");
        let names = list(names.iter().copied());
        format!("INSERT OR ABORT INTO {} ({names}) VALUES ({places})", self.quoted_name())
    }

    /// The condition for one key, on the columns of `alias`; its parameters are [`Table::key_parameters`].
    pub fn by_key(&self, alias: &str) -> String {
        let part = |&index: &usize| {
            let places = if self.affinities[index] == Affinity::None { "IN (?, ?)" } else { "= ?" };
            format!("{alias}.{} {places}", quoted(&self.spec.columns[index].name))
        };
        self.spec.key.iter().map(part).collect::<Vec<_>>().join(" AND ")
    }

    /// A column that keeps whatever class it is given is also compared with the number that a text may stand for.
    pub fn key_parameters<'a>(&'a self, key: &'a [Value]) -> impl Iterator<Item = ToSqlOutput<'a>> {
        key.iter().zip(&self.spec.key).flat_map(|(part, &index)| {
            let number = (self.affinities[index] == Affinity::None).then(|| types::as_number_or_given(part));
            std::iter::once(types::as_given(part)).chain(number)
        })
    }

    /// The condition for a range of keys and its parameters; without the word WHERE, never empty.
    pub fn in_range(&self, range: &KeyRange) -> Result<(String, Vec<Value>)> {
        let columns = format!("({})", self.key_columns());
        let places = format!("({})", vec!["?"; self.spec.key.len()].join(", "));
        let mut conditions = Vec::new();
        let mut parameters = Vec::new();
        for (bound, comparison) in [(&range.low, ">="), (&range.high, "<")] {
            if let Some(key) = bound {
                conditions.push(format!("{columns} {comparison} {places}"));
                parameters.extend(self.native_key(key)?.iter().cloned());
            }
        }
        if self.nullable_key || conditions.is_empty() {
            conditions.push(self.key_condition("IS NOT NULL", " AND "));
        }
        Ok((conditions.join(" AND "), parameters))
    }

    /// The condition for rows that have a NULL in their key.
    pub fn null_key(&self) -> String {
        self.key_condition("IS NULL", " OR ")
    }

    fn key_condition(&self, condition: &str, joint: &str) -> String {
        let part = |&index: &usize| format!("{} {condition}", quoted(&self.spec.columns[index].name));
        format!("({})", self.spec.key.iter().map(part).collect::<Vec<_>>().join(joint))
    }

    fn native_key(&self, key: &Key) -> Result<Values> {
        self.spec
            .native_key(key)
            .map_err(|error| Error::new(ErrorKind::Other, "read a range", error.to_string()).with_source(error))
    }

    /// The mapped columns of a row selected by [`Table::columns`].
    pub fn native(&self, row: &SqlRow<'_>) -> rusqlite::Result<Vec<Value>> {
        let column = |(index, column): (usize, &SideColumn)| Ok(types::read(row.get_ref(index)?, &column.native));
        self.spec.columns.iter().enumerate().map(column).collect()
    }

    /// Rows of this key, at most two.
    pub fn find(&self, connection: &Connection, key: &[Value]) -> Result<Vec<Vec<Value>>> {
        let error = during("look a record up");
        let mut statement = connection.prepare_cached(&self.statements.find).map_err(&error)?;
        let mut rows = statement.query(params_from_iter(self.key_parameters(key))).map_err(&error)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&error)? {
            found.push(self.native(row).map_err(&error)?);
        }
        Ok(found)
    }
}

impl Statements {
    fn of(table: &Table) -> Self {
        let (name, by_key) = (table.quoted_name(), table.by_key("t"));
        let writable = (0..table.spec.columns.len()).filter(|&index| table.is_writable(index));
        let created: Vec<&String> = writable.map(|index| &table.spec.columns[index].name).collect();
        Self {
            find: format!("SELECT {} FROM {name} AS t WHERE {by_key} LIMIT 2", table.columns()),
            create: table.insert(&created),
            image: format!("SELECT {} FROM {name} AS t WHERE {by_key}", list(table.stored.iter())),
            delete: format!("DELETE FROM {name} AS t WHERE {by_key}"),
        }
    }
}

fn mismatch(message: String) -> Error {
    Error::new(ErrorKind::Definition, "open the table", message)
        .with_remedy("compare the dataset in the sync file with the database")
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// SQLite's own order of the key columns is that of encoded keys, and an index gives it.
fn in_key_order(spec: &SideSpec, described: &DatasetSchema) -> bool {
    let key: Vec<&String> = spec.key.iter().map(|&index| &spec.columns[index].name).collect();
    let indexed = described.unique_keys.iter().any(|unique| unique.iter().collect::<Vec<_>>().starts_with(&key));
    indexed
        && spec.key.iter().all(|&index| {
            let column = &spec.columns[index];
            let by_bytes = match (&column.native, &column.common) {
                (FieldType::Int { .. }, FieldType::Int { .. }) => true,
                (FieldType::Text { .. }, FieldType::Text { fold, .. }) => *fold == Fold::None,
                _ => false,
            };
            by_bytes && described.column(&column.name).is_some_and(|column| column.ordered)
        })
}

/// The text in a key column may not be the canonical text that a decoded key gives (`007`, a UUID in capitals).
fn is_respelled(column: &SideColumn, declared: &Declared) -> bool {
    match (&column.native, &column.common) {
        (FieldType::Text { .. }, FieldType::Text { fold, .. }) => *fold != declared.fold(),
        (FieldType::Text { .. }, _) => true,
        _ => false,
    }
}
