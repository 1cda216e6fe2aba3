//! A unit of collected changes: kept at commit, dropped otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use pinksync_engine::connector::{Found, Outcome, Page, RangeSum, Transaction, Write};
use pinksync_engine::key::{Key, KeyRange};
use pinksync_engine::{Error, ErrorKind, Result, Values};

use super::error::moved;
use super::{Shared, blocking, write};

pub struct CsvTransaction {
    shared: Arc<Shared>,
    id: u64,
    /// Of the dataset's changes when this one began.
    epoch: u64,
    /// Has collected something that is not committed.
    pending: bool,
    /// False once this is dropped: a call that was cancelled before it began must not collect any more.
    alive: Arc<AtomicBool>,
}

impl CsvTransaction {
    pub fn begin(shared: Arc<Shared>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (id, epoch) = (NEXT.fetch_add(1, Ordering::Relaxed), shared.state().changes.epoch);
        Self { shared, id, epoch, pending: false, alive: Arc::new(AtomicBool::new(true)) }
    }
}

impl Drop for CsvTransaction {
    fn drop(&mut self) {
        self.alive.store(false, Ordering::SeqCst);
        if self.pending {
            self.shared.state().changes.drop_uncommitted(self.id);
        }
    }
}

#[async_trait]
impl Transaction for CsvTransaction {
    async fn read(&mut self, _range: &KeyRange, _budget: usize) -> Result<Page> {
        Err(Error::new(ErrorKind::Other, "read a range", "a file is not in key order"))
    }

    async fn lookup(&mut self, keys: &[Values]) -> Result<Vec<Found>> {
        let (shared, keys, id) = (self.shared.clone(), keys.to_vec(), self.id);
        blocking("look records up", move || write::lookup(&shared.source, &mut shared.state(), id, &keys)).await
    }

    async fn write(&mut self, writes: Vec<Write>) -> Result<Vec<Outcome>> {
        self.pending = true;
        let (shared, id, epoch, alive) = (self.shared.clone(), self.id, self.epoch, self.alive.clone());
        blocking("collect changes", move || {
            let mut state = shared.state();
            if state.changes.epoch != epoch || !alive.load(Ordering::SeqCst) {
                return Err(moved(&shared.source.file.path));
            }
            write::collect(&shared.source, &mut state, id, &writes)
        })
        .await
    }

    async fn sums(&mut self, _range: &KeyRange, _cuts: &[Key]) -> Result<Option<Vec<RangeSum>>> {
        Ok(None)
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        if !std::mem::take(&mut self.pending) {
            return Ok(());
        }
        let (shared, id, epoch) = (self.shared.clone(), self.id, self.epoch);
        blocking("keep changes", move || {
            let mut state = shared.state();
            if state.changes.epoch != epoch {
                return Err(moved(&shared.source.file.path));
            }
            state.changes.commit(id);
            Ok(())
        })
        .await
    }

    async fn rollback(mut self: Box<Self>) -> Result<()> {
        self.pending = false;
        let (shared, id) = (self.shared.clone(), self.id);
        blocking("drop changes", move || {
            shared.state().changes.drop_uncommitted(id);
            Ok(())
        })
        .await
    }
}
