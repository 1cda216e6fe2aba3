//! One table under a mapping.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::connector::{Capabilities, Chunk, Dataset, Guard, Transaction};
use pinksync_engine::key::Key;
use pinksync_engine::row::SideSpec;
use pinksync_engine::{Error, ErrorKind, Result};
use tokio::sync::mpsc;

use super::client::Pool;
use super::error::translate;
use super::layout::Layout;
use super::read;
use super::split::split;
use super::table::Kind;
use super::transaction::PostgresTransaction;

pub struct PostgresDataset {
    pool: Arc<Pool>,
    layout: Arc<Layout>,
}

impl PostgresDataset {
    pub fn new(pool: Arc<Pool>, layout: Layout) -> Self {
        Self { pool, layout: Arc::new(layout) }
    }
}

#[async_trait]
impl Dataset for PostgresDataset {
    fn capabilities(&self) -> Capabilities {
        let table = &self.layout.table;
        Capabilities {
            ordered: self.layout.ordered,
            sums: self.layout.ordered && table.is_stored(),
            content_sums: false,
            transactional: true,
            publishes: false,
            // Rows of a foreign table may change behind our lock.
            unguarded: table.kind == Kind::Foreign || table.foreign_parts,
        }
    }

    fn spec(&self) -> &Arc<SideSpec> {
        &self.layout.spec
    }

    async fn split(&self, rows: u64) -> Result<Vec<Key>> {
        if !self.layout.ordered {
            let message = format!("{} is not read in key order", self.layout.spec.dataset);
            return Err(Error::new(ErrorKind::Other, "split a table", message));
        }
        let mut lease = self.pool.lend().await?;
        let session = lease.session()?;
        session.busy = true;
        let keys = split(session, &self.layout, rows).await.map_err(|error| self.pool.name(error))?;
        session.busy = false;
        lease.give_back();
        Ok(keys)
    }

    async fn scan(&self, rows: mpsc::Sender<Chunk>) -> Result<()> {
        let mut lease = self.pool.lend_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let session = lease.session()?;
        session.busy = true;
        read::scan(session, &self.layout, &rows).await.map_err(|error| self.pool.name(error))?;
        let ended = session.batch("COMMIT").await;
        ended.map_err(|error| self.pool.name(translate("read a table", error)))?;
        session.busy = false;
        lease.give_back();
        Ok(())
    }

    async fn begin(&self, guard: Guard) -> Result<Box<dyn Transaction>> {
        let transaction = PostgresTransaction::begin(&self.pool, Arc::clone(&self.layout), guard).await?;
        Ok(Box::new(transaction))
    }
}
