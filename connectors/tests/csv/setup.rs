//! A folder with one file, opened under a mapping of all its columns.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinksync_connectors::csv::Csv;
use pinksync_connectors::origin::Origin;
use pinksync_engine::connector::{Change, Chunk, Dataset, Found, Guard, Outcome, System, Write};
use pinksync_engine::row::{Row, SideColumn, SideSpec, Unreadable};
use pinksync_engine::schema::FieldType;
use pinksync_engine::{Result, Value};
use pinksync_model::{CsvSettings, FileSettings};
use tempfile::TempDir;
use tokio::sync::mpsc;

pub struct Folder {
    folder: TempDir,
    name: String,
    pub system: Arc<dyn System>,
}

impl Folder {
    pub fn new(name: &str, content: &[u8]) -> Self {
        Self::with(name, content, CsvSettings::default())
    }

    pub fn with(name: &str, content: &[u8], csv: CsvSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), content).unwrap();
        let system =
            Csv::open(&FileSettings { path: ".".to_owned(), csv }, &Origin::new(folder.path(), "test")).unwrap();
        Self { folder, name: name.to_owned(), system }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    /// Names of what lies in the folder, sorted.
    pub fn listing(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The file with `id` as its key.
    pub async fn file(&self) -> File {
        self.file_with(|_| {}).await
    }

    pub async fn file_with(&self, change: impl FnOnce(&mut SideSpec)) -> File {
        let schema = self.system.describe(&self.name).await.unwrap().unwrap();
        let column = |name: &String| SideColumn {
            name: name.clone(),
            native: FieldType::TEXT,
            common: FieldType::TEXT,
            writable: true,
            empty_is_null: false,
        };
        let mut spec = SideSpec {
            dataset: self.name.clone(),
            columns: schema.columns.iter().map(|described| column(&described.name)).collect(),
            key: [schema.columns.iter().position(|column| column.name == "id").unwrap()].into(),
            modified_at: None,
            filter: None,
            ordered: false,
            max_record_bytes: 10_000_000,
            batch_size: 1000,
        };
        change(&mut spec);
        File { dataset: self.system.open(Arc::new(spec), &schema).await.unwrap() }
    }
}

pub struct File {
    pub dataset: Arc<dyn Dataset>,
}

impl File {
    pub async fn try_scan(&self) -> Result<(Vec<Row>, Vec<Unreadable>)> {
        let (sender, mut receiver) = mpsc::channel::<Chunk>(1);
        let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
        let collect = async {
            while let Some(mut chunk) = receiver.recv().await {
                assert!(chunk.rows.len() + chunk.unreadable.len() <= 1000);
                rows.append(&mut chunk.rows);
                unreadable.append(&mut chunk.unreadable);
            }
        };
        let (scanned, ()) = tokio::join!(self.dataset.scan(sender), collect);
        scanned.map(|()| (rows, unreadable))
    }

    pub async fn scan(&self) -> (Vec<Row>, Vec<Unreadable>) {
        self.try_scan().await.unwrap()
    }

    /// All records, none of them unreadable, in the file's order.
    pub async fn rows(&self) -> Vec<Row> {
        let (rows, unreadable) = self.scan().await;
        assert!(unreadable.is_empty(), "{unreadable:?}");
        rows
    }

    pub async fn find(&self, key: &str) -> Found {
        let mut transaction = self.dataset.begin(Guard::Compare).await.unwrap();
        transaction.lookup(&[[Value::text(key)].into()]).await.unwrap().pop().unwrap()
    }

    pub async fn row(&self, key: &str) -> Row {
        match self.find(key).await {
            Found::Row(row) => row,
            other => panic!("{other:?}"),
        }
    }

    pub fn create(&self, fields: &[&str]) -> Write {
        let values: Vec<Value> = fields.iter().map(|field| text(field)).collect();
        let key = self.dataset.spec().key.iter().map(|&index| values[index].clone()).collect();
        Write { key, expect: None, change: Change::Create(values.into()) }
    }

    pub fn update(&self, row: &Row, set: &[(usize, &str)]) -> Write {
        let set = set.iter().map(|(index, field)| (*index, text(field))).collect();
        Write { key: row.native_key(self.dataset.spec()), expect: Some(row.hash), change: Change::Update(set) }
    }

    pub fn delete(&self, row: &Row) -> Write {
        Write { key: row.native_key(self.dataset.spec()), expect: Some(row.hash), change: Change::Delete }
    }

    /// Writes and commits; publishes nothing.
    pub async fn collect(&self, writes: Vec<Write>) -> Vec<Outcome> {
        let mut transaction = self.dataset.begin(Guard::Compare).await.unwrap();
        let outcomes = transaction.write(writes).await.unwrap();
        transaction.commit().await.unwrap();
        outcomes
    }

    pub async fn apply(&self, writes: Vec<Write>) -> Vec<Outcome> {
        let outcomes = self.collect(writes).await;
        self.dataset.publish().await.unwrap();
        outcomes
    }
}

/// A field; NULL where it is empty.
pub fn text(field: &str) -> Value {
    if field.is_empty() { Value::Null } else { Value::text(field) }
}

pub fn refusal(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Rejected(refusal) => &refusal.code,
        other => panic!("{other:?} instead of a refusal"),
    }
}
