//! Settling: everything one transaction pair came to, in one transaction of ours. What does not depend on each other is
//! sent together; each room of a settlement (base, journal, conflicts, …) is one flow of statements.

use deadpool_postgres::Client;
use futures_util::try_join;
use pinksync_common::store::conflicts::Place;
use pinksync_common::store::{StoreError, Transaction, counters, datasets, prepared};
use pinksync_engine::home::{Settled, Settlement};
use pinksync_engine::stored::pack;
use pinksync_model::SessionId;

use super::fault::{self, Fault};
use super::{PgHome, base, conflicts, journal, leftover};

impl PgHome {
    pub(super) async fn settle_now(
        &self,
        session: SessionId,
        name: &str,
        settlement: &Settlement,
    ) -> Result<Settled, Fault> {
        base::check(settlement)?;
        let mut client = self.client().await?;
        let dataset = self.make_dataset(&mut client, name).await?;
        let transaction = self.begin_settling(&mut client, dataset).await?;
        let settled = self.apply(&transaction, self.place(session, dataset), settlement).await?;
        finish(transaction, settled).await
    }

    /// Keeps a settlement that takes effect with [`PgHome::settle_all_prepared`].
    pub(super) async fn prepare_one(
        &self,
        session: SessionId,
        name: &str,
        settlement: &Settlement,
    ) -> Result<(), Fault> {
        let packed = pack::pack(settlement)?;
        let mut client = self.client().await?;
        let dataset = self.make_dataset(&mut client, name).await?;
        let transaction = self.begin(&mut client).await?;
        prepared::store(&transaction, session, dataset, &packed).await?;
        fault::commit(transaction).await
    }

    /// Applies what the session prepared for a dataset, in order, all or nothing; one at a time in memory.
    pub(super) async fn settle_all_prepared(&self, session: SessionId, name: &str) -> Result<Settled, Fault> {
        let mut client = self.client().await?;
        let Some(dataset) = self.dataset(&client, name).await? else { return Ok(Settled::Done) };
        let transaction = self.begin_settling(&mut client, dataset).await?;
        let mut last = 0;
        while let Some((id, packed)) = prepared::next(&transaction, session, dataset, last).await? {
            let settlement: Settlement = pack::unpack(&packed)?;
            base::check(&settlement)?;
            let settled = self.apply(&transaction, self.place(session, dataset), &settlement).await?;
            if settled == Settled::Moved {
                return finish(transaction, Settled::Moved).await;
            }
            last = id;
        }
        prepared::remove(&transaction, session, dataset, last).await?;
        finish(transaction, Settled::Done).await
    }

    /// A transaction in which nobody else can take the task over or change the dataset's base.
    async fn begin_settling<'client>(
        &self,
        client: &'client mut Client,
        dataset: i64,
    ) -> Result<Transaction<'client>, Fault> {
        let transaction = client.transaction().await.map_err(StoreError::from)?;
        try_join!(self.link.hold(&transaction), async { Ok(datasets::lock(&transaction, dataset).await?) })?;
        Ok(transaction)
    }

    fn place(&self, session: SessionId, dataset: i64) -> Place {
        Place { account: self.scope.account, sync: self.scope.sync, session, dataset }
    }

    /// `Moved` where something is not as it was loaded; the caller then rolls back.
    async fn apply(
        &self,
        transaction: &Transaction<'_>,
        place: Place,
        settlement: &Settlement,
    ) -> Result<Settled, Fault> {
        let Place { session, dataset, .. } = place;
        let count = counters::add(transaction, session, dataset, self.slot(session), &settlement.counted);
        let (blocks, chunks, (), (), ()) = try_join!(
            base::replace(transaction, dataset, session, settlement),
            journal::advance(transaction, dataset, settlement),
            conflicts::change(transaction, place, settlement),
            leftover::change(transaction, place, settlement),
            async { Ok(count.await?) },
        )?;
        Ok(if blocks == Settled::Moved { blocks } else { chunks })
    }
}

/// A settlement that moved leaves nothing behind.
async fn finish(transaction: Transaction<'_>, settled: Settled) -> Result<Settled, Fault> {
    match settled {
        Settled::Done => fault::commit(transaction).await?,
        Settled::Moved => transaction.rollback().await.map_err(StoreError::from)?,
    }
    Ok(settled)
}
