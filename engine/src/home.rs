//! What the engine asks of its home, where a sync keeps what it remembers: base blocks, journal, conflicts, rejects,
//! staged deletes and runs. In the service that is PostgreSQL, locally one SQLite file. Values in conflicts are in
//! common form. A `dataset` here is the mapping's name (`source → target`), one string per pair.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use pinksync_model::{ConflictKind, ConflictStatus, DatasetReport, GuardReport, SessionId, Side};
use serde::{Deserialize, Serialize};

use crate::connector::{RangeSum, RowImage};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, KeyRange};
use crate::row::{Hash, Row, SideSpec};
use crate::value::Values;

/// What one side held when a session last left a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub hash: Hash,
    /// Common form; only under `base: values`.
    pub values: Option<Values>,
}

/// The base of one record. Either side may be absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Entry {
    pub source: Option<Held>,
    pub target: Option<Held>,
    /// A decision left the sides different on purpose.
    pub kept: bool,
}

/// What a dataset's base was taken under; a session under other terms is stopped by a guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseTerms {
    pub source_identity: String,
    pub target_identity: String,
    /// Fields, key, filter and types, as text for the message and for comparing.
    pub definition: String,
    /// The two schemas as described, as text.
    pub schema: String,
}

/// Identifies a stored version of a block: a new one at every settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlockId(pub i64);

/// How the records of a block count in a session that finds nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BlockCounts {
    /// Records the two sides hold together (a key counts once).
    pub records: u64,
    pub unchanged: u64,
    pub drift: u64,
    pub target_only: u64,
    pub out_of_scope: u64,
    pub open: u64,
}

/// Both sides' sums when the block was settled, and under which fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSums {
    pub source: RangeSum,
    pub target: RangeSum,
    /// Of everything that decides: strategy, merge, deletes, mirror, filter, mapping, types.
    pub fingerprint: Hash,
    pub counts: BlockCounts,
}

/// A stored block without its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockHeader {
    pub id: BlockId,
    pub range: KeyRange,
    pub entries: u64,
    /// `None`: the block must be compared.
    pub sums: Option<BlockSums>,
    /// The session that last compared it.
    pub checked_by: Option<SessionId>,
}

/// A block to store. `blob` is opaque to the home.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewBlock {
    pub range: KeyRange,
    pub entries: u64,
    pub blob: Vec<u8>,
    pub sums: Option<BlockSums>,
    /// Compared by the settling session (false: the rest of a block that was cut).
    pub checked: bool,
}

/// What was there before a write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Before {
    Absent,
    /// The mapped fields in native form.
    Fields(Values),
    /// The whole record (of a delete).
    Image(RowImage),
}

/// One side's write in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// The key's values on this side.
    pub native_key: Values,
    pub before: Before,
    pub before_hash: Option<Hash>,
    /// What the record is after the write, read back where the system may transform; `None`: deleted.
    pub after_hash: Option<Hash>,
}

/// One key's movement in a session: its writes, and its base entry before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub key: Key,
    pub target: Option<Arc<Applied>>,
    pub source: Option<Arc<Applied>>,
    pub old: Option<Arc<Entry>>,
    pub new: Option<Arc<Entry>>,
    /// In a word or two, as in the plan's `decision`.
    pub decision: Cow<'static, str>,
    /// What settling this entry adds to the report.
    pub tally: Tally,
    /// The conflict that a strategy settled by this movement.
    pub conflict: Option<Box<ConflictRecord>>,
}

/// Counters of the report that one record adds one to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally(pub u32);

impl Tally {
    pub const CREATED_TARGET: Self = Self(1);
    pub const UPDATED_TARGET: Self = Self(1 << 1);
    pub const DELETED_TARGET: Self = Self(1 << 2);
    pub const CREATED_SOURCE: Self = Self(1 << 3);
    pub const UPDATED_SOURCE: Self = Self(1 << 4);
    pub const DELETED_SOURCE: Self = Self(1 << 5);
    pub const ADOPTED: Self = Self(1 << 6);
    pub const SETTLED: Self = Self(1 << 7);
    pub const MERGED: Self = Self(1 << 8);
    pub const RESOLVED: Self = Self(1 << 9);
    pub const TRANSFORMED: Self = Self(1 << 10);
    pub const UNCHANGED: Self = Self(1 << 11);
    pub const DRIFT: Self = Self(1 << 12);
    pub const TARGET_ONLY: Self = Self(1 << 13);
    pub const OUT_OF_SCOPE: Self = Self(1 << 14);
    pub const REJECTED: Self = Self(1 << 15);
    pub const LEFT_ALONE: Self = Self(1 << 16);

