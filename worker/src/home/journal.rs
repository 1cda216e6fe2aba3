//! The journal's chunks between the engine's form and the stored one.

use std::sync::{Mutex, PoisonError};

use deadpool_postgres::Client;
use pinksync_common::store::journal::{self, Content, State, Stored};
use pinksync_common::store::{StoreError, Transaction};
use pinksync_engine::home::{JournalChunk, JournalId, Settled, Settlement};
use pinksync_engine::stored::chunk::{self, Packed};
use pinksync_model::SessionId;

use super::fault::{self, Fault};
use super::{PgHome, signed};

/// Chunks that were sent, and whether they were stored was never answered. Nothing that they say was committed
/// anywhere, since the journal comes first; yet the attempt after them may write the same, and they would be taken for
/// a second account of it.
#[derive(Debug, Default)]
pub(super) struct Doubtful(Mutex<Vec<Sent>>);

#[derive(Debug)]
struct Sent {
    dataset: i64,
    session: SessionId,
    entries: Vec<u8>,
}

impl Doubtful {
    fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, sent: impl IntoIterator<Item = Sent>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(sent);
    }
}

impl PgHome {
    pub(super) async fn append(&self, chunk: &JournalChunk) -> Result<JournalId, Fault> {
        let packed = Packed::of(&chunk.entries)?;
        let mut client = self.client().await?;
        self.withdraw_doubtful(&mut client).await?;
        let dataset = self.make_dataset(&mut client, &chunk.dataset).await?;
        let content = content(&packed)?;
        let (account, fence) = (self.scope.account, self.scope.fence);
        match journal::append(&client, account, chunk.session, dataset, fence, &content).await {
            Ok(Some(id)) => Ok(JournalId(id)),
            Ok(None) => Err(self.link.lose_lease()),
            Err(error) => {
                let fault = unanswered(error);
                if matches!(fault, Fault::Unanswered(_)) {
                    self.doubtful.add([Sent { dataset, session: chunk.session, entries: packed.entries }]);
                }
                Err(fault)
            }
        }
    }

    /// Removes what was sent without an answer, if it was stored after all.
    pub(super) async fn withdraw_doubtful(&self, client: &mut Client) -> Result<(), Fault> {
        let sent = self.doubtful.take();
        if sent.is_empty() {
            return Ok(());
        }
        let withdrawn = self.withdraw(client, &sent).await;
        if withdrawn.is_err() {
            self.doubtful.add(sent);
        }
        withdrawn
    }

    async fn withdraw(&self, client: &mut Client, sent: &[Sent]) -> Result<(), Fault> {
        let task = self.scope.fence.map(|fence| fence.task);
        let transaction = self.begin(client).await?;
        for Sent { dataset, session, entries } in sent {
            journal::withdraw(&transaction, *dataset, *session, task, entries).await?;
        }
        fault::commit(transaction).await
    }
}

/// The error of a statement that commits by itself.
fn unanswered(error: StoreError) -> Fault {
    match error {
        StoreError::Sql(error) => fault::lost(error),
        StoreError::Unreachable(source) => match source.downcast::<tokio_postgres::Error>() {
            Ok(error) => fault::lost(*error),
            Err(source) => Fault::Store(StoreError::Unreachable(source)),
        },
        other => Fault::Store(other),
    }
}

/// Moves chunks on as a settlement says; one that is not where it should be was settled by somebody else.
pub(super) async fn advance(
    transaction: &Transaction<'_>,
    dataset: i64,
    settlement: &Settlement,
) -> Result<Settled, Fault> {
    for (chunks, from, to) in
        [(&settlement.journals, State::Pending, State::Done), (&settlement.undone, State::Done, State::Undone)]
    {
        let ids = numbers(chunks);
        if !ids.is_empty() && journal::advance(transaction, dataset, &ids, from, to).await? != ids.len() as u64 {
            return Ok(Settled::Moved);
        }
    }
    for (id, chunk) in &settlement.amended {
        let packed = Packed::of(&chunk.entries)?;
        if !journal::amend(transaction, dataset, id.0, &content(&packed)?).await? {
            return Ok(Settled::Moved);
        }
    }
    let ids = numbers(&settlement.void_journals);
    if !ids.is_empty() && journal::void(transaction, dataset, &ids).await? != ids.len() as u64 {
        return Ok(Settled::Moved);
    }
    Ok(Settled::Done)
}

pub(super) fn unpack(stored: Stored) -> Result<(JournalId, JournalChunk), Fault> {
    let Stored { id, session, dataset, entries } = stored;
    Ok((JournalId(id), JournalChunk { session, dataset, entries: chunk::decode(&entries)? }))
}

fn content(packed: &Packed) -> Result<Content<'_>, Fault> {
    let (low, high) = (packed.low.as_deref(), packed.high.as_deref());
    Ok(Content { low, high, writes: signed(packed.writes)?, entries: &packed.entries })
}

fn numbers(ids: &[JournalId]) -> Vec<i64> {
    ids.iter().map(|id| id.0).collect()
}
