//! A home in memory.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use pinksync_model::{ConflictKind, ConflictStatus, DatasetReport, GuardReport, SessionId, Side};

use super::home_state::{HomeState, JournalState};
use super::run::{self, Runs, Sorter};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{
    BaseTerms, BlockHeader, BlockId, Deferred, DeferredKind, Home, JournalChunk, JournalId, RejectRecord, Run,
    RunWriter, Settled, Settlement, StoredConflict,
};
use crate::key::{Key, KeyRange};
use crate::row::SideSpec;

/// A home in memory. Clones are the same home; [`MemoryHome::fork`] makes another one. What it holds outlives the
/// sessions that use it, so that a crash is to drop a session and to begin another one over the same home.
#[derive(Debug, Clone, Default)]
pub struct MemoryHome {
    state: Arc<Mutex<HomeState>>,
    runs: Runs,
}

impl MemoryHome {
    pub fn new() -> Self {
        Self::default()
    }

    /// As the engine takes it.
    pub fn side(&self) -> Arc<dyn Home> {
        Arc::new(self.clone())
    }

    /// Another home that begins with what this one holds now.
    #[must_use]
    pub fn fork(&self) -> Self {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { state: Arc::new(Mutex::new(self.lock().clone())), runs: Arc::new(Mutex::new(runs)) }
    }

    /// All conflicts of a dataset, in the order in which they were found.
    pub fn conflicts(&self, dataset: &str) -> Vec<StoredConflict> {
        self.lock().conflicts.iter().filter(|conflict| conflict.dataset == dataset).cloned().collect()
    }

    /// What a session left out of a dataset.
    pub fn rejects(&self, session: SessionId, dataset: &str) -> Vec<RejectRecord> {
        let state = self.lock();
        let of_session = state.rejects.iter().filter(|(of, name, _)| *of == session && name == dataset);
        of_session.map(|(_, _, reject)| reject.clone()).collect()
    }

    /// Journal chunks of a dataset whose transactions may or may not have been committed.
    pub fn pending_journals(&self, dataset: &str) -> usize {
        let state = self.lock();
        let pending = |state: JournalState| state == JournalState::Pending;
        state.journals.values().filter(|journal| pending(journal.state) && journal.chunk.dataset == dataset).count()
    }

    /// Chunks of a session that are done and not undone, oldest first.
    pub fn done_journals(&self, session: SessionId) -> Vec<Arc<JournalChunk>> {
        let state = self.lock();
        let done = state.journals.values().filter(|journal| journal.state == JournalState::Done);
        done.filter(|journal| journal.chunk.session == session).map(|journal| journal.chunk.clone()).collect()
    }

    /// Settlements that wait for [`Home::settle_prepared`].
    pub fn prepared(&self) -> usize {
        self.lock().prepared.len()
    }

    fn lock(&self) -> MutexGuard<'_, HomeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Home for MemoryHome {
    async fn terms(&self, dataset: &str) -> Result<Option<BaseTerms>> {
        Ok(self.lock().dataset(dataset).terms.clone())
    }

    async fn set_terms(&self, dataset: &str, terms: &BaseTerms, forget: bool) -> Result<()> {
        let mut state = self.lock();
        let held = state.dataset(dataset);
        held.terms = Some(terms.clone());
        if forget {
            held.blocks.clear();
            let now = state.now();
            for conflict in state.conflicts.iter_mut().filter(|conflict| is_open(conflict, dataset)) {
                conflict.record.status = ConflictStatus::Superseded;
                conflict.record.decision = Some("base dropped".to_owned());
                conflict.decided_at = Some(now.clone());
            }
        }
        Ok(())
    }

    async fn blocks(&self, dataset: &str) -> Result<Vec<BlockHeader>> {
        Ok(self.lock().dataset(dataset).blocks.values().map(|block| block.header.clone()).collect())
    }

    async fn load(&self, dataset: &str, ids: &[BlockId]) -> Result<Vec<Vec<u8>>> {
        let mut state = self.lock();
        let held = state.dataset(dataset);
        let gone =
            || Error::new(ErrorKind::Aborted, "load base blocks", "one of them was replaced").with_remedy("try again");
        ids.iter().map(|id| held.block(*id).map(|block| block.blob.to_vec()).ok_or_else(gone)).collect()
    }

    async fn journal(&self, chunk: &JournalChunk) -> Result<JournalId> {
        tokio::task::yield_now().await;
        Ok(self.lock().journal(chunk.clone()))
    }

