//! What a unit of work leaves behind: journal entries, new base blocks with their sums, conflicts, counters.

use std::collections::HashSet;
use std::sync::Arc;

use pinksync_model::{ConflictKind, ConflictStatus, Side};

use super::batch::Batch;
use super::blocks::cut_into_blocks;
use super::carry::{Fate, Item, held};
use super::counting::{block_counts, tally};
use super::stretch::Stretch;
use super::{Context, Expected, KeyWork, Purpose, Work};
use crate::base::Entries;
use crate::connector::{Guard, RangeSum, Transaction};
use crate::decide::{BaseMove, Class};
use crate::error::Result;
use crate::home::{
    BaseChange, BlockSums, ConflictRecord, Deferred, DeferredKind, Entry, Held, JournalEntry, MOVED_SINCE_PLAN,
    RejectRecord, Settlement,
};
use crate::key::{Key, KeyRange};
use crate::pair::Pair;
use crate::row;

/// Reads a finished batch.
pub struct Ledger<'a> {
    context: &'a Context,
    pair: &'a Pair,
    work: &'a Work,
    batch: &'a Batch,
    /// The base entry that each item leaves.
    after: Vec<Option<Arc<Entry>>>,
}

impl<'a> Ledger<'a> {
    pub fn new(context: &'a Context, pair: &'a Pair, work: &'a Work, batch: &'a Batch) -> Self {
        let after = batch.items.iter().map(|item| entry_after(pair, item)).collect();
        Self { context, pair, work, batch, after }
    }

    /// Every key whose base moves or that was written.
    pub fn journal_entries(&self) -> Vec<JournalEntry> {
        let items = || self.batch.items.iter().zip(&self.after).filter(|(item, _)| moves(item));
        // Counted first: a vector of this size that grows is copied, and its pages are cleared, several times over.
        let mut entries = Vec::with_capacity(items().count());
        entries.extend(items().map(|(item, after)| self.journal_entry(item, after)));
        entries
    }

    fn journal_entry(&self, item: &Item, after: &Option<Arc<Entry>>) -> JournalEntry {
        JournalEntry {
            key: item.triple.key.clone(),
            target: item.target.applied.clone(),
            source: item.source.applied.clone(),
            old: item.triple.base.clone(),
            new: after.clone(),
            decision: item.decision.text.into(),
            tally: tally(item),
            conflict: self.settled_conflict(item).map(Box::new),
        }
    }

    fn settled_conflict(&self, item: &Item) -> Option<ConflictRecord> {
        let met = item.decision.conflict.filter(|met| met.settled)?;
        let mut record = conflict_record(item, met.kind, ConflictStatus::Resolved);
        record.decision = Some(item.decision.text.to_owned());
        record.decided_by = Some("strategy".to_owned());
        Some(record)
    }

    /// Everything but the base. `open`: keys of this range that have an open conflict.
    pub fn settlement(&self, open: &[Key]) -> Settlement {
        let open: HashSet<&Key> = open.iter().collect();
        let mut settlement = Settlement { rejects: self.batch.rejects.clone(), ..Settlement::default() };
        settlement.counted.read.source = self.batch.read.0;
        settlement.counted.read.target = self.batch.read.1;
        let unknown = self.batch.rejects.iter().filter(|reject| reject.key.is_none()).count();
        settlement.counted.rejected += unknown as u64;
        if self.batch.stretches.iter().any(|stretch| stretch.whole && stretch.range.low.is_none()) {
            // The beginning of a dataset is compared once in a session; staged records without a key count with it.
            settlement.counted.rejected += self.pair.source.unknown + self.pair.target.unknown;
        }
        let reconciled = self.pair.reconciled();
        for item in &self.batch.items {
            self.settle_item(item, open.contains(&item.triple.key), &reconciled, &mut settlement);
        }
        settlement.supersede.extend(open.into_iter().filter(|key| self.is_gone(key)).cloned());
        settlement
    }

    /// A key that was looked for, and that neither a side nor the base has.
    fn is_gone(&self, key: &Key) -> bool {
        let holding = |stretch: &&Stretch| stretch.whole && stretch.range.contains(key);
        self.batch.stretches.iter().find(holding).is_some_and(|stretch| {
            let items = &self.batch.items[stretch.items.clone()];
            items.binary_search_by(|item| item.triple.key.cmp(key)).is_err()
        })
    }

