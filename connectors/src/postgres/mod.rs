//! PostgreSQL 14 and newer.
//!
//! `read` gets pages by binary COPY, `write` puts changes in under guards, `sums` tells what changed without reading.
//! `table` and `catalog` hold what the server says of a table, `layout` what a mapping makes of it.
#![doc = include_str!("docs.md")]

mod catalog;
mod check;
mod client;
mod config;
mod copy;
mod create;
mod dataset;
mod decode;
mod delete;
mod encode;
mod error;
mod filter;
mod insert;
mod layout;
mod lookup;
mod numeric;
mod others;
mod read;
mod schema;
mod sequence;
mod split;
mod sql;
mod sums;
mod table;
mod tls;
mod transaction;
mod types;
mod update;
mod write;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pinksync_engine::connector::{CheckStep, Dataset, Purpose, System};
use pinksync_engine::naming::Naming;
use pinksync_engine::row::SideSpec;
use pinksync_engine::schema::DatasetSchema;
use pinksync_engine::{Error, ErrorKind, Result};
use pinksync_model::ServerSettings;

use crate::origin::{Origin, Reach};
use client::Pool;
use config::Target;
use dataset::PostgresDataset;
use layout::Layout;
use table::Table;

/// A database on a PostgreSQL server.
pub struct Postgres {
    pool: Arc<Pool>,
    /// Tables as they were described last, so that opening them asks nothing again.
    tables: Mutex<HashMap<String, Arc<Table>>>,
}

impl Postgres {
    /// Checks the settings; the first use connects.
    ///
    /// # Errors
    /// `Definition` where the settings are not usable.
    pub fn open(settings: &ServerSettings, origin: &Origin<'_>) -> Result<Arc<dyn System>> {
        let mut target = Target::new(settings, origin.base_folder, origin.application)?;
        target.connect_to(&origin.addresses);
        target.idle_limit = origin.idle_limit;
        let pool = Pool::new(target)?;
        Ok(Arc::new(Self { pool: Arc::new(pool), tables: Mutex::default() }))
    }

    /// What opening it would reach for.
    ///
    /// # Errors
    /// `Definition` where the settings are not usable.
    pub fn reach(settings: &ServerSettings, base_folder: &Path) -> Result<Reach> {
        let target = Target::new(settings, base_folder, "")?;
        Ok(Reach { hosts: target.hosts(), files: target.authority.into_iter().collect() })
    }

    fn remember(&self, table: Table) -> Arc<Table> {
        let table = Arc::new(table);
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tables.insert(table.full_name(), Arc::clone(&table));
        if known.is_some_and(|known| known != table) {
            self.pool.end_idle();
        }
        table
    }

    async fn table(&self, name: &str) -> Result<Arc<Table>> {
        let known = self.tables.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(table) = known {
            return Ok(table);
        }
        let mut lease = self.pool.lend().await?;
        let table = catalog::load(lease.session()?, name).await.map_err(|error| self.pool.name(error))?;
        lease.give_back();
        let gone = || {
            Error::new(ErrorKind::Definition, "open a dataset", format!("there is no table {name}"))
                .with_remedy("check the dataset's name, and that the user may see it")
        };
        table.map(|table| self.remember(table)).ok_or_else(gone)
    }
}

#[async_trait]
impl System for Postgres {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    async fn identity(&self) -> Result<String> {
        let target = self.pool.target();
        Ok(format!("{}/{}", target.address(), target.database()))
    }

    fn naming(&self) -> Naming {
        Naming::Qualified
    }

    async fn datasets(&self) -> Result<Vec<String>> {
        let mut lease = self.pool.lend().await?;
        let names = schema::datasets(lease.session()?).await.map_err(|error| self.pool.name(error))?;
        lease.give_back();
        Ok(names)
    }

    async fn describe(&self, dataset: &str) -> Result<Option<DatasetSchema>> {
        let mut lease = self.pool.lend().await?;
        let described = schema::describe(lease.session()?, dataset).await.map_err(|error| self.pool.name(error))?;
        lease.give_back();
        Ok(described.map(|(table, schema)| {
            let _ = self.remember(table);
            schema
        }))
    }

    async fn full_name(&self, dataset: &str) -> Result<String> {
        let mut lease = self.pool.lend().await?;
        let name = schema::full_name(lease.session()?, dataset).await.map_err(|error| self.pool.name(error))?;
        lease.give_back();
        Ok(name)
    }

    async fn end_others(&self, theirs: &str) -> Result<()> {
        let mut lease = self.pool.lend().await?;
        let ended = others::end(lease.session()?, theirs).await.map_err(|error| self.pool.name(error));
        lease.give_back();
        ended
    }

    async fn foresee(&self, schema: &DatasetSchema, from_kind: &str) -> Result<DatasetSchema> {
        let mut lease = self.pool.lend().await?;
        let foreseen = create::foresee(lease.session()?, schema, from_kind).await;
        let foreseen = foreseen.map_err(|error| self.pool.name(error))?;
        lease.give_back();
        Ok(foreseen)
    }

    async fn create(&self, foreseen: &DatasetSchema) -> Result<()> {
        let mut lease = self.pool.lend().await?;
        create::create(lease.session()?, foreseen).await.map_err(|error| self.pool.name(error))?;
        lease.give_back();
        Ok(())
    }

    async fn open(&self, spec: Arc<SideSpec>, schema: &DatasetSchema) -> Result<Arc<dyn Dataset>> {
        let table = self.table(&schema.name).await?;
        Ok(Arc::new(PostgresDataset::new(Arc::clone(&self.pool), Layout::new(spec, table, schema.estimated_rows)?)))
    }

    async fn check(&self, purpose: Purpose) -> Vec<CheckStep> {
        check::check(&self.pool, purpose).await
    }
}