    async fn pending(
        &self,
        dataset: &str,
        after: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>> {
        let state = self.lock();
        let wanted = state.journals.iter().filter(|(id, journal)| {
            journal.state == JournalState::Pending
                && journal.chunk.dataset == dataset
                && after.is_none_or(|after| **id > after)
        });
        Ok(wanted.take(limit).map(|(id, journal)| (*id, journal.chunk.as_ref().clone())).collect())
    }

    async fn pending_chunk(&self, dataset: &str, id: JournalId) -> Result<Option<JournalChunk>> {
        let state = self.lock();
        let found = state.journals.get(&id).filter(|journal| journal.state == JournalState::Pending);
        Ok(found.map(|journal| journal.chunk.as_ref().clone()).filter(|chunk| chunk.dataset == dataset))
    }

    async fn history(
        &self,
        session: SessionId,
        before: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>> {
        let state = self.lock();
        let wanted = state.journals.iter().rev().filter(|(id, journal)| {
            journal.state == JournalState::Done
                && journal.chunk.session == session
                && before.is_none_or(|before| **id < before)
        });
        Ok(wanted.take(limit).map(|(id, journal)| (*id, journal.chunk.as_ref().clone())).collect())
    }

    async fn settle(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<Settled> {
        tokio::task::yield_now().await;
        self.lock().settle(session, dataset, settlement)
    }

    async fn prepare(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<()> {
        tokio::task::yield_now().await;
        self.lock().prepared.push((session, dataset.to_owned(), settlement.clone()));
        Ok(())
    }

    async fn settle_prepared(&self, session: SessionId, dataset: &str) -> Result<Settled> {
        tokio::task::yield_now().await;
        let mut state = self.lock();
        let mut after = state.clone();
        let (wanted, others): (Vec<_>, Vec<_>) = std::mem::take(&mut after.prepared)
            .into_iter()
            .partition(|(of, name, _)| *of == session && name == dataset);
        after.prepared = others;
        for (_, _, settlement) in &wanted {
            if after.settle(session, dataset, settlement)? == Settled::Moved {
                return Ok(Settled::Moved);
            }
        }
        *state = after;
        Ok(Settled::Done)
    }

    async fn drop_prepared(&self, dataset: &str) -> Result<()> {
        self.lock().prepared.retain(|(_, name, _)| name != dataset);
        Ok(())
    }

    async fn open_conflicts(&self, dataset: &str, range: &KeyRange) -> Result<Vec<Key>> {
        let state = self.lock();
        let open = state.conflicts.iter().filter(|conflict| is_open(conflict, dataset));
        let mut keys: Vec<Key> =
            open.map(|conflict| conflict.record.key.clone()).filter(|key| range.contains(key)).collect();
        keys.sort();
        Ok(keys)
    }

    async fn count_open(&self, dataset: &str) -> Result<u64> {
        let state = self.lock();
        let asks = |conflict: &StoredConflict| !is_contended(conflict) && !state.asks_nobody.contains(&conflict.id);
        Ok(state.conflicts.iter().filter(|conflict| is_open(conflict, dataset) && asks(conflict)).count() as u64)
    }

    async fn contended(&self, dataset: &str) -> Result<Vec<(Key, SessionId)>> {
        let state = self.lock();
        let found = state.conflicts.iter().filter(|conflict| is_open(conflict, dataset) && is_contended(conflict));
        Ok(found.map(|conflict| (conflict.record.key.clone(), conflict.session)).collect())
    }

    async fn deferred(
        &self,
        session: SessionId,
        dataset: &str,
        kind: DeferredKind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Deferred>> {
        let state = self.lock();
        let wanted = state.deferred.iter().filter(|((of, name, held_kind, key), _)| {
            *of == session && name == dataset && *held_kind == kind.as_str() && after.is_none_or(|after| key > after)
        });
        Ok(wanted.take(limit).map(|(_, deferred)| deferred.clone()).collect())
    }

    async fn count_deferred(&self, session: SessionId, dataset: &str, kind: DeferredKind) -> Result<(u64, u64)> {
        let all = self.deferred(session, dataset, kind, None, usize::MAX).await?;
        let source = all.iter().filter(|deferred| deferred.side == Side::Source).count();
        Ok((source as u64, (all.len() - source) as u64))
    }

    async fn unknown_rejects(&self, session: SessionId, dataset: &str) -> Result<(bool, bool)> {
        let rejects = self.rejects(session, dataset);
        let of = |side| rejects.iter().any(|reject| reject.side == side && reject.key.is_none());
        Ok((of(Side::Source), of(Side::Target)))
    }

    async fn left_out(&self, session: SessionId, dataset: &str) -> Result<Vec<Key>> {
        let keys: BTreeSet<Key> = self.rejects(session, dataset).into_iter().filter_map(|reject| reject.key).collect();
        Ok(keys.into_iter().collect())
    }

    async fn note_overridden(&self, session: SessionId, guards: &[GuardReport]) -> Result<()> {
        let mut state = self.lock();
        for guard in guards {
            let same = |noted: &GuardReport| (&noted.name, &noted.dataset) == (&guard.name, &guard.dataset);
            if !state.overridden.iter().any(|(of, noted)| *of == session && same(noted)) {
                state.overridden.push((session, guard.clone()));
            }
        }
        Ok(())
    }

    async fn overridden(&self, session: SessionId) -> Result<Vec<GuardReport>> {
        let state = self.lock();
        Ok(state.overridden.iter().filter(|(of, _)| *of == session).map(|(_, guard)| guard.clone()).collect())
    }

    async fn counted(&self, session: SessionId) -> Result<Vec<(String, DatasetReport)>> {
        let state = self.lock();
        let of_session = state.counted.iter().filter(|(of, ..)| *of == session);
        Ok(of_session.map(|(_, name, report)| (name.clone(), report.clone())).collect())
    }

    fn shares_runs(&self) -> bool {
        true
    }

    async fn open_run(&self, dataset: &str, side: Side, _spec: Arc<SideSpec>) -> Result<Option<Arc<dyn Run>>> {
        Ok(run::open(&self.runs, &(dataset.to_owned(), side)))
    }

    async fn drop_run(&self, dataset: &str, side: Side) -> Result<()> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&(dataset.to_owned(), side));
        Ok(())
    }

    async fn stage(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Box<dyn RunWriter>> {
        Ok(Box::new(Sorter::new(spec, Arc::clone(&self.runs), (dataset.to_owned(), side))))
    }
}

fn is_contended(conflict: &StoredConflict) -> bool {
    conflict.record.kind == ConflictKind::Contended
}

fn is_open(conflict: &StoredConflict, dataset: &str) -> bool {
    conflict.record.status == ConflictStatus::Open && conflict.dataset == dataset
}