    fn settle_item(&self, item: &Item, has_open: bool, reconciled: &HashSet<Key>, settlement: &mut Settlement) {
        let key = &item.triple.key;
        if item.decision.class != Class::Unchanged
            || !(reconciled.contains(key) || self.pair.counted_before.contains(key))
        {
            tally(item).add_to(&mut settlement.counted);
        }
        let record = match (&item.fate, item.decision.conflict) {
            (Fate::Done, Some(met)) if !met.settled => Some(conflict_record(item, met.kind, ConflictStatus::Open)),
            (Fate::Done, Some(_)) => self.settled_conflict(item),
            (Fate::Contended, _) => Some(conflict_record(item, ConflictKind::Contended, ConflictStatus::Open)),
            _ => None,
        };
        match record {
            Some(record) => settlement.conflicts.push(record),
            None if has_open && item.fate == Fate::Done => settlement.supersede.push(key.clone()),
            None => {}
        }
        settlement.rejects.extend(self.left_out(item));
        self.defer(item, settlement);
    }

    fn left_out(&self, item: &Item) -> Option<RejectRecord> {
        let (side, code, reason) = match (&item.fate, self.work) {
            (Fate::Rejected(side, refusal), _) => (*side, refusal.code.clone(), refusal.reason.clone()),
            (Fate::LeftAlone, Work::Keys(KeyWork { purpose: Purpose::Plan(expected), .. })) => {
                let now = Expected::of(&item.triple).source;
                let source_stayed = expected.get(&item.triple.key).is_some_and(|expected| expected.source == now);
                let side = if source_stayed { Side::Target } else { Side::Source };
                (side, MOVED_SINCE_PLAN.to_owned(), "it moved since the plan was made".to_owned())
            }
            _ => return None,
        };
        Some(RejectRecord { side, key: Some(item.triple.key.clone()), line: None, code, reason })
    }

    /// What is looked at again later, and what was and need not be.
    fn defer(&self, item: &Item, settlement: &mut Settlement) {
        let defer = |side, kind| Deferred { key: item.triple.key.clone(), side, kind, mirror: item.decision.mirror };
        let again = match &item.fate {
            Fate::WaitsForGuards => item.decision.deletes().map(|side| defer(side, DeferredKind::Delete)),
            Fate::SetAside(side, _) => Some(defer(*side, DeferredKind::SetAside)),
            _ => None,
        };
        let looked_at = match self.work {
            Work::Keys(KeyWork { purpose: Purpose::Delete { .. }, .. }) => Some(DeferredKind::Delete),
            Work::Keys(KeyWork { purpose: Purpose::SetAside { .. }, .. }) => Some(DeferredKind::SetAside),
            _ => None,
        };
        if let Some(kind) = looked_at
            && again.as_ref().is_none_or(|again| again.kind != kind)
            && item.fate != Fate::Moved
        {
            settlement.done.push((item.triple.key.clone(), kind));
        }
        settlement.defer.extend(again);
    }

    /// The new blocks, with sums that describe exactly what was compared and written.
    pub async fn base(
        &self,
        source: &mut Box<dyn Transaction>,
        target: &mut Box<dyn Transaction>,
        guards: (Guard, Guard),
    ) -> Result<Vec<BaseChange>> {
        let mut changes = Vec::with_capacity(self.batch.stretches.len());
        for stretch in &self.batch.stretches {
            let items = &self.batch.items[stretch.items.clone()];
            if !stretch.whole && !items.iter().any(|item| moves(item) || item.fate != Fate::Done) {
                continue;
            }
            let parts = cut_into_blocks(&stretch.range, self.entries(stretch), self.context.limits.block_entries);
            let sums = match stretch.whole {
                true => self.sums(stretch, items, &parts, (source, target), guards).await?,
                false => vec![None; parts.len()],
            };
            changes.push(stretch.change(parts, sums)?);
        }
        Ok(changes)
    }

    /// What the base holds of a stretch from now on, in key order.
    fn entries(&self, stretch: &Stretch) -> Entries {
        let (items, after) = (&self.batch.items[stretch.items.clone()], &self.after[stretch.items.clone()]);
        let mut entries = Vec::with_capacity(items.len() + stretch.around.len());
        let left = |(item, after): (&Item, &Option<Arc<Entry>>)| Some((item.triple.key.clone(), after.clone()?));
        entries.extend(items.iter().zip(after).filter_map(left));
        if !stretch.around.is_empty() {
            let looked_at: HashSet<&Key> = items.iter().map(|item| &item.triple.key).collect();
            entries.extend(stretch.around.iter().filter(|(key, _)| !looked_at.contains(key)).cloned());
            entries.sort_by(|a, b| a.0.cmp(&b.0));
        }
        entries
    }

