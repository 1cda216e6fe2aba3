//! SQLite 3 database files: one writer at a time, every write locked and compared with what was read.

mod check;
mod client;
mod config;
mod create;
mod error;
mod foreign_keys;
mod read;
mod schema;
mod table;
mod transaction;
mod types;
mod write;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::connector::{Capabilities, CheckStep, Chunk, Dataset, Guard, Purpose, System, Transaction};
use pinksync_engine::key::Key;
use pinksync_engine::row::SideSpec;
use pinksync_engine::schema::DatasetSchema;
use pinksync_engine::{Error, ErrorKind, Result};
use pinksync_model::SqliteSettings;
use rusqlite::Connection;
use tokio::sync::mpsc;

use self::client::{Client, blocking};
use self::table::Table;
use self::transaction::SqliteTransaction;

/// One database file.
pub struct Sqlite {
    client: Arc<Client>,
}

impl Sqlite {
    /// Finds the file, which may still be missing; opens nothing. Relative paths are relative to `base_folder`.
    pub fn open(settings: &SqliteSettings, base_folder: &Path) -> Result<Arc<dyn System>> {
        let path = config::locate(settings, base_folder)?;
        Ok(Arc::new(Self { client: Arc::new(Client::new(path)) }))
    }

    /// Runs `work` on a connection away from the executor's threads.
    async fn with<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let client = self.client.clone();
        blocking(operation, move || {
            let connection = client.connect()?;
            let result = work(&connection);
            client.give_back(connection);
            result
        })
        .await
    }
}

#[async_trait]
impl System for Sqlite {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    async fn identity(&self) -> Result<String> {
        Ok(self.client.path().display().to_string())
    }

    fn one_writer(&self) -> bool {
        true
    }

    async fn datasets(&self) -> Result<Vec<String>> {
        self.with("list the tables", schema::names).await
    }

    /// A missing file has no datasets: as a target it is created with the first of them.
    async fn describe(&self, dataset: &str) -> Result<Option<DatasetSchema>> {
        if !self.client.exists() {
            return Ok(None);
        }
        let name = dataset.to_owned();
        self.with("read the schema", move |connection| schema::describe(connection, &name)).await
    }

    /// Whoever wrote before has committed, or never will, once the write lock could be had.
    async fn end_others(&self, _theirs: &str) -> Result<()> {
        if !self.client.exists() {
            return Ok(());
        }
        let permit = self.client.permit().await?;
        let client = self.client.clone();
        blocking("wait for other writers", move || {
            let connection = client.connect()?;
            let locked = connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
            drop(permit);
            locked.map_err(error::during("wait for other writers"))?;
            client.give_back(connection);
            Ok(())
        })
        .await
    }

    async fn foresee(&self, schema: &DatasetSchema, from_kind: &str) -> Result<DatasetSchema> {
        create::foresee(schema, from_kind)
    }

    async fn create(&self, foreseen: &DatasetSchema) -> Result<()> {
        let permit = self.client.permit().await?;
        let (client, schema) = (self.client.clone(), foreseen.clone());
        blocking("create the table", move || {
            let connection = client.connect_or_create()?;
            let result = create::create(&connection, &schema);
            client.give_back(connection);
            drop(permit);
            result
        })
        .await
    }

    async fn open(&self, spec: Arc<SideSpec>, schema: &DatasetSchema) -> Result<Arc<dyn Dataset>> {
        let described = schema.clone();
        let table = self.with("open the table", move |connection| Table::open(connection, spec, &described)).await?;
        Ok(Arc::new(SqliteDataset { client: self.client.clone(), table: Arc::new(table) }))
    }

    async fn check(&self, purpose: Purpose) -> Vec<CheckStep> {
        let client = self.client.clone();
        blocking("check the database", move || Ok(check::steps(&client, purpose))).await.unwrap_or_default()
    }
}

/// One table or view under a mapping.
struct SqliteDataset {
    client: Arc<Client>,
    table: Arc<Table>,
}

impl SqliteDataset {
    async fn with<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection, &Table) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (client, table) = (self.client.clone(), self.table.clone());
        blocking(operation, move || {
            let connection = client.connect()?;
            let result = work(&connection, &table);
            client.give_back(connection);
            result
        })
        .await
    }
}

#[async_trait]
impl Dataset for SqliteDataset {
    fn capabilities(&self) -> Capabilities {
        let ordered = self.table.ordered;
        Capabilities { ordered, sums: ordered, content_sums: ordered, transactional: true, ..Capabilities::default() }
    }

    fn spec(&self) -> &Arc<SideSpec> {
        &self.table.spec
    }

    async fn split(&self, rows: u64) -> Result<Vec<Key>> {
        if !self.table.ordered {
            let message = format!("`{}` is not read in key order", self.table.name);
            return Err(Error::new(ErrorKind::Other, "split the table", message));
        }
        self.with("split the table", move |connection, table| read::split(connection, table, rows)).await
    }

    async fn scan(&self, rows: mpsc::Sender<Chunk>) -> Result<()> {
        self.with("read the table", move |connection, table| read::scan(connection, table, &rows)).await
    }

    async fn begin(&self, _guard: Guard) -> Result<Box<dyn Transaction>> {
        Ok(Box::new(SqliteTransaction::begin(self.client.clone(), self.table.clone()).await?))
    }
}
