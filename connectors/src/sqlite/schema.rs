//! What the database says about its tables: columns with types by affinity, keys, references, triggers.

use pinksync_engine::Result;
use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType, Fold};
use rusqlite::{Connection, OptionalExtension};

use super::error::during;
use super::types::Affinity;

/// A table or view as the catalogue lists it.
#[derive(Debug, Clone)]
pub struct Relation {
    pub name: String,
    pub is_table: bool,
    pub without_rowid: bool,
    pub strict: bool,
}

/// A column as the catalogue lists it.
#[derive(Debug, Clone)]
pub struct Declared {
    pub name: String,
    pub declared_type: String,
    pub not_null: bool,
    /// 1-based place in the primary key; 0: not part of it.
    pub key_place: u32,
    pub generated: bool,
    /// As SQLite names it; `BINARY` unless declared otherwise.
    pub collation: String,
    pub affinity: Affinity,
}

impl Declared {
    /// What the column's comparison does not see.
    pub fn fold(&self) -> Fold {
        match self.collation.as_str() {
            "NOCASE" => Fold::AsciiCase,
            "RTRIM" => Fold::TrailingSpace,
            _ => Fold::None,
        }
    }
}

const READ_SCHEMA: &str = "read the schema";

/// Names of tables and views, sorted.
pub fn names(connection: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view')
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut statement = connection.prepare(sql).map_err(during(READ_SCHEMA))?;
    let names = statement.query_map([], |row| row.get(0)).and_then(Iterator::collect);
    names.map_err(during(READ_SCHEMA))
}

/// Finds a table or view; letters' case does not count, as in SQLite.
pub fn relation(connection: &Connection, name: &str) -> Result<Option<Relation>> {
    let sql = "SELECT name, type = 'table', wr, strict FROM pragma_table_list
               WHERE schema = 'main' AND name = ?1 COLLATE NOCASE AND type IN ('table', 'view', 'virtual')";
    connection
        .query_row(sql, [name], |row| {
            Ok(Relation { name: row.get(0)?, is_table: row.get(1)?, without_rowid: row.get(2)?, strict: row.get(3)? })
        })
        .optional()
        .map_err(during(READ_SCHEMA))
}

/// Columns in declared order, without those that a virtual table hides.
pub fn columns(connection: &Connection, relation: &Relation) -> Result<Vec<Declared>> {
    let sql = r#"SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?1) WHERE hidden <> 1"#;
    let mut statement = connection.prepare(sql).map_err(during(READ_SCHEMA))?;
    let rows = statement.query_map([&relation.name], |row| {
        let declared_type: String = row.get(1)?;
        let hidden: i64 = row.get(4)?;
        Ok(Declared {
            name: row.get(0)?,
            affinity: Affinity::of(&declared_type, relation.strict),
            declared_type,
            not_null: row.get(2)?,
            key_place: row.get(3)?,
            generated: hidden == 2 || hidden == 3,
            collation: "BINARY".to_owned(),
        })
    });
    let mut columns: Vec<Declared> = rows.and_then(Iterator::collect).map_err(during(READ_SCHEMA))?;
    if relation.is_table {
        for column in &mut columns {
            let metadata = connection.column_metadata(None, relation.name.as_str(), column.name.as_str());
            if let Some(collation) = metadata.map_err(during(READ_SCHEMA))?.1 {
                column.collation = collation.to_string_lossy().to_ascii_uppercase();
            }
        }
        mark_key_columns(connection, relation, &mut columns)?;
    }
    Ok(columns)
}

/// Key columns that cannot be NULL although nobody said so: the row id's alias, and those of STRICT and
/// WITHOUT ROWID tables. (Other tables do take NULL in a primary key.)
fn mark_key_columns(connection: &Connection, relation: &Relation, columns: &mut [Declared]) -> Result<()> {
    let key: Vec<usize> = (0..columns.len()).filter(|&index| columns[index].key_place > 0).collect();
    let alias = match key[..] {
        [only] => columns[only].declared_type.eq_ignore_ascii_case("INTEGER") && !has_key_index(connection, relation)?,
        _ => false,
    };
    if alias || relation.strict || relation.without_rowid {
        for index in key {
            columns[index].not_null = true;
        }
    }
    Ok(())
}

fn has_key_index(connection: &Connection, relation: &Relation) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')";
    connection.query_row(sql, [&relation.name], |row| row.get(0)).map_err(during(READ_SCHEMA))
}

/// The primary key's columns in key order.
pub fn primary_key(columns: &[Declared]) -> Vec<String> {
    let mut key: Vec<&Declared> = columns.iter().filter(|column| column.key_place > 0).collect();
    key.sort_by_key(|column| column.key_place);
    key.into_iter().map(|column| column.name.clone()).collect()
}

