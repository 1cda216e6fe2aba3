//! The state file as the engine's home: each method is one transaction on the thread that owns the connection.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::home::{
    BaseTerms, BlockHeader, BlockId, Deferred, DeferredKind, Home, JournalChunk, JournalId, RunWriter, Settled,
    Settlement,
};
use pinksync_engine::row::SideSpec;
use pinksync_engine::stored::pack;
use pinksync_engine::{Key, KeyRange, Result};
use pinksync_model::{DatasetReport, GuardReport, SessionId, Side};

use super::error::Fault;
use super::journal::{Packed, Stored};
use super::session as sessions;
use super::{StateFile, base, conflict, dataset, journal, leftover, settle};

#[async_trait]
impl Home for StateFile {
    async fn terms(&self, dataset: &str) -> Result<Option<BaseTerms>> {
        let name = dataset.to_owned();
        self.reader.call("read the base's terms", move |connection| dataset::terms(connection, &name)).await
    }

    async fn set_terms(&self, dataset: &str, terms: &BaseTerms, forget: bool) -> Result<()> {
        const OPERATION: &str = "store the base's terms";
        let (name, terms) = (dataset.to_owned(), terms.clone());
        let work = move |connection: &mut _| dataset::set_terms(connection, &name, &terms, forget);
        self.writer(OPERATION)?.call(OPERATION, work).await
    }

    async fn blocks(&self, dataset: &str) -> Result<Vec<BlockHeader>> {
        let name = dataset.to_owned();
        self.reader.call("list the base's blocks", move |connection| base::blocks(connection, &name)).await
    }

    async fn load(&self, dataset: &str, ids: &[BlockId]) -> Result<Vec<Vec<u8>>> {
        let (name, ids) = (dataset.to_owned(), ids.to_vec());
        self.reader.call("load blocks of the base", move |connection| base::load(connection, &name, &ids)).await
    }

    async fn journal(&self, chunk: &JournalChunk) -> Result<JournalId> {
        const OPERATION: &str = "write the journal";
        let packed = Packed::of(chunk).map_err(|fault| fault.into_error(OPERATION, self.path()))?;
        self.writer(OPERATION)?.call(OPERATION, move |connection| journal::append(connection, &packed)).await
    }