    pub fn created(side: Side) -> Self {
        if side == Side::Target { Self::CREATED_TARGET } else { Self::CREATED_SOURCE }
    }

    pub fn updated(side: Side) -> Self {
        if side == Side::Target { Self::UPDATED_TARGET } else { Self::UPDATED_SOURCE }
    }

    pub fn deleted(side: Side) -> Self {
        if side == Side::Target { Self::DELETED_TARGET } else { Self::DELETED_SOURCE }
    }

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// Adds one to each counter named.
    pub fn add_to(self, report: &mut DatasetReport) {
        let one = |flag| u64::from(self.has(flag));
        report.to_target.created += one(Self::CREATED_TARGET);
        report.to_target.updated += one(Self::UPDATED_TARGET);
        report.to_target.deleted += one(Self::DELETED_TARGET);
        report.to_source.created += one(Self::CREATED_SOURCE);
        report.to_source.updated += one(Self::UPDATED_SOURCE);
        report.to_source.deleted += one(Self::DELETED_SOURCE);
        report.adopted += one(Self::ADOPTED);
        report.settled += one(Self::SETTLED);
        report.merged += one(Self::MERGED);
        report.conflicts.resolved += one(Self::RESOLVED);
        report.transformed += one(Self::TRANSFORMED);
        report.unchanged += one(Self::UNCHANGED);
        report.drift += one(Self::DRIFT);
        report.target_only += one(Self::TARGET_ONLY);
        report.out_of_scope += one(Self::OUT_OF_SCOPE);
        report.rejected += one(Self::REJECTED);
        report.left_alone += one(Self::LEFT_ALONE);
    }
}

/// The journal of one transaction pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalChunk {
    pub session: SessionId,
    pub dataset: String,
    pub entries: Vec<JournalEntry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JournalId(pub i64);

/// A conflict to be stored. An open one of the same dataset and key is refreshed (same id), not doubled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConflictRecord {
    pub key: Key,
    pub kind: ConflictKind,
    pub status: ConflictStatus,
    /// The three versions in common form; `None`: absent, or (base) not kept.
    pub base: Option<Values>,
    pub source: Option<Values>,
    pub target: Option<Values>,
    pub decision: Option<String>,
    /// `strategy source_wins`, a person's name, …
    pub decided_by: Option<String>,
}

/// A stored conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredConflict {
    pub id: String,
    pub session: SessionId,
    pub dataset: String,
    pub record: ConflictRecord,
    /// RFC 3339.
    pub opened_at: String,
    pub decided_at: Option<String>,
}

/// A record that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectRecord {
    pub side: Side,
    pub key: Option<Key>,
    pub line: Option<u64>,
    pub code: String,
    pub reason: String,
}

impl RejectRecord {
    /// Nothing is wrong with the record: somebody else had moved it.
    pub fn is_left_alone(&self) -> bool {
        [MOVED_SINCE_PLAN, CHANGED_SINCE].contains(&self.code.as_str())
    }
}

/// Code of a record that a saved plan expected otherwise.
pub const MOVED_SINCE_PLAN: &str = "moved_since_plan";
/// Code of a record that an undo did not touch.
pub const CHANGED_SINCE: &str = "changed_since_session";

/// A record to be looked at again after comparing: a delete that waits for its guards, or a write that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    pub key: Key,
    /// The side to be written.
    pub side: Side,
    pub kind: DeferredKind,
    /// `mirror` deletes have no base entry and are counted apart by the guards.
    pub mirror: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeferredKind {
    Delete,
    SetAside,
}

