//! A home as a process reaches it that may die.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_model::{DatasetReport, GuardReport, SessionId, Side};

use super::Faults;
use crate::connector::RangeSum;
use crate::error::Result;
use crate::home::{
    BaseTerms, BlockHeader, BlockId, Deferred, DeferredKind, Home, JournalChunk, JournalId, Run, RunWriter, Settled,
    Settlement,
};
use crate::key::{Key, KeyRange};
use crate::row::{Row, SideSpec};

pub(super) struct FaultyHome {
    pub faults: Faults,
    pub inner: Arc<dyn Home>,
}

#[async_trait]
impl Home for FaultyHome {
    async fn terms(&self, dataset: &str) -> Result<Option<BaseTerms>> {
        self.faults.query(self.inner.terms(dataset)).await
    }

    async fn set_terms(&self, dataset: &str, terms: &BaseTerms, forget: bool) -> Result<()> {
        self.faults.effect("set terms", self.inner.set_terms(dataset, terms, forget)).await
    }

    async fn blocks(&self, dataset: &str) -> Result<Vec<BlockHeader>> {
        self.faults.query(self.inner.blocks(dataset)).await
    }

    async fn load(&self, dataset: &str, ids: &[BlockId]) -> Result<Vec<Vec<u8>>> {
        self.faults.query(self.inner.load(dataset, ids)).await
    }

    async fn journal(&self, chunk: &JournalChunk) -> Result<JournalId> {
        self.faults.effect("journal", self.inner.journal(chunk)).await
    }

    async fn pending(
        &self,
        dataset: &str,
        after: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>> {
        self.faults.query(self.inner.pending(dataset, after, limit)).await
    }

    async fn pending_chunk(&self, dataset: &str, id: JournalId) -> Result<Option<JournalChunk>> {
        self.faults.query(self.inner.pending_chunk(dataset, id)).await
    }

    async fn history(
        &self,
        session: SessionId,
        before: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>> {
        self.faults.query(self.inner.history(session, before, limit)).await
    }

    async fn settle(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<Settled> {
        self.faults.effect("settle", self.inner.settle(session, dataset, settlement)).await
    }

    async fn prepare(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<()> {
        self.faults.effect("prepare", self.inner.prepare(session, dataset, settlement)).await
    }

    async fn settle_prepared(&self, session: SessionId, dataset: &str) -> Result<Settled> {
        self.faults.effect("settle prepared", self.inner.settle_prepared(session, dataset)).await
    }

    async fn drop_prepared(&self, dataset: &str) -> Result<()> {
        self.faults.effect("drop prepared", self.inner.drop_prepared(dataset)).await
    }

    async fn open_conflicts(&self, dataset: &str, range: &KeyRange) -> Result<Vec<Key>> {
        self.faults.query(self.inner.open_conflicts(dataset, range)).await
    }

    async fn count_open(&self, dataset: &str) -> Result<u64> {
        self.faults.query(self.inner.count_open(dataset)).await
    }

    async fn contended(&self, dataset: &str) -> Result<Vec<(Key, SessionId)>> {
        self.faults.query(self.inner.contended(dataset)).await
    }

    async fn deferred(
        &self,
        session: SessionId,
        dataset: &str,
        kind: DeferredKind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Deferred>> {
        self.faults.query(self.inner.deferred(session, dataset, kind, after, limit)).await
    }

    async fn count_deferred(&self, session: SessionId, dataset: &str, kind: DeferredKind) -> Result<(u64, u64)> {
        self.faults.query(self.inner.count_deferred(session, dataset, kind)).await
    }

    async fn unknown_rejects(&self, session: SessionId, dataset: &str) -> Result<(bool, bool)> {
        self.faults.query(self.inner.unknown_rejects(session, dataset)).await
    }

    async fn left_out(&self, session: SessionId, dataset: &str) -> Result<Vec<Key>> {
        self.faults.query(self.inner.left_out(session, dataset)).await
    }

    async fn note_overridden(&self, session: SessionId, guards: &[GuardReport]) -> Result<()> {
        self.faults.effect("note overridden guards", self.inner.note_overridden(session, guards)).await
    }

    async fn overridden(&self, session: SessionId) -> Result<Vec<GuardReport>> {
        self.faults.query(self.inner.overridden(session)).await
    }

    async fn counted(&self, session: SessionId) -> Result<Vec<(String, DatasetReport)>> {
        self.faults.query(self.inner.counted(session)).await
    }

    fn shares_runs(&self) -> bool {
        self.inner.shares_runs()
    }

    async fn open_run(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Option<Arc<dyn Run>>> {
        self.faults.query(self.inner.open_run(dataset, side, spec)).await
    }

    async fn drop_run(&self, dataset: &str, side: Side) -> Result<()> {
        self.faults.query(self.inner.drop_run(dataset, side)).await
    }

    async fn stage(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Box<dyn RunWriter>> {
        let inner = self.faults.query(self.inner.stage(dataset, side, spec)).await?;
        Ok(Box::new(FaultyWriter { faults: self.faults.clone(), inner }))
    }
}

struct FaultyWriter {
    faults: Faults,
    inner: Box<dyn RunWriter>,
}

#[async_trait]
impl RunWriter for FaultyWriter {
    async fn push(&mut self, rows: Vec<Row>) -> Result<()> {
        self.faults.query(self.inner.push(rows)).await
    }

    async fn finish(self: Box<Self>) -> Result<Arc<dyn Run>> {
        let run = self.faults.query(self.inner.finish()).await?;
        Ok(Arc::new(FaultyRun { faults: self.faults, inner: run }))
    }
}

struct FaultyRun {
    faults: Faults,
    inner: Arc<dyn Run>,
}

#[async_trait]
impl Run for FaultyRun {
    async fn read(&self, range: &KeyRange, budget: usize) -> Result<(Vec<Row>, Option<Key>)> {
        self.faults.query(self.inner.read(range, budget)).await
    }

    fn split(&self, rows: u64) -> Vec<Key> {
        self.inner.split(rows)
    }

    async fn sums(&self, range: &KeyRange, cuts: &[Key]) -> Result<Vec<RangeSum>> {
        self.faults.query(self.inner.sums(range, cuts)).await
    }
}
