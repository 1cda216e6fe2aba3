//! A system, its datasets and transactions under a limit.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::Pace;
use crate::connector::{
    Capabilities, CheckStep, Chunk, Dataset, Found, Guard, Outcome, Page, Purpose, RangeSum, System, Transaction, Write,
};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, KeyRange};
use crate::naming::Naming;
use crate::row::SideSpec;
use crate::schema::DatasetSchema;
use crate::value::Values;

pub(super) struct PacedSystem {
    pub pace: Arc<Pace>,
    pub inner: Arc<dyn System>,
}

#[async_trait]
impl System for PacedSystem {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn identity(&self) -> Result<String> {
        self.inner.identity().await
    }

    fn naming(&self) -> Naming {
        self.inner.naming()
    }

    fn one_writer(&self) -> bool {
        self.inner.one_writer()
    }

    async fn datasets(&self) -> Result<Vec<String>> {
        self.inner.datasets().await
    }

    async fn describe(&self, dataset: &str) -> Result<Option<DatasetSchema>> {
        self.inner.describe(dataset).await
    }

    async fn full_name(&self, dataset: &str) -> Result<String> {
        self.inner.full_name(dataset).await
    }

    async fn foresee(&self, schema: &DatasetSchema, from_kind: &str) -> Result<DatasetSchema> {
        self.inner.foresee(schema, from_kind).await
    }

    async fn create(&self, foreseen: &DatasetSchema) -> Result<()> {
        self.inner.create(foreseen).await
    }

    async fn open(&self, spec: Arc<SideSpec>, schema: &DatasetSchema) -> Result<Arc<dyn Dataset>> {
        let inner = self.inner.open(spec, schema).await?;
        Ok(Arc::new(PacedDataset { pace: Arc::clone(&self.pace), inner }))
    }

    async fn end_others(&self, theirs: &str) -> Result<()> {
        self.inner.end_others(theirs).await
    }

    async fn check(&self, purpose: Purpose) -> Vec<CheckStep> {
        self.inner.check(purpose).await
    }
}

struct PacedDataset {
    pace: Arc<Pace>,
    inner: Arc<dyn Dataset>,
}

impl PacedDataset {
    /// Passes chunks on, each when its records are paid for.
    async fn pass_on(&self, mut from: mpsc::Receiver<Chunk>, to: mpsc::Sender<Chunk>) -> Result<()> {
        while let Some(chunk) = from.recv().await {
            self.pace.take(chunk.rows.len() + chunk.unreadable.len()).await;
            let sent = to.send(chunk).await;
            sent.map_err(|_| Error::new(ErrorKind::Interrupted, "read a side", "nobody takes the records any more"))?;
        }
        Ok(())
    }
}

#[async_trait]
impl Dataset for PacedDataset {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn spec(&self) -> &Arc<SideSpec> {
        self.inner.spec()
    }

    async fn split(&self, rows: u64) -> Result<Vec<Key>> {
        self.inner.split(rows).await
    }

    async fn scan(&self, rows: mpsc::Sender<Chunk>) -> Result<()> {
        let (send, receive) = mpsc::channel(1);
        let (scanned, passed_on) = tokio::join!(self.inner.scan(send), self.pass_on(receive, rows));
        scanned.and(passed_on)
    }

    async fn begin(&self, guard: Guard) -> Result<Box<dyn Transaction>> {
        let inner = self.inner.begin(guard).await?;
        Ok(Box::new(PacedTransaction { pace: Arc::clone(&self.pace), inner }))
    }

    async fn publish(&self) -> Result<()> {
        self.inner.publish().await
    }
}

struct PacedTransaction {
    pace: Arc<Pace>,
    inner: Box<dyn Transaction>,
}

#[async_trait]
impl Transaction for PacedTransaction {
    async fn read(&mut self, range: &KeyRange, budget: usize) -> Result<Page> {
        // Who sets no bound has to have the whole range.
        let budget = if budget == usize::MAX { budget } else { budget.min(self.pace.budget()) };
        let page = self.inner.read(range, budget).await?;
        self.pace.take(page.rows.len() + page.unreadable.len()).await;
        Ok(page)
    }

    async fn lookup(&mut self, keys: &[Values]) -> Result<Vec<Found>> {
        let found = self.inner.lookup(keys).await?;
        let records = found.iter().filter(|found| !matches!(found, Found::Absent)).count();
        self.pace.take(records).await;
        Ok(found)
    }

    async fn write(&mut self, writes: Vec<Write>) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        let mut left = writes.into_iter();
        while left.len() > 0 {
            let part: Vec<Write> = left.by_ref().take(self.pace.portion()).collect();
            self.pace.take(part.len()).await;
            outcomes.extend(self.inner.write(part).await?);
        }
        Ok(outcomes)
    }

    async fn sums(&mut self, range: &KeyRange, cuts: &[Key]) -> Result<Option<Vec<RangeSum>>> {
        self.inner.sums(range, cuts).await
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        self.inner.commit().await
    }

    async fn rollback(self: Box<Self>) -> Result<()> {
        self.inner.rollback().await
    }
}