impl DeferredKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::SetAside => "set_aside",
        }
    }
}

/// One stretch of the base to be replaced.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BaseChange {
    /// What the new blocks cover together.
    pub range: KeyRange,
    /// The blocks that overlap `range`, as they were loaded; the home refuses (`Settled::Moved`) if these are not
    /// exactly the blocks it holds there now.
    pub loaded: Vec<BlockId>,
    /// In order, covering `range` without gaps.
    pub blocks: Vec<NewBlock>,
}

/// Everything one transaction pair came to. The home commits all of it or nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Settlement {
    pub base: Vec<BaseChange>,
    /// Journal chunks that become done.
    pub journals: Vec<JournalId>,
    /// Pending chunks of which only this part was applied: replaced by it, and done.
    pub amended: Vec<(JournalId, JournalChunk)>,
    /// Pending chunks of this dataset that turned out not to have been applied: they are removed.
    pub void_journals: Vec<JournalId>,
    pub conflicts: Vec<ConflictRecord>,
    /// Keys whose open conflict, if there is one, is closed as superseded.
    pub supersede: Vec<Key>,
    /// Conflicts settled by a person or by undo: id, new status, decision, who.
    pub decide: Vec<(String, ConflictStatus, Option<String>, Option<String>)>,
    pub rejects: Vec<RejectRecord>,
    pub defer: Vec<Deferred>,
    pub done: Vec<(Key, DeferredKind)>,
    /// Added to the session's counters of this dataset.
    pub counted: DatasetReport,
    /// Blocks found unchanged by their sums: marked as compared by this session.
    pub skipped: Vec<BlockId>,
    /// Every conflict that this session settled is open again (undo).
    pub reopen: Option<SessionId>,
    /// Journal chunks (of an undone session) that have been taken back.
    pub undone: Vec<JournalId>,
}

#[must_use = "what was `Moved` is not stored"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Done,
    /// A block was replaced since it was loaded; nothing was stored: do the segment again.
    Moved,
}

impl Settled {
    /// What moved as an error that another attempt may mend.
    pub fn done(self, operation: &'static str) -> Result<()> {
        match self {
            Self::Done => Ok(()),
            Self::Moved => Err(Error::new(ErrorKind::Aborted, operation, "the base was changed by another process")
                .with_remedy("do it again, once no other process works on this sync")),
        }
    }
}

/// Where a sync's memory lives. Every method is atomic and, where it writes, durable on return.
#[async_trait]
pub trait Home: Send + Sync {
    async fn terms(&self, dataset: &str) -> Result<Option<BaseTerms>>;

    /// Stores the terms; `forget` drops the dataset's blocks and open conflicts (`--allow definition_changed`).
    async fn set_terms(&self, dataset: &str, terms: &BaseTerms, forget: bool) -> Result<()>;

    /// All blocks in key order. Stretches without a block have no entries yet.
    async fn blocks(&self, dataset: &str) -> Result<Vec<BlockHeader>>;

    /// The blocks that overlap a range, in key order.
    async fn blocks_within(&self, dataset: &str, range: &KeyRange) -> Result<Vec<BlockHeader>> {
        let all = self.blocks(dataset).await?;
        Ok(all.into_iter().filter(|header| header.range.overlaps(range)).collect())
    }

    /// The blobs of blocks, in the order asked. A block that is gone is an error of kind `Aborted`.
    async fn load(&self, dataset: &str, ids: &[BlockId]) -> Result<Vec<Vec<u8>>>;

    /// Asked right before each commit on a system: fails where this process may not write any more, since another one has
    /// taken its work over.
    async fn hold(&self) -> Result<()> {
        Ok(())
    }

    /// Stores a chunk as pending before its transactions are committed.
    async fn journal(&self, chunk: &JournalChunk) -> Result<JournalId>;

