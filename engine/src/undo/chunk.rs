//! Takes one journal chunk back: both sides in transactions, journaled like any other writes, then the base.

use std::collections::HashMap;

use pinksync_model::{DatasetReport, Side};

use super::item::{Item, Told, base, count, find_steps, items, of_chunk, tell, write};
use crate::connector::{Guard, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{Home, JournalChunk, JournalId, Settled, Settlement};
use crate::key::Key;
use crate::pair::Pair;
use crate::session::Session;
use crate::survey::Sink;
use crate::{recover, retry};

/// Tells what taking the chunk back would do.
pub async fn look(session: &Session, pair: &Pair, chunk: &JournalChunk, sink: Sink<'_>) -> Result<DatasetReport> {
    let mut items = items(session, pair, chunk, &Refused::new()).await?;
    for side in [Side::Source, Side::Target] {
        let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
        find_steps(pair, side, &mut *transaction, &mut items).await?;
        transaction.rollback().await?;
    }
    tell(pair, &items, &mut Told::new(), sink)?;
    Ok(count(&items))
}

/// Takes a chunk back, in as many attempts as it needs.
pub async fn take_back(
    session: &Session,
    pair: &Pair,
    id: JournalId,
    chunk: &JournalChunk,
    sink: Sink<'_>,
) -> Result<DatasetReport> {
    let (mut refused, mut told) = (Refused::new(), Told::new());
    let mut failures = 0;
    loop {
        let mut attempt = Attempt { session, pair, refused: &refused, told: &mut told, journal: None };
        let failure = match attempt.run(id, chunk, sink).await {
            Ok(counted) => return Ok(counted),
            Err(failure) => failure,
        };
        let journal = attempt.journal;
        match failure {
            Failure::Error(error) => {
                retry::wait_or_fail(pair.name(), error, failures).await?;
                failures += 1;
            }
            Failure::Refused(found) => refused.extend(found),
        }
        if let Some(journal) = journal {
            recover::chunk(&session.context(), pair, journal, &[]).await?;
        }
    }
}

/// Records that a side did not take, with the reason.
pub(super) type Refused = HashMap<Key, (Side, String)>;

/// Why an attempt did not settle.
enum Failure {
    Error(Error),
    /// The second side did not take them: do the chunk again without these records.
    Refused(Refused),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

struct Attempt<'a> {
    session: &'a Session,
    pair: &'a Pair,
    refused: &'a Refused,
    told: &'a mut Told,
    /// What was journaled, if the attempt came that far.
    journal: Option<JournalId>,
}

type Ends = Vec<(Side, Box<dyn Transaction>)>;

impl Attempt<'_> {
    async fn run(&mut self, id: JournalId, chunk: &JournalChunk, sink: Sink<'_>) -> Result<DatasetReport, Failure> {
        let (session, pair) = (self.session, self.pair);
        let mut items = items(session, pair, chunk, self.refused).await?;
        let mut sides = [Side::Target, Side::Source];
        sides.sort_by_key(|side| pair.side(*side).writes_at_once());
        let mut ends = Ends::with_capacity(2);
        for side in sides {
            let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
            find_steps(pair, side, &mut *transaction, &mut items).await?;
            ends.push((side, transaction));
        }
        self.write(&mut ends, &mut items).await?;
        let first = self.journal;
        if first.is_none() {
            self.journal = self.store_journal(&items).await?;
        }
        let mut settlement = Settlement { counted: count(&items), undone: vec![id], ..Settlement::default() };
        settlement.rejects = items.iter().filter_map(|item| item.left_alone.clone()).collect();
        settlement.base = base(session, pair, &items).await?;
        match first {
            None => settlement.journals.extend(self.journal),
            Some(own) => match of_chunk(session, pair, &items) {
                chunk if chunk.entries.is_empty() => settlement.void_journals.push(own),
                chunk => settlement.amended.push((own, chunk)),
            },
        }
        tell(pair, &items, self.told, sink)?;
        commit(pair, &*self.session.home, &items, ends).await?;
        match session.home.settle(session.id, pair.name(), &settlement).await? {
            Settled::Done => Ok(settlement.counted),
            Settled::Moved => {
                Err(Error::new(ErrorKind::Aborted, "undo", "the base was changed by another process").into())
            }
        }
    }

    /// Sends everything; the journal comes first where writes take effect at once.
    async fn write(&mut self, ends: &mut Ends, items: &mut [Item<'_>]) -> Result<(), Failure> {
        let portion = self.session.definition.options.batch_size as usize;
        for (at, (side, transaction)) in ends.iter_mut().enumerate() {
            if self.pair.side(*side).writes_at_once() && self.journal.is_none() {
                self.journal = self.store_journal(items).await?;
            }
            let refused = write(*side, &mut **transaction, items, portion, at > 0).await?;
            if !refused.is_empty() {
                return Err(Failure::Refused(refused));
            }
        }
        Ok(())
    }

    async fn store_journal(&self, items: &[Item<'_>]) -> Result<Option<JournalId>> {
        match of_chunk(self.session, self.pair, items) {
            chunk if chunk.entries.is_empty() => Ok(None),
            chunk => self.session.home.journal(&chunk).await.map(Some),
        }
    }
}

/// Target first, then source; a file, whose commit is its publication, last. A side that was only read is given back.
async fn commit(pair: &Pair, home: &dyn Home, items: &[Item<'_>], mut ends: Ends) -> Result<()> {
    ends.sort_by_key(|(side, _)| (pair.side(*side).dataset.capabilities().publishes, *side == Side::Source));
    for (side, transaction) in ends {
        match items.iter().any(|item| item.steps[side as usize].is_some()) {
            true => {
                home.hold().await?;
                transaction.commit().await?;
            }
            false => transaction.rollback().await?,
        }
    }
    home.hold().await?;
    pair.target.dataset.publish().await?;
    pair.source.dataset.publish().await
}
