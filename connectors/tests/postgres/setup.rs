//! A schema of its own for each test, its tables opened under a mapping of all their columns.

use std::path::Path;
use std::sync::Arc;

use pinksync_connectors::origin::Origin;
use pinksync_connectors::postgres::Postgres;
use pinksync_engine::connector::{
    Capabilities, Change, Chunk, Dataset, Found, Guard, Outcome, Page, System, Transaction, Write,
};
use pinksync_engine::key::{self, Key, KeyRange};
use pinksync_engine::row::{Row, SideColumn, SideSpec, Unreadable};
use pinksync_engine::schema::DatasetSchema;
use pinksync_engine::{Error, Value};
use pinksync_model::{Secret, ServerSettings};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A variable that `./dev test` sets. A test without its server fails.
pub fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run ./dev test, which starts a server and sets it"))
}

pub fn server_url() -> String {
    variable("PINKSYNC_TEST_POSTGRES_URL")
}

pub fn system(url: &str) -> Arc<dyn System> {
    system_as(url, "pinksync test")
}

fn system_as(url: &str, application: &str) -> Arc<dyn System> {
    let settings = ServerSettings { url: Some(Secret::new(url)), ..ServerSettings::default() };
    Postgres::open(&settings, &Origin::new(Path::new("."), application)).unwrap()
}

/// A connection of somebody else.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
        .batch_execute("SET client_min_messages = error; SET TimeZone = 'UTC'; SET extra_float_digits = 3")
        .await
        .unwrap();
    client
}

pub struct Place {
    pub schema: String,
    pub system: Arc<dyn System>,
    pub other: Client,
}

impl Place {
    /// A fresh schema, the first in the search path of `other`, and statements carried out in it. The connector goes by
    /// its name.
    pub async fn new(schema: &str, sql: &str) -> Self {
        let url = server_url();
        let other = connect(&url).await;
        let fresh = format!(
            "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; SET search_path = {schema}, public"
        );
        other.batch_execute(&fresh).await.unwrap();
        let place = Self { schema: schema.to_owned(), system: system_as(&url, schema), other };
        place.run(sql).await;
        place
    }

    pub async fn run(&self, sql: &str) {
        self.other.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// All rows of a query as text, fields separated by `|`, NULL as `∅`.
    pub async fn ask(&self, sql: &str) -> Vec<String> {
        let messages = self.other.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let line = |message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|index| row.get(index).unwrap_or("∅").to_owned()).collect::<Vec<_>>().join("|"))
            }
            _ => None,
        };
        messages.into_iter().filter_map(line).collect()
    }

    pub async fn describe(&self, table: &str) -> DatasetSchema {
        let name = format!("{}.{table}", self.schema);
        self.system.describe(&name).await.unwrap().unwrap_or_else(|| panic!("{name} is not there"))
    }

    pub async fn open(&self, table: &str, key: &[&str]) -> Table {
        self.open_with(table, key, |_| {}).await
    }

    /// A table whose mapping is changed before it is opened.
    pub async fn open_with(&self, table: &str, key: &[&str], change: impl FnOnce(&mut SideSpec)) -> Table {
        let described = self.describe(table).await;
        let columns: Vec<SideColumn> = described.columns.iter().map(side_column).collect();
        let position = |name: &&str| columns.iter().position(|column| column.name == **name).unwrap();
        let key: Vec<usize> = key.iter().map(position).collect();
        let mut spec = SideSpec {
            dataset: described.name.clone(),
            ordered: key.iter().all(|&index| described.columns[index].ordered),
            key,
            columns,
            modified_at: None,
            filter: None,
            max_record_bytes: 10_000_000,
            batch_size: 1000,
        };
        change(&mut spec);
        let dataset = self.system.open(Arc::new(spec), &described).await.unwrap();
        Table { dataset }
    }
}

fn side_column(column: &pinksync_engine::schema::ColumnSchema) -> SideColumn {
    SideColumn {
        name: column.name.clone(),
        native: column.ty.clone(),
        common: column.ty.clone(),
        writable: column.writable,
        empty_is_null: false,
    }
}

pub struct Table {
    pub dataset: Arc<dyn Dataset>,
}

impl Table {
    pub fn capabilities(&self) -> Capabilities {
        self.dataset.capabilities()
    }

