//! One attempt at a unit of work, in the order of commits: write, journal, commit target, commit source, settle.

use std::time::Instant;

use pinksync_model::{Direction, Side};

use super::batch::{Batch, Transactions};
use super::carry::{self, Fate, Item};
use super::gather::State;
use super::ledger::Ledger;
use super::{Context, Done, Expected, KeyWork, Purpose, Refused, Work};
use crate::connector::Guard;
use crate::error::{Error, Result};
use crate::home::{Home, JournalChunk, JournalEntry, JournalId, Settlement};
use crate::key::KeyRange;
use crate::pair::Pair;

/// Why an attempt did not settle.
pub enum Failure {
    Error(Error),
    /// The second side of two-sided writes refused them: do the unit again without these keys.
    Refused(Refused),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub struct Attempt<'a> {
    context: &'a Context,
    pair: &'a Pair,
    work: &'a Work,
    refused: &'a Refused,
    guards: (Guard, Guard),
    journal: Option<JournalId>,
}

impl<'a> Attempt<'a> {
    pub fn new(
        context: &'a Context,
        pair: &'a Pair,
        work: &'a Work,
        refused: &'a Refused,
        guards: (Guard, Guard),
    ) -> Self {
        Self { context, pair, work, refused, guards, journal: None }
    }

    /// The chunk that was journaled, if the attempt came that far.
    pub fn journal(&self) -> Option<JournalId> {
        self.journal
    }

    pub async fn run(&mut self) -> Result<Done, Failure> {
        let started = Instant::now();
        let (source, target) =
            tokio::join!(self.pair.source.dataset.begin(self.guards.0), self.pair.target.dataset.begin(self.guards.1));
        let mut transactions = (source?, target?);
        let mut batch = Batch::of(self.context, self.pair, self.work, &mut transactions).await?;
        self.assign(&mut batch);
        let compared = started.elapsed().as_secs_f64();
        let writing = Instant::now();
        self.write(&mut transactions, &mut batch).await?;
        let mut done = self.finish(transactions, batch, compared, writing).await?;
        done.counted.seconds.write = writing.elapsed().as_secs_f64();
        Ok(done)
    }

    /// Says for each item whether it is carried out now.
    fn assign(&self, batch: &mut Batch) {
        for item in &mut batch.items {
            item.fate = self.fate(item);
        }
    }

    fn fate(&self, item: &Item) -> Fate {
        match (&item.triple.source, &item.triple.target) {
            (State::Unreadable, _) | (_, State::Unreadable) => return Fate::Unreadable,
            (State::OutOfScope, _) | (_, State::OutOfScope) => return Fate::OutOfScope,
            (State::Absent | State::Row(_), State::Absent | State::Row(_)) => {}
        }
        if let Some((side, refusal)) = self.refused.get(&item.triple.key) {
            return match refusal.code.as_str() {
                "moved" => Fate::Moved,
                _ if refusal.retry && !self.is_last() => Fate::SetAside(*side, refusal.clone()),
                _ => Fate::Rejected(*side, refusal.clone()),
            };
        }
        let deletes = item.decision.deletes().is_some();
        let Work::Keys(work) = self.work else {
            return if deletes { Fate::WaitsForGuards } else { Fate::Done };
        };
        match &work.purpose {
            Purpose::Delete { side } if item.decision.deletes() == Some(*side) => Fate::Done,
            Purpose::Delete { .. } if item.decision.writes() => Fate::Contended,
            Purpose::SetAside { guarded, .. } if deletes && !guarded.contains(&item.triple.key) => Fate::WaitsForGuards,
            Purpose::Delete { .. } | Purpose::SetAside { .. } => Fate::Done,
            Purpose::Moved if deletes => Fate::WaitsForGuards,
            Purpose::Moved => Fate::Done,
            Purpose::Plan(expected) => match expected.get(&item.triple.key) == Some(&Expected::of(&item.triple)) {
                true if deletes => Fate::WaitsForGuards,
                true => Fate::Done,
                false => Fate::LeftAlone,
            },
        }
    }

    fn is_last(&self) -> bool {
        matches!(self.work, Work::Keys(KeyWork { purpose: Purpose::SetAside { last: true, .. }, .. }))
    }

    fn is_last_round(&self) -> bool {
        matches!(self.work, Work::Keys(KeyWork { last_round: true, .. }))
    }

