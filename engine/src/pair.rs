//! A dataset pair opened on both systems, with what was staged of its unordered sides.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pinksync_model::Side;

use crate::connector::{Dataset, Guard};
use crate::home::{BlockHeader, BlockId, Run};
use crate::key::{Key, KeyRange, SortedKeys};
use crate::mapping::Mapping;

/// One side of a pair.
pub struct OpenSide {
    pub dataset: Arc<dyn Dataset>,
    /// The staged rows, where the side is not read in key order.
    pub run: Option<Arc<dyn Run>>,
    /// Keys of staged records that could not be understood.
    pub unreadable: SortedKeys,
    /// Staged records that could not be read and whose key is not known.
    pub unknown: u64,
    /// A record could not be read and its key is not known: no delete is derived from this side.
    incomplete: AtomicBool,
}

impl OpenSide {
    pub fn new(dataset: Arc<dyn Dataset>) -> Self {
        Self { dataset, run: None, unreadable: SortedKeys::default(), unknown: 0, incomplete: AtomicBool::new(false) }
    }

    pub fn mark_incomplete(&self) {
        self.incomplete.store(true, Ordering::Relaxed);
    }

    pub fn is_incomplete(&self) -> bool {
        self.incomplete.load(Ordering::Relaxed)
    }

    /// A staged side was read before the transaction: its rows are compared under a lock.
    pub fn guard(&self) -> Guard {
        if self.run.is_some() { Guard::Compare } else { Guard::Snapshot }
    }

    /// Writes take effect one by one as they are sent: there is no transaction around them.
    pub fn writes_at_once(&self) -> bool {
        let capabilities = self.dataset.capabilities();
        !capabilities.transactional && !capabilities.publishes
    }

    /// The side's sums can be told from the rows that were compared.
    pub fn has_content_sums(&self) -> bool {
        self.run.is_some() || self.dataset.capabilities().content_sums
    }

    pub fn has_sums(&self) -> bool {
        self.run.is_some() || self.dataset.capabilities().sums
    }
}

/// A dataset pair ready to be compared.
pub struct Pair {
    pub mapping: Mapping,
    pub source: OpenSide,
    pub target: OpenSide,
    /// The base is taken as none: this only looks, and the session that it foretells drops the base first.
    pub base_dropped: bool,
    /// Keys whose writes were found in a pending journal: they are counted, and to be found unchanged is no news.
    reconciled: Mutex<HashSet<Key>>,
    /// Keys that an earlier process of this session has counted, and that are compared again.
    pub counted_before: HashSet<Key>,
    /// Blocks that were left out since their sums are as they were.
    skipped: Mutex<HashSet<BlockId>>,
}

impl Pair {
    pub fn new(mapping: Mapping, source: Arc<dyn Dataset>, target: Arc<dyn Dataset>) -> Self {
        let (source, target) = (OpenSide::new(source), OpenSide::new(target));
        Self {
            mapping,
            source,
            target,
            base_dropped: false,
            reconciled: Mutex::default(),
            counted_before: HashSet::new(),
            skipped: Mutex::default(),
        }
    }

    pub fn reconciled(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.reconciled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn skipped(&self) -> MutexGuard<'_, HashSet<BlockId>> {
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn side(&self, side: Side) -> &OpenSide {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    pub fn name(&self) -> &str {
        &self.mapping.name
    }

    /// Staging could not read a record of this key on some side.
    pub fn is_unreadable(&self, key: &Key) -> bool {
        self.source.unreadable.contains(key) || self.target.unreadable.contains(key)
    }

    /// Some side's writes take effect only when the whole dataset is published.
    pub fn publishes(&self) -> bool {
        self.source.dataset.capabilities().publishes || self.target.dataset.capabilities().publishes
    }
}

/// A stretch of keys to be compared, and the stored blocks that overlap it, in key order.
#[derive(Debug, Clone)]
pub struct PlannedRange {
    pub range: KeyRange,
    pub blocks: Vec<BlockHeader>,
}

impl PlannedRange {
    /// A range with the blocks that overlap it.
    pub fn over(range: KeyRange, headers: &[BlockHeader]) -> Self {
        let blocks = headers.iter().filter(|header| header.range.overlaps(&range)).cloned().collect();
        Self { range, blocks }
    }
}
