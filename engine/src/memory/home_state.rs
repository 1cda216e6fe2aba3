//! Everything a memory home holds. All of it is durable: what a process keeps only for itself is not in here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pinksync_model::{ConflictStatus, DatasetReport, GuardReport, SessionId};

use crate::home::{
    BaseTerms, BlockHeader, BlockId, Deferred, JournalChunk, JournalId, RejectRecord, Settlement, StoredConflict,
};
use crate::key::{Key, KeyRange};

#[derive(Debug, Clone, Default)]
pub(super) struct HomeState {
    pub datasets: BTreeMap<String, DatasetState>,
    pub journals: BTreeMap<JournalId, Journal>,
    /// In the order in which they were found.
    pub conflicts: Vec<StoredConflict>,
    /// The session that settled a conflict, by the conflict's id.
    pub decided_in: BTreeMap<String, SessionId>,
    /// Conflicts that an undo opened again and the next session decides, by id.
    pub asks_nobody: BTreeSet<String>,
    pub rejects: Vec<(SessionId, String, RejectRecord)>,
    /// By session, dataset, kind (as text) and key.
    pub deferred: BTreeMap<(SessionId, String, &'static str, Key), Deferred>,
    /// In the order of first settle.
    pub counted: Vec<(SessionId, String, DatasetReport)>,
    pub overridden: Vec<(SessionId, GuardReport)>,
    pub prepared: Vec<(SessionId, String, Settlement)>,
    last_id: i64,
    ticks: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct DatasetState {
    pub terms: Option<BaseTerms>,
    /// By lower bound; none of them overlap.
    pub blocks: BTreeMap<Option<Key>, Block>,
}

#[derive(Debug, Clone)]
pub(super) struct Block {
    pub header: BlockHeader,
    pub blob: Arc<[u8]>,
}

#[derive(Debug, Clone)]
pub(super) struct Journal {
    pub chunk: Arc<JournalChunk>,
    pub state: JournalState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JournalState {
    /// Its transactions may or may not have been committed.
    Pending,
    Done,
    /// Taken back by an undo.
    Undone,
}

impl HomeState {
    /// A number that was never given out before.
    pub fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// A time later than all before it, as RFC 3339. It is none of a real clock, so that tests repeat exactly.
    pub fn now(&mut self) -> String {
        self.ticks += 1;
        format!("2000-01-01T00:00:00.{:09}Z", self.ticks)
    }

    pub fn dataset(&mut self, name: &str) -> &mut DatasetState {
        self.datasets.entry(name.to_owned()).or_default()
    }

    pub fn journal(&mut self, chunk: JournalChunk) -> JournalId {
        let id = JournalId(self.next_id());
        self.journals.insert(id, Journal { chunk: Arc::new(chunk), state: JournalState::Pending });
        id
    }

    /// The open conflict of a key.
    pub fn open_conflict(&mut self, dataset: &str, key: &Key) -> Option<&mut StoredConflict> {
        self.conflicts.iter_mut().find(|conflict| {
            conflict.record.status == ConflictStatus::Open && conflict.dataset == dataset && conflict.record.key == *key
        })
    }
}

impl DatasetState {
    /// Blocks that have a key in common with `range`, in key order.
    pub fn overlapping(&self, range: &KeyRange) -> impl Iterator<Item = &Block> {
        self.blocks.values().filter(|block| overlap(&block.header.range, range))
    }

    pub fn block(&self, id: BlockId) -> Option<&Block> {
        self.blocks.values().find(|block| block.header.id == id)
    }
}

/// Two ranges have a stretch in common.
pub(super) fn overlap(one: &KeyRange, other: &KeyRange) -> bool {
    let ends_before = |high: &Option<Key>, low: &Option<Key>| match (high, low) {
        (Some(high), Some(low)) => high <= low,
        _ => false,
    };
    !ends_before(&one.high, &other.low) && !ends_before(&other.high, &one.low)
}
