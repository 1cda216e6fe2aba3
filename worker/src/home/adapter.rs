//! The engine's trait over PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_common::store::{
    base_blocks, conflicts, counters, deferred, journal as journals, overridden, prepared, rejects,
};
use pinksync_engine::home::{
    BaseTerms, BlockHeader, BlockId, Deferred, DeferredKind, Home, JournalChunk, JournalId, Run, RunWriter, Settled,
    Settlement,
};
use pinksync_engine::row::SideSpec;
use pinksync_engine::stored::base::low;
use pinksync_engine::{Key, KeyRange, Result};
use pinksync_model::{DatasetReport, GuardReport, SessionId, Side};

use super::fault::{self, Fault};
use super::{PgHome, base, journal, leftover, limit, staging};

#[async_trait]
impl Home for PgHome {
    async fn terms(&self, dataset: &str) -> Result<Option<BaseTerms>> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(None) };
            Ok(pinksync_common::store::datasets::terms(&client, dataset).await?.map(base::terms))
        };
        named("read the base's terms", work).await
    }

    async fn set_terms(&self, dataset: &str, terms: &BaseTerms, forget: bool) -> Result<()> {
        let work = async {
            let mut client = self.client().await?;
            let dataset = self.make_dataset(&mut client, dataset).await?;
            let transaction = self.begin(&mut client).await?;
            base::set_terms(&transaction, dataset, terms, forget).await?;
            fault::commit(transaction).await
        };
        named("store the base's terms", work).await
    }

    async fn blocks(&self, dataset: &str) -> Result<Vec<BlockHeader>> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(Vec::new()) };
            base_blocks::list(&client, dataset).await?.into_iter().map(base::header).collect()
        };
        named("list the base's blocks", work).await
    }

    async fn blocks_within(&self, dataset: &str, range: &KeyRange) -> Result<Vec<BlockHeader>> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(Vec::new()) };
            let found = base_blocks::within(&client, dataset, low(range), range.high.as_deref()).await?;
            found.into_iter().map(base::header).collect()
        };
        named("list blocks of the base", work).await
    }

    async fn hold(&self) -> Result<()> {
        self.link.may_write().map_err(|fault| fault.into_error("commit"))
    }

    async fn load(&self, dataset: &str, ids: &[BlockId]) -> Result<Vec<Vec<u8>>> {
        let work = async {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let client = self.client().await?;
            let dataset = self.dataset(&client, dataset).await?.ok_or(Fault::Gone)?;
            let numbers: Vec<i64> = ids.iter().map(|id| id.0).collect();
            let blobs = base_blocks::load(&client, dataset, &numbers).await?;
            if blobs.len() == ids.len() { Ok(blobs) } else { Err(Fault::Gone) }
        };
        named("load blocks of the base", work).await
    }

    async fn journal(&self, chunk: &JournalChunk) -> Result<JournalId> {
        named("write the journal", self.append(chunk)).await
    }

    async fn pending(
        &self,
        dataset: &str,
        after: Option<JournalId>,
        at_most: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>> {
        let work = async {
            let mut client = self.client().await?;
            self.withdraw_doubtful(&mut client).await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(Vec::new()) };
            let after = after.map_or(i64::MIN, |id| id.0);
            let stored = journals::pending(&client, dataset, self.seen(), after, limit(at_most)).await?;
            stored.into_iter().map(journal::unpack).collect()
        };
        named("read the pending journal", work).await
    }

    async fn pending_chunk(&self, dataset: &str, id: JournalId) -> Result<Option<JournalChunk>> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(None) };
            let stored = journals::pending_chunk(&client, dataset, self.seen(), id.0).await?;
            Ok(stored.map(journal::unpack).transpose()?.map(|(_, chunk)| chunk))
        };
        named("read a pending chunk", work).await
    }

    async fn history(
        &self,
        session: SessionId,
        before: Option<JournalId>,
        at_most: usize,
    ) -> Result<Vec<(JournalId, JournalChunk)>> {
        let work = async {
            let client = self.client().await?;
            let (account, before) = (self.scope.account, before.map_or(i64::MAX, |id| id.0));
            let stored = journals::history(&client, account, session, self.seen(), before, limit(at_most)).await?;
            stored.into_iter().map(journal::unpack).collect()
        };
        named("read the journal", work).await
    }

    async fn settle(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<Settled> {
        named("settle a segment", self.settle_now(session, dataset, settlement)).await
    }

    async fn prepare(&self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<()> {
        named("prepare a settlement", self.prepare_one(session, dataset, settlement)).await
    }

    async fn settle_prepared(&self, session: SessionId, dataset: &str) -> Result<Settled> {
        named("settle a dataset", self.settle_all_prepared(session, dataset)).await
    }

    async fn drop_prepared(&self, dataset: &str) -> Result<()> {
        let work = async {
            let mut client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(()) };
            let transaction = self.begin(&mut client).await?;
            prepared::clear(&transaction, dataset).await?;
            fault::commit(transaction).await
        };
        named("drop prepared settlements", work).await
    }

    async fn open_conflicts(&self, dataset: &str, range: &KeyRange) -> Result<Vec<Key>> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(Vec::new()) };
            let keys = conflicts::open_keys(&client, dataset, low(range), range.high.as_deref()).await?;
            Ok(keys.into_iter().map(Key::from_bytes).collect())
        };
        named("list open conflicts", work).await
    }

    async fn count_open(&self, dataset: &str) -> Result<u64> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(0) };
            Ok(conflicts::count_waiting(&client, dataset).await?)
        };
        named("count open conflicts", work).await
    }

    async fn contended(&self, dataset: &str) -> Result<Vec<(Key, SessionId)>> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(Vec::new()) };
            let found = conflicts::contended(&client, dataset).await?;
            Ok(found.into_iter().map(|(key, session)| (Key::from_bytes(key), session)).collect())
        };
        named("list contended records", work).await
    }

    async fn deferred(
        &self,
        session: SessionId,
        dataset: &str,
        kind: DeferredKind,
        after: Option<&Key>,
        at_most: usize,
    ) -> Result<Vec<Deferred>> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(Vec::new()) };
            let after = after.map(|key| &key[..]).unwrap_or_default();
            let found = deferred::list(&client, session, dataset, kind.as_str(), after, limit(at_most)).await?;
            Ok(found.into_iter().map(|stored| leftover::deferred_of(kind, stored)).collect())
        };
        named("list deferred records", work).await
    }

    async fn count_deferred(&self, session: SessionId, dataset: &str, kind: DeferredKind) -> Result<(u64, u64)> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok((0, 0)) };
            Ok(deferred::count(&client, session, dataset, kind.as_str()).await?)
        };
        named("count deferred records", work).await
    }

    async fn unknown_rejects(&self, session: SessionId, dataset: &str) -> Result<(bool, bool)> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok((false, false)) };
            Ok(rejects::unknown(&client, session, dataset).await?)
        };
        named("look for rejects without a key", work).await
    }

    async fn left_out(&self, session: SessionId, dataset: &str) -> Result<Vec<Key>> {
        let work = async {
            let client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(Vec::new()) };
            let keys = rejects::keys(&client, session, dataset).await?;
            Ok(keys.into_iter().map(Key::from_bytes).collect())
        };
        named("list what was left out", work).await
    }

    async fn note_overridden(&self, session: SessionId, guards: &[GuardReport]) -> Result<()> {
        let work = async {
            let mut client = self.client().await?;
            let transaction = self.begin(&mut client).await?;
            overridden::store(&transaction, session, guards).await?;
            fault::commit(transaction).await
        };
        named("note overridden guards", work).await
    }

    async fn overridden(&self, session: SessionId) -> Result<Vec<GuardReport>> {
        let work = async { Ok(overridden::list(&self.client().await?, self.scope.account, session).await?) };
        named("list overridden guards", work).await
    }

    async fn counted(&self, session: SessionId) -> Result<Vec<(String, DatasetReport)>> {
        let work = async { Ok(counters::list(&self.client().await?, self.scope.sync, session).await?) };
        named("read the counters", work).await
    }

    fn shares_runs(&self) -> bool {
        true
    }

    async fn open_run(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Option<Arc<dyn Run>>> {
        named("open a staged side", self.find_run(dataset, side, spec)).await
    }

    async fn drop_run(&self, dataset: &str, side: Side) -> Result<()> {
        let work = async {
            let mut client = self.client().await?;
            let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(()) };
            staging::remove(&self.link, &mut client, dataset, side).await
        };
        named("drop a staged side", work).await
    }

    async fn stage(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Box<dyn RunWriter>> {
        named("begin staging", self.begin_run(dataset, side, spec)).await
    }
}

/// What a method's work came to, with its faults in the engine's form.
async fn named<T>(operation: &'static str, work: impl Future<Output = std::result::Result<T, Fault>>) -> Result<T> {
    work.await.map_err(|fault| fault.into_error(operation))
}
