//! Connectors that break the contract in one way each: the suite has to notice.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::conformance::connector::{Edit, Harness, Promises, Table};
use pinksync_engine::connector::{
    Capabilities, Change, CheckStep, Chunk, Dataset, Found, Guard, Outcome, Page, Purpose, RangeSum, System,
    Transaction, Write,
};
use pinksync_engine::row::SideSpec;
use pinksync_engine::schema::DatasetSchema;
use pinksync_engine::{Key, KeyRange, Result, Value, Values};
use tokio::sync::mpsc;

use crate::harness::MemoryHarness;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    None,
    OverwritesWhatChanged,
    CreatesOverWhatExists,
    LosesARowAtEachCut,
    IgnoresTheFilter,
    FiltersLookups,
    SumsOnlyCount,
    ForgetsAtCommit,
    CommitsAtRollback,
    AnswersInAnotherOrder,
    GivesHalfAnImage,
    WritesAllColumns,
    StaysSilentAboutRefusals,
}

impl Sabotage {
    pub const ALL: [Self; 12] = [
        Self::OverwritesWhatChanged,
        Self::CreatesOverWhatExists,
        Self::LosesARowAtEachCut,
        Self::IgnoresTheFilter,
        Self::FiltersLookups,
        Self::SumsOnlyCount,
        Self::ForgetsAtCommit,
        Self::CommitsAtRollback,
        Self::AnswersInAnotherOrder,
        Self::GivesHalfAnImage,
        Self::WritesAllColumns,
        Self::StaysSilentAboutRefusals,
    ];
}

/// A memory harness whose connector is sabotaged.
pub struct Sabotaged(pub MemoryHarness, pub Sabotage);

#[async_trait]
impl Harness for Sabotaged {
    fn promises(&self) -> Promises {
        self.0.promises()
    }

    async fn open(&self) -> Arc<dyn System> {
        Arc::new(BadSystem(self.0.open().await, self.1))
    }

    async fn make(&self, table: &Table) -> String {
        self.0.make(table).await
    }

    async fn rows(&self, name: &str, table: &Table) -> Vec<Vec<Value>> {
        self.0.rows(name, table).await
    }

    async fn edit(&self, name: &str, table: &Table, edit: Edit) {
        self.0.edit(name, table, edit).await;
    }
}

struct BadSystem(Arc<dyn System>, Sabotage);

#[async_trait]
impl System for BadSystem {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    async fn identity(&self) -> Result<String> {
        self.0.identity().await
    }

    async fn datasets(&self) -> Result<Vec<String>> {
        self.0.datasets().await
    }

    async fn describe(&self, dataset: &str) -> Result<Option<DatasetSchema>> {
        self.0.describe(dataset).await
    }

    async fn foresee(&self, schema: &DatasetSchema, from_kind: &str) -> Result<DatasetSchema> {
        self.0.foresee(schema, from_kind).await
    }

    async fn create(&self, foreseen: &DatasetSchema) -> Result<()> {
        self.0.create(foreseen).await
    }

    async fn open(&self, spec: Arc<SideSpec>, schema: &DatasetSchema) -> Result<Arc<dyn Dataset>> {
        let mut own = SideSpec::clone(&spec);
        if self.1 == Sabotage::IgnoresTheFilter {
            own.filter = None;
        }
        Ok(Arc::new(BadDataset(self.0.open(Arc::new(own), schema).await?, self.1)))
    }

    async fn check(&self, purpose: Purpose) -> Vec<CheckStep> {
        self.0.check(purpose).await
    }
}

struct BadDataset(Arc<dyn Dataset>, Sabotage);

#[async_trait]
impl Dataset for BadDataset {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn spec(&self) -> &Arc<SideSpec> {
        self.0.spec()
    }

    async fn split(&self, rows: u64) -> Result<Vec<Key>> {
        self.0.split(rows).await
    }

