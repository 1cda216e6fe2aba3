//! A PostgreSQL database and its partner, another one or a SQLite file, worked on by the same statements.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::support::{Cells, Flow};

/// What the source's partner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partner {
    Postgres,
    Sqlite,
}

/// The source is PostgreSQL, the target as it is called for.
pub struct Pair {
    pub flow: Flow,
    pub partner: Partner,
}

impl Pair {
    /// The table `t` on both sides; `sqlite` are its columns where the partner is SQLite.
    pub fn new(partner: Partner, postgres: &str, sqlite: &str) -> Self {
        let pair = Self { flow: Flow::new(), partner };
        pair.source(&format!("CREATE TABLE t ({postgres})"));
        match partner {
            Partner::Postgres => pair.target(&format!("CREATE TABLE t ({postgres})")),
            Partner::Sqlite => pair.target(&format!("CREATE TABLE t ({sqlite})")),
        }
        pair
    }

    /// Writes `sync.yaml` with one dataset, the table `t`.
    pub fn sync(&self, rest: &str, dataset: &str) {
        let (target, name) = match self.partner {
            Partner::Postgres => (self.flow.target.side(), "public.t"),
            Partner::Sqlite => ("{ type: sqlite, path: shop.db }".to_owned(), "t"),
        };
        let dataset = format!("datasets:\n  - {{ source: public.t, target: {name}, {dataset} }}\n");
        self.flow.sync_to(&target, &format!("{rest}{dataset}"));
    }

    pub fn source(&self, sql: &str) {
        self.flow.source(sql);
    }

    pub fn target(&self, sql: &str) {
        match self.partner {
            Partner::Postgres => self.flow.target(sql),
            Partner::Sqlite => self.shop().execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}")),
        }
    }

    pub fn source_rows(&self, sql: &str) -> Vec<Cells> {
        self.flow.source_rows(sql)
    }

    pub fn target_rows(&self, sql: &str) -> Vec<Cells> {
        match self.partner {
            Partner::Postgres => self.flow.target_rows(sql),
            Partner::Sqlite => sqlite_rows(&self.shop(), sql),
        }
    }

    /// SQLite's file, with patience for whoever else writes to it.
    pub fn shop(&self) -> Connection {
        let shop = Connection::open(self.flow.path("shop.db")).unwrap();
        shop.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
        shop
    }
}

/// Rows as PostgreSQL would print them.
pub fn sqlite_rows(database: &Connection, sql: &str) -> Vec<Cells> {
    let mut statement = database.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let columns = statement.column_count();
    let cell = |value: Value| match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Text(text) => Some(text),
        Value::Blob(bytes) => Some(bytes.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"))),
    };
    let rows = statement.query_map([], |row| (0..columns).map(|index| Ok(cell(row.get(index)?))).collect()).unwrap();
    rows.map(Result::unwrap).collect()
}