    async fn sums(
        &self,
        stretch: &Stretch,
        items: &[Item],
        parts: &[(KeyRange, Entries)],
        transactions: (&mut Box<dyn Transaction>, &mut Box<dyn Transaction>),
        guards: (Guard, Guard),
    ) -> Result<Vec<Option<BlockSums>>> {
        let cuts: Vec<Key> = parts[1..].iter().filter_map(|(range, _)| range.low.clone()).collect();
        let (source, target) = tokio::join!(
            self.side_sums(Side::Source, stretch, items, &cuts, transactions.0, guards.0),
            self.side_sums(Side::Target, stretch, items, &cuts, transactions.1, guards.1),
        );
        let (Some(source), Some(target)) = (source?, target?) else {
            return Ok(vec![None; parts.len()]);
        };
        let mut rest = items;
        let mut sums = Vec::with_capacity(parts.len());
        for ((range, _), (source, target)) in parts.iter().zip(source.into_iter().zip(target)) {
            let end = rest.partition_point(|item| range.high.as_ref().is_none_or(|high| item.triple.key < *high));
            let (part, tail) = rest.split_at(end);
            rest = tail;
            let fingerprint = self.pair.mapping.fingerprint;
            sums.push(block_counts(&self.pair.mapping, part).map(|counts| BlockSums {
                source,
                target,
                fingerprint,
                counts,
            }));
        }
        Ok(sums)
    }

    async fn side_sums(
        &self,
        side: Side,
        stretch: &Stretch,
        items: &[Item],
        cuts: &[Key],
        transaction: &mut Box<dyn Transaction>,
        guard: Guard,
    ) -> Result<Option<Vec<RangeSum>>> {
        if self.pair.side(side).is_incomplete() {
            return Ok(None);
        }
        if self.pair.side(side).has_content_sums() {
            return Ok(Some(content_sums(side, items, cuts)));
        }
        if guard != Guard::Snapshot || !self.pair.side(side).has_sums() {
            return Ok(None);
        }
        transaction.sums(&stretch.range, cuts).await
    }
}

/// The base entry an item leaves: what both sides hold now.
fn entry_after(pair: &Pair, item: &Item) -> Option<Arc<Entry>> {
    if !moves(item) {
        return item.triple.base.clone();
    }
    let (source, target) = (held_after(pair, item, Side::Source), held_after(pair, item, Side::Target));
    if source.is_none() && target.is_none() {
        return None;
    }
    Some(Arc::new(Entry { source, target, kept: item.decision.kept }))
}

fn held_after(pair: &Pair, item: &Item, side: Side) -> Option<Held> {
    match &item.side(side).after {
        Some(after) => after.clone(),
        None => item.triple.state(side).row().map(|row| held(pair, row.hash, row.values())),
    }
}

/// Whether an item's base entry moves.
fn moves(item: &Item) -> bool {
    item.fate == Fate::Done && item.decision.base == BaseMove::Follow
}

/// Sums told from the rows themselves, as they are after this unit.
fn content_sums(side: Side, items: &[Item], cuts: &[Key]) -> Vec<RangeSum> {
    let mut sums = vec![RangeSum::default(); cuts.len() + 1];
    for item in items {
        if let Some(hash) = item.hash_after(side) {
            let sum = &mut sums[cuts.partition_point(|cut| *cut <= item.triple.key)];
            sum.count += 1;
            sum.hash ^= row::fingerprint(&item.triple.key, hash);
        }
    }
    sums
}

fn conflict_record(item: &Item, kind: ConflictKind, status: ConflictStatus) -> ConflictRecord {
    let version = |side| item.triple.state(side).row().map(|row| row.values().clone());
    let base = item.triple.base.as_ref().and_then(|entry| entry.source.as_ref().or(entry.target.as_ref()));
    ConflictRecord {
        key: item.triple.key.clone(),
        kind,
        status,
        base: base.and_then(|held| held.values.clone()),
        source: version(Side::Source),
        target: version(Side::Target),
        decision: None,
        decided_by: None,
    }
}
