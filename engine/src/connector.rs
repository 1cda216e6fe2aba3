//! What the engine asks of a system: the three traits every connector implements, and their values.
//!
//! [`System`] is an opened side, [`Dataset`] one dataset of it under a mapping, [`Transaction`] one unit of
//! reading and guarded writing. A connector has no opinion on decisions; it reads rows, says what it found,
//! and never writes without the guard that the write carries.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::error::Result;
use crate::key::{Key, KeyRange};
use crate::naming::Naming;
use crate::row::{Hash, Row, SideSpec, Unreadable};
use crate::schema::DatasetSchema;
use crate::value::{Value, Values};

/// One side of a sync: a database, a folder of files, an API.
#[async_trait]
pub trait System: Send + Sync {
    /// The connector's name as in the sync file (`postgres`).
    fn kind(&self) -> &'static str;

    /// What tells this system from another one of its kind, without secrets: host, port and database; or the path.
    async fn identity(&self) -> Result<String>;

    /// How its datasets are named.
    fn naming(&self) -> Naming {
        Naming::Plain
    }

    /// Only one transaction at a time can write to it, and none can while another one reads: it cannot be both sides.
    fn one_writer(&self) -> bool {
        false
    }

    /// Names of the datasets that can be synchronised, sorted.
    async fn datasets(&self) -> Result<Vec<String>>;

    /// `None` where the dataset does not exist.
    async fn describe(&self, dataset: &str) -> Result<Option<DatasetSchema>>;

    /// What `describe` calls a dataset, or would if it existed.
    async fn full_name(&self, dataset: &str) -> Result<String> {
        Ok(dataset.to_owned())
    }

    /// What `describe` would say of a dataset that is made from this schema (`create_target`): types are mapped to this
    /// system's own. `from_kind` says where the schema comes from. Creates nothing. Whether it can be read in order is
    /// known only of what is there.
    ///
    /// # Errors
    /// `Definition`, with the name at fault, where such a dataset cannot be made.
    async fn foresee(&self, schema: &DatasetSchema, from_kind: &str) -> Result<DatasetSchema>;

    /// Creates a dataset as it was foreseen.
    async fn create(&self, foreseen: &DatasetSchema) -> Result<()>;

    /// Opens a dataset under a mapping. Cheap; no statement needs to be sent.
    async fn open(&self, spec: Arc<SideSpec>, schema: &DatasetSchema) -> Result<Arc<dyn Dataset>>;

    /// Sees to it that nothing takes effect any more that other processes have under way on this system under application
    /// names that begin with `theirs`; this system's own name is spared.
    ///
    /// # Errors
    /// `Aborted` where such work cannot be ended and is not over yet: ask again later.
    async fn end_others(&self, theirs: &str) -> Result<()> {
        let _ = theirs;
        Ok(())
    }

    /// Ordered checks for `doctor`: resolve, connect, authenticate, read, write, clock. Fails where something lacks that
    /// `purpose` needs.
    async fn check(&self, purpose: Purpose) -> Vec<CheckStep>;
}

/// What a sync will do with a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose {
    /// Records are written there.
    pub writes: bool,
    /// Datasets may be made there (`create_target`).
    pub creates: bool,
}

/// One step of `doctor`.
#[derive(Debug, Clone, Serialize)]
pub struct CheckStep {
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
    /// What to do when it is not ok.
    pub hint: Option<String>,
}

/// What a dataset can do. What is not there has a default in the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// `Transaction::read` gives pages in encoded key order. Otherwise `scan` is staged.
    pub ordered: bool,
    /// `Transaction::sums` works and is cheaper than reading.
    pub sums: bool,
    /// The sums are count and XOR of [`Row::fingerprint`], so that the engine can tell them from the rows it compared.
    pub content_sums: bool,
    /// A transaction's writes take effect at `commit`, all or none.
    pub transactional: bool,
    /// Writes are collected and take effect in `Dataset::publish` (files).
    pub publishes: bool,
    /// Writes cannot be guarded by the system; the row is read again right before (REST without versions).
    pub unguarded: bool,
}

/// How a transaction protects what it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Reads, writes and sums are one snapshot; a row changed since aborts the transaction (`ErrorKind::Aborted`).
    /// Where the database has no such snapshot this is the same as `Compare`.
    Snapshot,
    /// Each row is locked, read again and compared with the write's expectation; a row that differs is `Outcome::Moved`.
    Compare,
}

#[async_trait]
pub trait Dataset: Send + Sync {
    fn capabilities(&self) -> Capabilities;

    fn spec(&self) -> &Arc<SideSpec>;

