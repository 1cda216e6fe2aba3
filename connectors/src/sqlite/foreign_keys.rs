//! Foreign keys that SQLite does not guard at the time of a write: those that take other records along when one is
//! deleted, and deferred ones, which fail only at commit.

use pinksync_engine::Result;
use rusqlite::Connection;

use super::error::during;
use super::schema::{self, Declared, quoted};

/// Conditions to be asked about a row around its write.
#[derive(Debug, Default)]
pub struct ForeignKeys {
    /// Under which a row `c` of this table has no parent, by its deferred foreign keys.
    pub orphaned: Vec<String>,
    pub dependents: Vec<Dependent>,
}

/// Another table (or this one) whose rows reference rows of this table.
#[derive(Debug)]
pub struct Dependent {
    pub table: String,
    /// Under which a row `p` of this table has such rows.
    pub condition: String,
    /// They would be deleted or changed with it; otherwise the commit would fail.
    pub taken_along: bool,
}

/// One foreign key as the catalogue lists it.
struct ForeignKey {
    child: String,
    parent: String,
    on_delete: String,
    /// Columns of child and parent; no parent column means its primary key.
    columns: Vec<(String, Option<String>)>,
    /// The child's CREATE statement says so somewhere.
    deferred: bool,
}

impl ForeignKeys {
    pub fn of(connection: &Connection, table: &str, columns: &[Declared]) -> Result<Self> {
        let mut found = Self::default();
        for foreign_key in all(connection)? {
            if foreign_key.child.eq_ignore_ascii_case(table) && foreign_key.deferred {
                found.orphaned.extend(orphaned(connection, &foreign_key)?);
            }
            if foreign_key.parent.eq_ignore_ascii_case(table) {
                found.dependents.extend(dependent(&foreign_key, columns));
            }
        }
        Ok(found)
    }
}

fn all(connection: &Connection) -> Result<Vec<ForeignKey>> {
    let error = during("read the foreign keys");
    let sql = r#"SELECT s.name, s.sql, f.id, f."table", f.on_delete, f."from", f."to"
                 FROM sqlite_schema s, pragma_foreign_key_list(s.name) f
                 WHERE s.type = 'table' ORDER BY s.name, f.id, f.seq"#;
    let mut statement = connection.prepare(sql).map_err(&error)?;
    let mut rows = statement.query([]).map_err(&error)?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    while let Some(row) = rows.next().map_err(&error)? {
        let mut part = || -> rusqlite::Result<()> {
            let (child, id): (String, i64) = (row.get(0)?, row.get(2)?);
            let columns = (row.get(5)?, row.get(6)?);
            if let Some((_, last)) = keys.last_mut().filter(|(other, last)| *other == id && last.child == child) {
                last.columns.push(columns);
                return Ok(());
            }
            let deferred = row.get::<_, String>(1)?.to_ascii_lowercase().contains("deferred");
            let key =
                ForeignKey { child, parent: row.get(3)?, on_delete: row.get(4)?, columns: vec![columns], deferred };
            keys.push((id, key));
            Ok(())
        };
        part().map_err(&error)?;
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// The condition under which a row `c` of the child has no parent; `None` where the parent's columns are not known.
fn orphaned(connection: &Connection, foreign_key: &ForeignKey) -> Result<Option<String>> {
    let Some(parent) = schema::relation(connection, &foreign_key.parent)? else {
        return Ok(None);
    };
    let Some(pairs) = pairs(foreign_key, &schema::columns(connection, &parent)?) else {
        return Ok(None);
    };
    let set: Vec<String> = pairs.iter().map(|(from, _)| format!("c.{from} IS NOT NULL")).collect();
    let parent = quoted(&foreign_key.parent);
    Ok(Some(format!("{} AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {})", set.join(" AND "), equal(&pairs))))
}

fn dependent(foreign_key: &ForeignKey, columns: &[Declared]) -> Option<Dependent> {
    let taken_along = matches!(foreign_key.on_delete.as_str(), "CASCADE" | "SET NULL" | "SET DEFAULT");
    if !taken_along && !foreign_key.deferred {
        return None;
    }
    let pairs = pairs(foreign_key, columns)?;
    let itself = match foreign_key.child.eq_ignore_ascii_case(&foreign_key.parent) {
        true => {
            let key = schema::primary_key(columns);
            let same = key.iter().map(|name| format!("c.{0} IS p.{0}", quoted(name))).collect::<Vec<_>>();
            let same = if same.is_empty() { "c.rowid = p.rowid".to_owned() } else { same.join(" AND ") };
            format!(" AND NOT ({same})")
        }
        false => String::new(),
    };
    let child = quoted(&foreign_key.child);
    let condition = format!("EXISTS (SELECT 1 FROM {child} AS c WHERE {}{itself})", equal(&pairs));
    Some(Dependent { table: foreign_key.child.clone(), condition, taken_along })
}

/// Quoted columns of child and parent.
fn pairs(foreign_key: &ForeignKey, parent_columns: &[Declared]) -> Option<Vec<(String, String)>> {
    let primary = schema::primary_key(parent_columns);
    let pair = |(index, (from, to)): (usize, &(String, Option<String>))| {
        let to = to.as_ref().or_else(|| primary.get(index))?;
        Some((quoted(from), quoted(to)))
    };
    foreign_key.columns.iter().enumerate().map(pair).collect()
}

/// The parent stands on the left: its collation is the one that counts.
fn equal(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(from, to)| format!("p.{to} = c.{from}")).collect::<Vec<_>>().join(" AND ")
}
