//! A system, its datasets and transactions as a process reaches them that may die.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::Faults;
use crate::connector::{
    Capabilities, CheckStep, Chunk, Dataset, Found, Guard, Outcome, Page, Purpose, RangeSum, System, Transaction, Write,
};
use crate::error::Result;
use crate::key::{Key, KeyRange};
use crate::naming::Naming;
use crate::row::SideSpec;
use crate::schema::DatasetSchema;
use crate::value::Values;

pub(super) struct FaultySystem {
    pub faults: Faults,
    pub inner: Arc<dyn System>,
}

#[async_trait]
impl System for FaultySystem {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn identity(&self) -> Result<String> {
        self.faults.query(self.inner.identity()).await
    }

    fn naming(&self) -> Naming {
        self.inner.naming()
    }

    fn one_writer(&self) -> bool {
        self.inner.one_writer()
    }

    async fn datasets(&self) -> Result<Vec<String>> {
        self.faults.query(self.inner.datasets()).await
    }

    async fn describe(&self, dataset: &str) -> Result<Option<DatasetSchema>> {
        self.faults.query(self.inner.describe(dataset)).await
    }

    async fn full_name(&self, dataset: &str) -> Result<String> {
        self.faults.query(self.inner.full_name(dataset)).await
    }

    async fn foresee(&self, schema: &DatasetSchema, from_kind: &str) -> Result<DatasetSchema> {
        self.inner.foresee(schema, from_kind).await
    }

    async fn create(&self, foreseen: &DatasetSchema) -> Result<()> {
        self.faults.effect("create a dataset", self.inner.create(foreseen)).await
    }

    async fn open(&self, spec: Arc<SideSpec>, schema: &DatasetSchema) -> Result<Arc<dyn Dataset>> {
        let inner = self.faults.query(self.inner.open(spec, schema)).await?;
        Ok(Arc::new(FaultyDataset { faults: self.faults.clone(), inner }))
    }

    async fn check(&self, purpose: Purpose) -> Vec<CheckStep> {
        self.inner.check(purpose).await
    }
}

struct FaultyDataset {
    faults: Faults,
    inner: Arc<dyn Dataset>,
}

#[async_trait]
impl Dataset for FaultyDataset {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn spec(&self) -> &Arc<SideSpec> {
        self.inner.spec()
    }

    async fn split(&self, rows: u64) -> Result<Vec<Key>> {
        self.faults.query(self.inner.split(rows)).await
    }

    async fn scan(&self, rows: mpsc::Sender<Chunk>) -> Result<()> {
        self.faults.query(self.inner.scan(rows)).await
    }

    async fn begin(&self, guard: Guard) -> Result<Box<dyn Transaction>> {
        let inner = self.faults.query(self.inner.begin(guard)).await?;
        Ok(Box::new(FaultyTransaction { faults: self.faults.clone(), inner }))
    }

    async fn publish(&self) -> Result<()> {
        if !self.capabilities().publishes {
            return self.faults.query(self.inner.publish()).await;
        }
        self.faults.effect("publish", self.inner.publish()).await
    }
}

struct FaultyTransaction {
    faults: Faults,
    inner: Box<dyn Transaction>,
}

#[async_trait]
impl Transaction for FaultyTransaction {
    async fn read(&mut self, range: &KeyRange, budget: usize) -> Result<Page> {
        self.faults.query(self.inner.read(range, budget)).await
    }

    async fn lookup(&mut self, keys: &[Values]) -> Result<Vec<Found>> {
        self.faults.query(self.inner.lookup(keys)).await
    }

    async fn write(&mut self, writes: Vec<Write>) -> Result<Vec<Outcome>> {
        self.faults.effect("write", self.inner.write(writes)).await
    }

    async fn sums(&mut self, range: &KeyRange, cuts: &[Key]) -> Result<Option<Vec<RangeSum>>> {
        self.faults.query(self.inner.sums(range, cuts)).await
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        // A future that was not begun owns the transaction, and dropping it undoes what was not committed.
        self.faults.effect("commit", self.inner.commit()).await
    }

    async fn rollback(self: Box<Self>) -> Result<()> {
        self.faults.query(self.inner.rollback()).await
    }
}