    /// Keys that cut the dataset into ranges of about `rows` records, ascending, without the ends. Ordered datasets only.
    async fn split(&self, rows: u64) -> Result<Vec<Key>>;

    /// Reads every record that passes the filter once, in any order, into `rows`, in chunks of bounded size.
    /// Used for sides that are not `ordered`. An error sent or returned means that the read is not complete.
    async fn scan(&self, rows: mpsc::Sender<Chunk>) -> Result<()>;

    async fn begin(&self, guard: Guard) -> Result<Box<dyn Transaction>>;

    /// Makes collected writes take effect: the new file takes the old one's place, if that is still the one that was
    /// read (`ErrorKind::Moved` otherwise, and nothing has changed). Only for `publishes`; others have nothing to do.
    async fn publish(&self) -> Result<()> {
        Ok(())
    }
}

/// Part of a scan.
#[derive(Debug, Default)]
pub struct Chunk {
    pub rows: Vec<Row>,
    pub unreadable: Vec<Unreadable>,
}

/// Part of a range, read in key order.
#[derive(Debug)]
pub struct Page {
    pub rows: Vec<Row>,
    pub unreadable: Vec<Unreadable>,
    /// `None`: the range was read to its end. Otherwise nothing at or after this key was read
    /// (the budget was spent); it is greater than every key in the page.
    pub cut: Option<Key>,
}

/// What a lookup by key found, the filter not applied.
#[derive(Debug, Clone)]
pub enum Found {
    Absent,
    Row(Row),
    Unreadable(Unreadable),
}

/// Count and combined row hash of a range, comparable only with an earlier sum of the same side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RangeSum {
    pub count: u64,
    pub hash: u64,
}

/// A whole record, unmapped columns too, as the side gave it: what a delete took and undo puts back.
pub type RowImage = Vec<(String, Value)>;

/// One guarded write.
#[derive(Debug, Clone)]
pub struct Write {
    /// The key's values on this side.
    pub key: Values,
    /// The hash (common form) of the record that must be there; `None`: no record of this key may be there.
    pub expect: Option<Hash>,
    pub change: Change,
}

#[derive(Debug, Clone)]
pub enum Change {
    /// Native values of all columns of the spec; columns that are not `writable` are left to the system.
    Create(Values),
    /// Native values by column index; all other columns keep their bytes.
    Update(Vec<(usize, Value)>),
    Delete,
    /// Puts a deleted record back, all its columns.
    Restore(RowImage),
}

/// What became of one write.
#[derive(Debug, Clone)]
pub enum Outcome {
    Written,
    /// Deleted; the whole record as it was.
    Deleted(RowImage),
    /// The guard failed: what is there is not what was expected. Nothing was written.
    Moved,
    /// The system refused this record; its neighbours are not affected.
    Rejected(Box<Refusal>),
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Rejected(Box::new(refusal))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable code: `unique`, `foreign_key`, `not_null`, `check`, `type`, `too_large`, `has_dependents`, `refused`.
    /// The engine makes `unique_cycle` of `unique` where records wait for each other's values.
    pub code: String,
    /// The system's own words.
    pub reason: String,
    /// Worth another try after other writes and the deletes (unique and foreign key failures).
    pub retry: bool,
}

/// Reading and writing of one dataset on one connection. Dropping it undoes what was not committed.
#[async_trait]
pub trait Transaction: Send {
    /// Reads the records of `range` that pass the filter, in key order, up to about `budget` bytes.
    async fn read(&mut self, range: &KeyRange, budget: usize) -> Result<Page>;

    /// Looks records up by native key, one answer per key in the same order. The filter is not applied.
    async fn lookup(&mut self, keys: &[Values]) -> Result<Vec<Found>>;

    /// Carries out guarded writes of different keys, one outcome per write in the same order. No statement and no message
    /// carries more than [`SideSpec::batch_size`] of them, but for a bulk load (COPY), which is one statement of many
    /// messages. A refused record is isolated by savepoints and bisection.
    async fn write(&mut self, writes: Vec<Write>) -> Result<Vec<Outcome>>;

    /// Sums of the parts into which `cuts` (ascending, inside `range`) divide `range`: `cuts.len() + 1` of them.
    /// Sees this transaction's own writes. `None` where sums are not offered.
    async fn sums(&mut self, range: &KeyRange, cuts: &[Key]) -> Result<Option<Vec<RangeSum>>>;

    /// `ErrorKind::UnknownOutcome` where the answer was lost.
    async fn commit(self: Box<Self>) -> Result<()>;

    /// Gives the connection back with nothing changed.
    async fn rollback(self: Box<Self>) -> Result<()>;
}