    async fn pending(
        &self,
        dataset: &str,
        after: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>> {
        const OPERATION: &str = "read the pending journal";
        let name = dataset.to_owned();
        let stored =
            self.reader.call(OPERATION, move |connection| journal::pending(connection, &name, after, limit)).await?;
        self.unpack(OPERATION, stored)
    }

    async fn pending_chunk(&self, dataset: &str, id: JournalId) -> Result<Option<JournalChunk>> {
        const OPERATION: &str = "read a pending chunk";
        let name = dataset.to_owned();
        let stored =
            self.reader.call(OPERATION, move |connection| journal::pending_chunk(connection, &name, id)).await?;
        Ok(self.unpack(OPERATION, stored.into_iter().collect())?.pop().map(|(_, chunk)| chunk))
    }

    async fn history(
        &self,
        session: SessionId,
        before: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>> {
        const OPERATION: &str = "read the journal";
        let id = session.to_string();
        let stored =
            self.reader.call(OPERATION, move |connection| journal::history(connection, &id, before, limit)).await?;
        self.unpack(OPERATION, stored)
    }

    async fn settle(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<Settled> {
        const OPERATION: &str = "settle a segment";
        let (session, name, settlement) = (session.to_string(), dataset.to_owned(), settlement.clone());
        let work = move |connection: &mut _| settle::settle(connection, &session, &name, &settlement);
        self.writer(OPERATION)?.call(OPERATION, work).await
    }

    async fn prepare(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<()> {
        const OPERATION: &str = "prepare a settlement";
        let packed = pack::pack(settlement).map_err(|error| Fault::from(error).into_error(OPERATION, self.path()))?;
        let (session, name) = (session.to_string(), dataset.to_owned());
        let work = move |connection: &mut _| settle::prepare(connection, &session, &name, &packed);
        self.writer(OPERATION)?.call(OPERATION, work).await
    }

    async fn settle_prepared(&self, session: SessionId, dataset: &str) -> Result<Settled> {
        const OPERATION: &str = "settle a dataset";
        let (session, name) = (session.to_string(), dataset.to_owned());
        let work = move |connection: &mut _| settle::settle_prepared(connection, &session, &name);
        self.writer(OPERATION)?.call(OPERATION, work).await
    }

    async fn drop_prepared(&self, dataset: &str) -> Result<()> {
        const OPERATION: &str = "drop prepared settlements";
        let name = dataset.to_owned();
        self.writer(OPERATION)?.call(OPERATION, move |connection| settle::drop_prepared(connection, &name)).await
    }

    async fn open_conflicts(&self, dataset: &str, range: &KeyRange) -> Result<Vec<Key>> {
        let (name, range) = (dataset.to_owned(), range.clone());
        self.reader.call("list open conflicts", move |connection| conflict::open_keys(connection, &name, &range)).await
    }

    async fn count_open(&self, dataset: &str) -> Result<u64> {
        let name = dataset.to_owned();
        self.reader.call("count open conflicts", move |connection| conflict::count_open(connection, &name)).await
    }

    async fn contended(&self, dataset: &str) -> Result<Vec<(Key, SessionId)>> {
        let name = dataset.to_owned();
        self.reader.call("list contended records", move |connection| conflict::contended(connection, &name)).await
    }

    async fn deferred(
        &self,
        session: SessionId,
        dataset: &str,
        kind: DeferredKind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Deferred>> {
        let (session, name, after) = (session.to_string(), dataset.to_owned(), after.cloned());
        let work =
            move |connection: &mut _| leftover::deferred(connection, &session, &name, kind, after.as_ref(), limit);
        self.reader.call("list deferred records", work).await
    }

    async fn count_deferred(&self, session: SessionId, dataset: &str, kind: DeferredKind) -> Result<(u64, u64)> {
        let (session, name) = (session.to_string(), dataset.to_owned());
        let work = move |connection: &mut _| leftover::count_deferred(connection, &session, &name, kind);
        self.reader.call("count deferred records", work).await
    }

    async fn unknown_rejects(&self, session: SessionId, dataset: &str) -> Result<(bool, bool)> {
        let (session, name) = (session.to_string(), dataset.to_owned());
        let work = move |connection: &mut _| leftover::unknown_rejects(connection, &session, &name);
        self.reader.call("look for rejects without a key", work).await
    }

    async fn left_out(&self, session: SessionId, dataset: &str) -> Result<Vec<Key>> {
        let (session, name) = (session.to_string(), dataset.to_owned());
        let work = move |connection: &mut _| leftover::left_out(connection, &session, &name);
        self.reader.call("list what was left out", work).await
    }

    async fn note_overridden(&self, session: SessionId, guards: &[GuardReport]) -> Result<()> {
        const OPERATION: &str = "note overridden guards";
        let guards = guards.to_vec();
        let work = move |connection: &mut _| sessions::note_overridden(connection, session, &guards);
        self.writer(OPERATION)?.call(OPERATION, work).await
    }

    async fn overridden(&self, session: SessionId) -> Result<Vec<GuardReport>> {
        self.reader.call("list overridden guards", move |connection| sessions::overridden(connection, session)).await
    }

    async fn counted(&self, session: SessionId) -> Result<Vec<(String, DatasetReport)>> {
        let id = session.to_string();
        self.reader.call("read the counters", move |connection| settle::counted(connection, &id)).await
    }

    async fn stage(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Box<dyn RunWriter>> {
        self.writer("begin staging")?;
        Ok(Box::new(self.staging.begin(dataset, side, spec)?))
    }
}

impl StateFile {
    fn unpack(&self, operation: &'static str, stored: Vec<Stored>) -> Result<Vec<(JournalId, JournalChunk)>> {
        let unpacked: std::result::Result<_, _> = stored.into_iter().map(Stored::unpack).collect();
        unpacked.map_err(|fault| fault.into_error(operation, self.path()))
    }
}