    async fn scan(&self, rows: mpsc::Sender<Chunk>) -> Result<()> {
        self.0.scan(rows).await
    }

    async fn begin(&self, guard: Guard) -> Result<Box<dyn Transaction>> {
        Ok(Box::new(BadTransaction(self.0.begin(guard).await?, self.0.clone(), self.1)))
    }

    async fn publish(&self) -> Result<()> {
        self.0.publish().await
    }
}

struct BadTransaction(Box<dyn Transaction>, Arc<dyn Dataset>, Sabotage);

impl BadTransaction {
    /// Makes the writes what this sabotage would do; `true`: the answer is told as `Written`.
    async fn spoil(&mut self, writes: &mut [Write]) -> Result<()> {
        let keys: Vec<Values> = writes.iter().map(|write| write.key.clone()).collect();
        for (write, found) in writes.iter_mut().zip(self.0.lookup(&keys).await?) {
            let Found::Row(row) = found else { continue };
            match (self.2, &mut write.change) {
                (Sabotage::OverwritesWhatChanged, Change::Update(_) | Change::Delete) => write.expect = Some(row.hash),
                (Sabotage::CreatesOverWhatExists, Change::Create(values)) => {
                    let fields = values.iter().cloned().enumerate().skip(1).collect();
                    (write.expect, write.change) = (Some(row.hash), Change::Update(fields));
                }
                (Sabotage::WritesAllColumns, Change::Update(fields)) => {
                    let named: Vec<usize> = fields.iter().map(|(index, _)| *index).collect();
                    let others = (1..row.native.len()).filter(|index| !named.contains(index));
                    fields.extend(
                        others
                            .map(|index| (index, Value::text("default")))
                            .filter(|(index, _)| matches!(row.native[*index], Value::Text(_))),
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Transaction for BadTransaction {
    async fn read(&mut self, range: &KeyRange, budget: usize) -> Result<Page> {
        let mut page = self.0.read(range, budget).await?;
        if self.2 == Sabotage::LosesARowAtEachCut && page.cut.is_some() && page.rows.len() > 1 {
            page.rows.pop();
        }
        Ok(page)
    }

    async fn lookup(&mut self, keys: &[Values]) -> Result<Vec<Found>> {
        let mut found = self.0.lookup(keys).await?;
        if let (Sabotage::FiltersLookups, Some(filter)) = (self.2, &self.1.spec().filter) {
            for found in &mut found {
                if matches!(found, Found::Row(row) if !filter.matches(row.values())) {
                    *found = Found::Absent;
                }
            }
        }
        Ok(found)
    }

    async fn write(&mut self, mut writes: Vec<Write>) -> Result<Vec<Outcome>> {
        self.spoil(&mut writes).await?;
        let mut outcomes = self.0.write(writes).await?;
        for outcome in &mut outcomes {
            match (self.2, outcome) {
                (Sabotage::GivesHalfAnImage, Outcome::Deleted(image)) => image.truncate(2),
                (Sabotage::StaysSilentAboutRefusals, outcome @ Outcome::Rejected(_)) => *outcome = Outcome::Written,
                _ => {}
            }
        }
        if self.2 == Sabotage::AnswersInAnotherOrder {
            outcomes.reverse();
        }
        Ok(outcomes)
    }

    async fn sums(&mut self, range: &KeyRange, cuts: &[Key]) -> Result<Option<Vec<RangeSum>>> {
        let mut sums = self.0.sums(range, cuts).await?;
        if self.2 == Sabotage::SumsOnlyCount {
            sums.iter_mut().flatten().for_each(|sum| sum.hash = 0);
        }
        Ok(sums)
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        if self.2 == Sabotage::ForgetsAtCommit { self.0.rollback().await } else { self.0.commit().await }
    }

    async fn rollback(self: Box<Self>) -> Result<()> {
        if self.2 == Sabotage::CommitsAtRollback { self.0.commit().await } else { self.0.rollback().await }
    }
}