/// The primary key, and unique indexes over columns that are never NULL, compared as the columns themselves are.
fn unique_keys(connection: &Connection, relation: &Relation, columns: &[Declared]) -> Result<Vec<Vec<String>>> {
    let mut keys: Vec<Vec<String>> = Vec::new();
    let primary = primary_key(columns);
    if !primary.is_empty() {
        keys.push(primary);
    }
    let sql =
        r#"SELECT name FROM pragma_index_list(?1) WHERE "unique" AND NOT partial AND origin <> 'pk' ORDER BY name"#;
    let mut statement = connection.prepare(sql).map_err(during(READ_SCHEMA))?;
    let indexes: Vec<String> = statement
        .query_map([&relation.name], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(during(READ_SCHEMA))?;
    for index in indexes {
        if let Some(key) = index_columns(connection, &index, columns)?.filter(|key| !keys.contains(key)) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// The columns of an index; `None` where it has an expression, a nullable column or a collation of its own.
fn index_columns(connection: &Connection, index: &str, columns: &[Declared]) -> Result<Option<Vec<String>>> {
    let sql = "SELECT name, coll FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno";
    let mut statement = connection.prepare(sql).map_err(during(READ_SCHEMA))?;
    let parts: Vec<(Option<String>, Option<String>)> = statement
        .query_map([index], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .map_err(during(READ_SCHEMA))?;
    let column = |(name, collation): (Option<String>, Option<String>)| {
        let column = columns.iter().find(|column| Some(&column.name) == name.as_ref())?;
        let same = collation.is_some_and(|collation| collation.eq_ignore_ascii_case(&column.collation));
        (column.not_null && same).then(|| column.name.clone())
    };
    Ok(parts.into_iter().map(column).collect())
}

/// Everything about a table or view; `None` where there is none of that name.
pub fn describe(connection: &Connection, name: &str) -> Result<Option<DatasetSchema>> {
    let Some(relation) = relation(connection, name)? else {
        return Ok(None);
    };
    let columns = columns(connection, &relation)?;
    let unique_keys = unique_keys(connection, &relation, &columns)?;
    let by_bytes = has_utf8_text(connection)?;
    let indexed = |name: &String| unique_keys.iter().any(|key| key.contains(name));
    let described = columns.iter().map(|column| {
        let (ty, carrier) = field_type(column);
        let ordered = match column.affinity {
            Affinity::Integer => matches!(ty, FieldType::Int { .. }),
            Affinity::Text => column.collation == "BINARY" && by_bytes,
            Affinity::Real | Affinity::Numeric | Affinity::None => false,
        };
        ColumnSchema {
            name: column.name.clone(),
            ty,
            carrier,
            native: column.declared_type.clone(),
            nullable: !column.not_null,
            writable: !column.generated,
            empty_is_null: false,
            ordered: ordered && indexed(&column.name),
        }
    });
    Ok(Some(DatasetSchema {
        columns: described.collect(),
        primary_key: primary_key(&columns),
        unique_keys: unique_keys.clone(),
        estimated_rows: Some(count(connection, &relation)?),
        transforms: has_triggers(connection, &relation)?,
        references: references(connection, &relation)?,
        writable: relation.is_table && !connection.is_readonly("main").map_err(during(READ_SCHEMA))?,
        name: relation.name,
    }))
}

/// Text is compared by bytes of its encoding; only those of UTF-8 are in the order of encoded keys.
fn has_utf8_text(connection: &Connection) -> Result<bool> {
    let encoding: String =
        connection.query_row("PRAGMA encoding", [], |row| row.get(0)).map_err(during(READ_SCHEMA))?;
    Ok(encoding == "UTF-8")
}

fn count(connection: &Connection, relation: &Relation) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", quoted(&relation.name));
    let count: i64 = connection.query_row(&sql, [], |row| row.get(0)).map_err(during("count the records"))?;
    Ok(count.unsigned_abs())
}

pub fn has_triggers(connection: &Connection, relation: &Relation) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE)";
    connection.query_row(sql, [&relation.name], |row| row.get(0)).map_err(during(READ_SCHEMA))
}

fn references(connection: &Connection, relation: &Relation) -> Result<Vec<String>> {
    let sql = r#"SELECT DISTINCT coalesce(t.name, f."table") FROM pragma_foreign_key_list(?1) f
                 LEFT JOIN pragma_table_list t ON t.schema = 'main' AND t.name = f."table" COLLATE NOCASE
                 WHERE f."table" <> ?1 COLLATE NOCASE ORDER BY 1"#;
    let mut statement = connection.prepare(sql).map_err(during(READ_SCHEMA))?;
    let names = statement.query_map([&relation.name], |row| row.get(0)).and_then(Iterator::collect);
    names.map_err(during(READ_SCHEMA))
}

/// The type a declaration stands for, and how faithfully the column holds it.
pub fn field_type(column: &Declared) -> (FieldType, Carrier) {
    let text = FieldType::Text { max_chars: None, fold: column.fold() };
    let declared = column.declared_type.to_ascii_uppercase();
    let word = declared.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    match column.affinity {
        Affinity::Integer => (FieldType::Int { bits: 64 }, Carrier::Typed),
        Affinity::Real => (FieldType::Float { bits: 64 }, Carrier::Typed),
        Affinity::Text => (text, Carrier::Text),
        Affinity::None if declared.contains("BLOB") => (FieldType::Bytes, Carrier::Typed),
        Affinity::None => (text, Carrier::Text),
        Affinity::Numeric => match word {
            "BOOL" | "BOOLEAN" => (FieldType::Bool, Carrier::Typed),
            "JSON" => (FieldType::Json, Carrier::Typed),
            "DEC" | "DECIMAL" | "NUMERIC" | "NUMBER" => (decimal(&declared), Carrier::Float64),
            _ => (text, Carrier::Text),
        },
    }
}

/// `DECIMAL(10,2)`, `NUMERIC(5)`, `DECIMAL`.
fn decimal(declared: &str) -> FieldType {
    let arguments = declared.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inner, _)| inner);
    let mut numbers = arguments.split(',').map(|number| number.trim().parse::<i32>().ok());
    let precision = numbers.next().flatten().and_then(|number| u16::try_from(number).ok());
    let scale = match numbers.next() {
        Some(scale) => scale.and_then(|number| i16::try_from(number).ok()),
        None => precision.map(|_| 0),
    };
    FieldType::Decimal { precision, scale }
}

/// A name inside a statement. Not in double quotes, since SQLite takes an unknown name in those for a text.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests;