    /// Pending chunks of a dataset, oldest first, whatever their session, beyond `after`; at most `limit`.
    async fn pending(
        &self,
        dataset: &str,
        after: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>>;

    /// One chunk of a dataset, if it is pending.
    async fn pending_chunk(&self, dataset: &str, id: JournalId) -> Result<Option<JournalChunk>>;

    /// Done chunks of a session that are not undone, newest first, below `before`; at most `limit`.
    async fn history(
        &self,
        session: SessionId,
        before: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>>;

    async fn settle(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<Settled>;

    /// As `settle`, but takes effect only with [`Home::settle_prepared`] (sides that publish once per dataset).
    /// Prepared settlements of a dataset from a process that died are dropped by [`Home::drop_prepared`].
    async fn prepare(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<()>;

    async fn settle_prepared(&self, session: SessionId, dataset: &str) -> Result<Settled>;

    async fn drop_prepared(&self, dataset: &str) -> Result<()>;

    /// Keys in `range` that have an open conflict.
    async fn open_conflicts(&self, dataset: &str, range: &KeyRange) -> Result<Vec<Key>>;

    /// Number of conflicts of a dataset that wait for a person: open, not `contended`, and not opened again by the undo
    /// of the session that found and settled them, which the next one decides.
    async fn count_open(&self, dataset: &str) -> Result<u64>;

    /// Open conflicts of kind `contended`, with the session that found them: the next one decides their records afresh.
    async fn contended(&self, dataset: &str) -> Result<Vec<(Key, SessionId)>>;

    async fn deferred(
        &self,
        session: SessionId,
        dataset: &str,
        kind: DeferredKind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Deferred>>;

    /// Deferred records by side: (source, target).
    async fn count_deferred(&self, session: SessionId, dataset: &str, kind: DeferredKind) -> Result<(u64, u64)>;

    /// Whether the session has rejects without a key, of the source and of the target: absence there proves nothing, also
    /// for a process that goes on with the session.
    async fn unknown_rejects(&self, session: SessionId, dataset: &str) -> Result<(bool, bool)>;

    /// Keys of the records that the session left out, each once (rejects, left alone).
    async fn left_out(&self, session: SessionId, dataset: &str) -> Result<Vec<Key>>;

    /// Keeps guards that were overridden in a session, for its report; of a guard and dataset the first stands.
    async fn note_overridden(&self, session: SessionId, guards: &[GuardReport]) -> Result<()>;

    /// The guards that were overridden in a session so far, in the order they were noted.
    async fn overridden(&self, session: SessionId) -> Result<Vec<GuardReport>>;

    /// The session's counters so far, by dataset in the order of first settle.
    async fn counted(&self, session: SessionId) -> Result<Vec<(String, DatasetReport)>>;

    /// Whether another process can read what this one has staged.
    fn shares_runs(&self) -> bool {
        false
    }

    /// The run that was staged last of a dataset and side, by whichever process; `None` where there is none.
    async fn open_run(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Option<Arc<dyn Run>>> {
        let _ = (dataset, side, spec);
        Ok(None)
    }

    /// Forgets what was staged of a dataset and side: nobody reads it any more.
    async fn drop_run(&self, dataset: &str, side: Side) -> Result<()> {
        let _ = (dataset, side);
        Ok(())
    }

    /// Begins a staged run of unordered rows; an earlier one of the same dataset and side is dropped.
    async fn stage(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Box<dyn RunWriter>>;
}

/// Takes rows in any order, in bounded memory.
#[async_trait]
pub trait RunWriter: Send {
    async fn push(&mut self, rows: Vec<Row>) -> Result<()>;

    /// Sorts and closes the run. Duplicate keys are an error of kind `Data` that names them.
    async fn finish(self: Box<Self>) -> Result<Arc<dyn Run>>;
}

/// A staged side, read in key order.
#[async_trait]
pub trait Run: Send + Sync {
    /// Rows of `range` in key order, up to about `budget` bytes; `cut` as in [`crate::connector::Page`].
    async fn read(&self, range: &KeyRange, budget: usize) -> Result<(Vec<Row>, Option<Key>)>;

    /// Keys that cut the run into ranges of about `rows` rows.
    fn split(&self, rows: u64) -> Vec<Key>;

    /// Count and XOR of [`Row::fingerprint`], per part as in `Transaction::sums`.
    async fn sums(&self, range: &KeyRange, cuts: &[Key]) -> Result<Vec<RangeSum>>;
}