    pub async fn begin(&self, guard: Guard) -> Box<dyn Transaction> {
        self.dataset.begin(guard).await.unwrap()
    }

    pub fn key(&self, values: &[Value]) -> Key {
        let spec = self.dataset.spec();
        let types = spec.key.iter().map(|&index| &spec.columns[index].common);
        key::encode(values.iter().zip(types)).unwrap()
    }

    /// A range from one key up to another, both given by their values.
    pub fn range(&self, low: Option<&[Value]>, high: Option<&[Value]>) -> KeyRange {
        KeyRange { low: low.map(|values| self.key(values)), high: high.map(|values| self.key(values)) }
    }

    pub async fn page(&self, range: &KeyRange, budget: usize) -> Page {
        let mut transaction = self.begin(Guard::Snapshot).await;
        let page = transaction.read(range, budget).await.unwrap();
        transaction.rollback().await.unwrap();
        page
    }

    /// All rows in key order.
    pub async fn rows(&self) -> Vec<Row> {
        if !self.capabilities().ordered {
            let (mut rows, unreadable) = self.scan().await;
            assert!(unreadable.is_empty(), "{unreadable:?}");
            rows.sort_by(|a, b| a.key.cmp(&b.key));
            return rows;
        }
        let page = self.page(&KeyRange::default(), usize::MAX).await;
        assert!(page.cut.is_none() && page.unreadable.is_empty(), "{:?}", page.unreadable);
        page.rows
    }

    pub async fn scan(&self) -> (Vec<Row>, Vec<Unreadable>) {
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<Chunk>(2);
        let dataset = Arc::clone(&self.dataset);
        let scan = tokio::spawn(async move { dataset.scan(sender).await });
        let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
        while let Some(chunk) = receiver.recv().await {
            rows.extend(chunk.rows);
            unreadable.extend(chunk.unreadable);
        }
        scan.await.unwrap().unwrap();
        (rows, unreadable)
    }

    pub async fn find(&self, key: &[Value]) -> Option<Row> {
        let mut transaction = self.begin(Guard::Compare).await;
        let mut found = transaction.lookup(&[key.into()]).await.unwrap();
        transaction.rollback().await.unwrap();
        match found.pop() {
            Some(Found::Row(row)) => Some(row),
            Some(Found::Absent) => None,
            other => panic!("{other:?}"),
        }
    }

    pub fn create(&self, values: Vec<Value>) -> Write {
        let key = self.dataset.spec().key.iter().map(|&index| values[index].clone()).collect();
        Write { key, expect: None, change: Change::Create(values.into()) }
    }

    pub fn update(&self, row: &Row, fields: &[(&str, Value)]) -> Write {
        let spec = self.dataset.spec();
        let place = |name: &str| spec.columns.iter().position(|column| column.name == name).unwrap();
        let fields = fields.iter().map(|(name, value)| (place(name), value.clone())).collect();
        Write { key: row.native_key(spec), expect: Some(row.hash), change: Change::Update(fields) }
    }

    pub fn delete(&self, row: &Row) -> Write {
        Write { key: row.native_key(self.dataset.spec()), expect: Some(row.hash), change: Change::Delete }
    }

    /// Writes in a transaction of its own and commits.
    pub async fn apply(&self, guard: Guard, writes: Vec<Write>) -> Vec<Outcome> {
        self.try_apply(guard, writes).await.unwrap()
    }

    pub async fn try_apply(&self, guard: Guard, writes: Vec<Write>) -> Result<Vec<Outcome>, Error> {
        let mut transaction = self.begin(guard).await;
        let outcomes = transaction.write(writes).await?;
        transaction.commit().await?;
        Ok(outcomes)
    }
}

pub fn int(value: i64) -> Value {
    Value::Int(value)
}

pub fn text(value: &str) -> Value {
    Value::text(value)
}

/// Outcomes in short: `written`, `deleted`, `moved`, or a refusal's code.
pub fn told(outcomes: &[Outcome]) -> Vec<&str> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Written => "written",
            Outcome::Deleted(_) => "deleted",
            Outcome::Moved => "moved",
            Outcome::Rejected(refusal) => refusal.code.as_str(),
        })
        .collect()
}
