//! A small database, its tables opened under a mapping of all their columns.

use std::path::PathBuf;
use std::sync::Arc;

use pinksync_connectors::sqlite::Sqlite;
use pinksync_engine::connector::{Change, Dataset, Found, Guard, Outcome, Page, System, Write};
use pinksync_engine::key::KeyRange;
use pinksync_engine::row::{Row, SideColumn, SideSpec};
use pinksync_engine::schema::{ColumnSchema, FieldType};
use pinksync_engine::{Value, reduce};
use pinksync_model::SqliteSettings;
use rusqlite::Connection;
use tempfile::TempDir;

pub struct Database {
    folder: TempDir,
    pub system: Arc<dyn System>,
    /// Somebody else's connection.
    pub other: Connection,
}

impl Database {
    pub fn new(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let other = Connection::open(folder.path().join("test.db")).unwrap();
        other.execute_batch(sql).unwrap();
        let system = open(&folder);
        Self { folder, system, other }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    /// The same file as another side would open it.
    pub fn open_again(&self) -> Arc<dyn System> {
        open(&self.folder)
    }

    pub fn ask<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.other.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub async fn table(&self, name: &str, key: &[&str]) -> Table {
        self.table_with(name, key, |_| {}).await
    }

    /// A table whose mapping is changed before it is opened.
    pub async fn table_with(&self, name: &str, key: &[&str], change: impl FnOnce(&mut SideSpec)) -> Table {
        table_of(&self.system, name, key, change).await
    }
}

fn open(folder: &TempDir) -> Arc<dyn System> {
    Sqlite::open(&SqliteSettings { path: "test.db".to_owned() }, folder.path()).unwrap()
}

pub async fn table_of(system: &Arc<dyn System>, name: &str, key: &[&str], change: impl FnOnce(&mut SideSpec)) -> Table {
    let schema = system.describe(name).await.unwrap().unwrap();
    let side = |column: &ColumnSchema| SideColumn {
        name: column.name.clone(),
        native: reduce::native(column),
        common: column.ty.clone(),
        writable: column.writable,
        empty_is_null: false,
    };
    let position = |name: &&str| schema.columns.iter().position(|column| column.name == **name).unwrap();
    let mut spec = SideSpec {
        dataset: name.to_owned(),
        columns: schema.columns.iter().map(side).collect(),
        key: key.iter().map(position).collect(),
        modified_at: None,
        filter: None,
        ordered: true,
        max_record_bytes: 10_000_000,
        batch_size: 1000,
    };
    change(&mut spec);
    Table { dataset: system.open(Arc::new(spec), &schema).await.unwrap() }
}

/// Changes the type that both sides of a column were reduced to.
pub fn common(spec: &mut SideSpec, name: &str, ty: FieldType) {
    let column = spec.columns.iter_mut().find(|column| column.name == name).unwrap();
    column.common = ty;
}

pub struct Table {
    pub dataset: Arc<dyn Dataset>,
}

impl Table {
    pub async fn page(&self, range: KeyRange, budget: usize) -> Page {
        let mut transaction = self.dataset.begin(Guard::Snapshot).await.unwrap();
        let page = transaction.read(&range, budget).await.unwrap();
        transaction.rollback().await.unwrap();
        page
    }

    pub async fn rows(&self) -> Vec<Row> {
        let page = self.page(KeyRange::default(), usize::MAX).await;
        assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
        page.rows
    }

    pub async fn find(&self, key: Value) -> Found {
        let mut transaction = self.dataset.begin(Guard::Compare).await.unwrap();
        transaction.lookup(&[[key].into()]).await.unwrap().pop().unwrap()
    }

    pub async fn row(&self, key: Value) -> Row {
        match self.find(key).await {
            Found::Row(row) => row,
            other => panic!("{other:?}"),
        }
    }

    pub fn create(&self, values: Vec<Value>) -> Write {
        let key = self.dataset.spec().key.iter().map(|&index| values[index].clone()).collect();
        Write { key, expect: None, change: Change::Create(values.into()) }
    }

    pub fn update(&self, row: &Row, set: Vec<(usize, Value)>) -> Write {
        Write { key: row.native_key(self.dataset.spec()), expect: Some(row.hash), change: Change::Update(set) }
    }

    pub fn delete(&self, row: &Row) -> Write {
        Write { key: row.native_key(self.dataset.spec()), expect: Some(row.hash), change: Change::Delete }
    }

    /// Writes and commits.
    pub async fn apply(&self, writes: Vec<Write>) -> Vec<Outcome> {
        let mut transaction = self.dataset.begin(Guard::Compare).await.unwrap();
        let outcomes = transaction.write(writes).await.unwrap();
        transaction.commit().await.unwrap();
        outcomes
    }
}

/// The code of a refusal and whether to try again.
pub fn refusal(outcome: &Outcome) -> (&str, bool) {
    match outcome {
        Outcome::Rejected(refusal) => (refusal.code.as_str(), refusal.retry),
        other => panic!("{other:?} instead of a refusal"),
    }
}