    /// Carries decisions out, on a side whose writes take effect at once after the other one, which may still refuse.
    async fn write(&mut self, transactions: &mut Transactions, batch: &mut Batch) -> Result<(), Failure> {
        let pair = self.pair;
        let mut sides = [Side::Target, Side::Source];
        sides.sort_by_key(|side| pair.side(*side).writes_at_once());
        for side in sides {
            if pair.side(side).writes_at_once() && self.journal.is_none() {
                self.journal_first(batch).await?;
            }
            let transaction = match side {
                Side::Source => &mut *transactions.0,
                Side::Target => &mut *transactions.1,
            };
            let last = self.is_last();
            let back = carry::carry(pair, side, transaction, &mut batch.items, last).await?;
            if !back.is_empty() {
                let key = |index: usize| batch.items[index].triple.key.clone();
                let refused = back.into_iter().map(|(index, refusal)| (key(index), (side, refusal)));
                return Err(Failure::Refused(refused.collect()));
            }
        }
        if let Work::Keys(KeyWork { purpose: Purpose::SetAside { cycle, .. }, .. }) = self.work {
            carry::name_cycle(cycle, &mut batch.items);
        }
        if self.is_last_round() {
            for item in batch.items.iter_mut().filter(|item| item.fate == Fate::Moved) {
                item.fate = Fate::Contended;
            }
        }
        Ok(())
    }

    /// Journals what is about to be sent where it takes effect at once.
    async fn journal_first(&mut self, batch: &mut Batch) -> Result<()> {
        let at_once = [Side::Source, Side::Target].into_iter().filter(|side| self.pair.side(*side).writes_at_once());
        let at_once: Vec<Side> = at_once.collect();
        for side in &at_once {
            carry::predict(self.pair, *side, &mut batch.items);
        }
        if batch.items.iter().any(|item| at_once.iter().any(|side| item.side(*side).applied.is_some())) {
            self.journal = self.store_journal(&Ledger::new(self.context, self.pair, self.work, batch)).await?;
        }
        for side in &at_once {
            carry::forget(*side, &mut batch.items);
        }
        Ok(())
    }

    async fn store_journal(&self, ledger: &Ledger<'_>) -> Result<Option<JournalId>> {
        match ledger.journal_entries() {
            entries if entries.is_empty() => Ok(None),
            entries => self.context.home.journal(&self.chunk(entries)).await.map(Some),
        }
    }

    fn chunk(&self, entries: Vec<JournalEntry>) -> JournalChunk {
        JournalChunk { session: self.context.session, dataset: self.pair.name().to_owned(), entries }
    }

    /// Journal, sums, commits, settlement.
    async fn finish(
        &mut self,
        mut transactions: Transactions,
        batch: Batch,
        compared: f64,
        writing: Instant,
    ) -> Result<Done, Failure> {
        let (context, pair) = (self.context, self.pair);
        let ledger = Ledger::new(context, pair, self.work, &batch);
        let first = self.journal;
        if first.is_none() {
            self.journal = self.store_journal(&ledger).await?;
        }
        let range = batch
            .stretches
            .first()
            .zip(batch.stretches.last())
            .map(|(first, last)| KeyRange { low: first.range.low.clone(), high: last.range.high.clone() });
        let open = match &range {
            Some(range) => context.home.open_conflicts(pair.name(), range).await?,
            None => Vec::new(),
        };
        let mut settlement = ledger.settlement(&open);
        settlement.base = ledger.base(&mut transactions.0, &mut transactions.1, self.guards).await?;
        match first {
            None => settlement.journals.extend(self.journal),
            // What was sent is known by now.
            Some(id) => match ledger.journal_entries() {
                entries if entries.is_empty() => settlement.void_journals.push(id),
                entries => settlement.amended.push((id, self.chunk(entries))),
            },
        }
        settlement.counted.seconds.compare = compared;
        commit(pair, &*self.context.home, &batch, transactions).await?;
        settlement.counted.seconds.write = writing.elapsed().as_secs_f64();
        self.settle(&settlement).await?;
        let moved = batch.items.iter().filter(|item| item.fate == Fate::Moved);
        let moved = moved.map(|item| item.triple.key.clone()).collect();
        Ok(Done { rest: batch.rest.clone(), moved, counted: settlement.counted })
    }

    async fn settle(&self, settlement: &Settlement) -> Result<()> {
        let (home, session, name) = (&self.context.home, self.context.session, self.pair.name());
        if self.pair.publishes() {
            return home.prepare(session, name, settlement).await;
        }
        home.settle(session, name, settlement).await?.done("settle a segment")
    }
}

/// Target first, then source; a file, whose commit is its publication later on, last. A side that was only read is given
/// back.
async fn commit(pair: &Pair, home: &dyn Home, batch: &Batch, transactions: Transactions) -> Result<()> {
    let wrote = |side| batch.items.iter().any(|item| item.side(side).applied.is_some());
    debug_assert!(!(wrote(Side::Source) && pair.mapping.rules.direction == Direction::OneWay));
    let (source, target) = transactions;
    let mut ends = [(Side::Target, target), (Side::Source, source)];
    ends.sort_by_key(|(side, _)| pair.side(*side).dataset.capabilities().publishes);
    for (side, transaction) in ends {
        match wrote(side) {
            true => {
                home.hold().await?;
                transaction.commit().await?;
            }
            false => transaction.rollback().await?,
        }
    }
    Ok(())
}
