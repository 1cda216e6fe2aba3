//! What a unit of work leaves behind: journal entries, new base blocks with their sums, conflicts, counters.

use std::collections::HashSet;

use pinksync_model::{ConflictKind, ConflictStatus, Side};

use super::attempt::Batch;
use super::blocks::{KeyGroup, cut_into_blocks};
use super::carry::{Fate, Item, held};
use super::scope::rests_on_absence;
use super::{Context, Expected, KeyWork, Purpose, Work};
use crate::base;
use crate::connector::{Guard, RangeSum, Transaction};
use crate::decide::{Act, BaseMove, Class};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{
    BaseChange, BlockCounts, BlockId, BlockSums, ConflictRecord, Deferred, DeferredKind, Entry, Held, JournalEntry,
    MOVED_SINCE_PLAN, NewBlock, RejectRecord, Settlement, Tally,
};
use crate::key::{Key, KeyRange};
use crate::pair::{Pair, PlannedRange};
use crate::row;

/// A part of the base that this unit replaces, and the items in it.
pub struct Stretch {
    pub range: KeyRange,
    loaded: Vec<BlockId>,
    /// Entries of the loaded blocks that this unit did not look at: outside the range that was read.
    beyond: Vec<(Key, Entry)>,
    /// The range of `beyond`.
    remainder: Option<KeyRange>,
    /// All entries of a block of which only some keys were looked at.
    around: Vec<(Key, Entry)>,
    items: std::ops::Range<usize>,
    /// Every record of the range was compared: sums may be stored.
    whole: bool,
    checked: bool,
}

impl Stretch {
    /// A range that was read, perhaps cut inside a block.
    pub fn of_range(range: KeyRange, planned: &PlannedRange, entries: Vec<(Key, Entry)>, first: usize) -> Self {
        let reached = |low: &Option<Key>| match (&range.high, low) {
            (Some(high), Some(low)) => low < high,
            _ => true,
        };
        let blocks = planned.blocks.iter().filter(|block| reached(&block.range.low));
        let (mut loaded, mut remainder) = (Vec::new(), None);
        for block in blocks {
            loaded.push(block.id);
            if let Some(high) = range.high.as_ref().filter(|high| block.range.contains(high)) {
                remainder = Some(KeyRange { low: Some(high.clone()), high: block.range.high.clone() });
            }
        }
        let beyond = match &remainder {
            Some(remainder) => entries.into_iter().filter(|(key, _)| remainder.contains(key)).collect(),
            None => Vec::new(),
        };
        let around = Vec::new();
        Self { range, loaded, beyond, remainder, around, items: first..first, whole: true, checked: true }
    }

    pub fn ending_at(mut self, end: usize) -> Self {
        self.items.end = end;
        self
    }

    /// A block of which single keys were looked at.
    pub fn of_group(group: KeyGroup, checked: bool, items: &[Item]) -> Self {
        let start = items.partition_point(|item| group.range.low.as_ref().is_some_and(|low| item.triple.key < *low));
        let end = items.partition_point(|item| group.range.high.as_ref().is_none_or(|high| item.triple.key < *high));
        Self {
            range: group.range,
            loaded: group.loaded,
            beyond: Vec::new(),
            remainder: None,
            around: group.entries,
            items: start..end,
            whole: false,
            checked,
        }
    }
}

/// Reads a finished batch; owns nothing of it.
pub struct Ledger<'a> {
    context: &'a Context,
    pair: &'a Pair,
    work: &'a Work,
    batch: &'a Batch,
}

impl<'a> Ledger<'a> {
    pub fn new(context: &'a Context, pair: &'a Pair, work: &'a Work, batch: &'a Batch) -> Self {
        Self { context, pair, work, batch }
    }

    /// Every key whose base moves or that was written.
    pub fn journal_entries(&self) -> Vec<JournalEntry> {
        let moving = || self.batch.items.iter().filter(|item| moves(item));
        // Counted first: a vector of this size that grows is copied, and its pages are cleared, several times over.
        let mut entries = Vec::with_capacity(moving().count());
        entries.extend(moving().map(|item| self.journal_entry(item)));
        entries
    }

    fn journal_entry(&self, item: &Item) -> JournalEntry {
        JournalEntry {
            key: item.triple.key.clone(),
            target: item.target.applied.clone(),
            source: item.source.applied.clone(),
            old: item.triple.base.clone(),
            new: self.entry_after(item),
            decision: item.decision.text.into(),
            tally: tally(item),
            conflict: self.settled_conflict(item).map(Box::new),
        }
    }

    /// The base entry an item leaves: what both sides hold now.
    fn entry_after(&self, item: &Item) -> Option<Entry> {
        if !moves(item) {
            return item.triple.base.clone();
        }
        let source = self.held_after(item, Side::Source);
        let target = self.held_after(item, Side::Target);
        if source.is_none() && target.is_none() {
            return None;
        }
        Some(Entry { source, target, kept: item.decision.kept })
    }

    fn held_after(&self, item: &Item, side: Side) -> Option<Held> {
        match &item.side(side).after {
            Some(after) => after.clone(),
            None => item.triple.state(side).row().map(|row| held(self.pair, row.hash, row.values())),
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
            let parts =
                cut_into_blocks(&stretch.range, self.entries(stretch, items), self.context.limits.block_entries);
            let sums = match stretch.whole {
                true => self.sums(stretch, items, &parts, (source, target), guards).await?,
                false => vec![None; parts.len()],
            };
            changes.push(change(stretch, parts, sums)?);
        }
        Ok(changes)
    }

    fn entries(&self, stretch: &Stretch, items: &[Item]) -> Vec<(Key, Entry)> {
        let looked_at: HashSet<&Key> = match stretch.around.is_empty() {
            true => HashSet::new(),
            false => items.iter().map(|item| &item.triple.key).collect(),
        };
        let mut entries: Vec<(Key, Entry)> = Vec::with_capacity(items.len() + stretch.around.len());
        let after = |item: &Item| self.entry_after(item).map(|entry| (item.triple.key.clone(), entry));
        entries.extend(items.iter().filter_map(after));
        let around = stretch.around.iter().filter(|(key, _)| !looked_at.contains(key));
        entries.extend(around.cloned());
        if !stretch.around.is_empty() {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
        }
        entries
    }

    async fn sums(
        &self,
        stretch: &Stretch,
        items: &[Item],
        parts: &[(KeyRange, Vec<(Key, Entry)>)],
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
            sums.push(self.counts(part).map(|counts| BlockSums { source, target, fingerprint, counts }));
        }
        Ok(sums)
    }

    /// How these records count when the next session finds nothing changed; `None`: they must be compared again.
    fn counts(&self, items: &[Item]) -> Option<BlockCounts> {
        let rules = &self.pair.mapping.rules;
        // Sums see only what is in scope, and only what is compared: what comes into being outside of the filter is not
        // noticed.
        let filtered = self.pair.mapping.source.filter.is_some();
        // A time that is not compared may settle a conflict without a sum noticing.
        let hidden_time = rules.modified_at.is_some_and(|time| !rules.compared.contains(&time));
        let mut counts = BlockCounts::default();
        for item in items {
            let present = item.hash_after(Side::Source).is_some() || item.hash_after(Side::Target).is_some();
            counts.records += u64::from(present);
            match (&item.fate, item.decision.class) {
                (Fate::Done, Class::Open) if hidden_time => return None,
                (Fate::Done, Class::Open | Class::Drift)
                    if filtered && rests_on_absence(&item.triple, &item.decision) =>
                {
                    return None;
                }
                (Fate::Done, Class::Open) => counts.open += 1,
                (Fate::Done, Class::Drift) => counts.drift += 1,
                (Fate::Done, Class::TargetOnly) => counts.target_only += 1,
                (Fate::Done, Class::Written | Class::Unchanged | Class::Adopted | Class::Settled) => {
                    counts.unchanged += u64::from(present || item.decision.class == Class::Unchanged);
                }
                (
                    Fate::OutOfScope
                    | Fate::WaitsForGuards
                    | Fate::SetAside(..)
                    | Fate::Rejected(..)
                    | Fate::Moved
                    | Fate::Contended
                    | Fate::LeftAlone
                    | Fate::Unreadable,
                    _,
                ) => return None,
            }
        }
        Some(counts)
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

/// What an item adds to the report.
fn tally(item: &Item) -> Tally {
    let mut tally = Tally::default();
    match &item.fate {
        Fate::Done => {}
        Fate::WaitsForGuards | Fate::SetAside(..) | Fate::Moved | Fate::Contended => return tally,
        Fate::Rejected(..) | Fate::Unreadable => return Tally::REJECTED,
        Fate::LeftAlone => return Tally::LEFT_ALONE,
        Fate::OutOfScope => return Tally::OUT_OF_SCOPE,
    }
    match &item.decision.target {
        Act::None => {}
        Act::Create => tally.insert(Tally::CREATED_TARGET),
        Act::Update(_) => tally.insert(Tally::UPDATED_TARGET),
        Act::Delete => tally.insert(Tally::DELETED_TARGET),
    }
    match &item.decision.source {
        Act::None => {}
        Act::Create => tally.insert(Tally::CREATED_SOURCE),
        Act::Update(_) => tally.insert(Tally::UPDATED_SOURCE),
        Act::Delete => tally.insert(Tally::DELETED_SOURCE),
    }
    match item.decision.class {
        Class::Written | Class::Open => {}
        Class::Unchanged if item.triple.base.is_none() => {}
        Class::Unchanged => tally.insert(Tally::UNCHANGED),
        Class::Adopted => tally.insert(Tally::ADOPTED),
        Class::Settled => tally.insert(Tally::SETTLED),
        Class::Drift => tally.insert(Tally::DRIFT),
        Class::TargetOnly => tally.insert(Tally::TARGET_ONLY),
    }
    if item.decision.conflict.is_some_and(|met| met.settled) {
        tally.insert(Tally::RESOLVED);
    }
    if item.decision.merged {
        tally.insert(Tally::MERGED);
    }
    if item.transformed {
        tally.insert(Tally::TRANSFORMED);
    }
    tally
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

fn change(
    stretch: &Stretch,
    parts: Vec<(KeyRange, Vec<(Key, Entry)>)>,
    sums: Vec<Option<BlockSums>>,
) -> Result<BaseChange> {
    let mut blocks = Vec::with_capacity(parts.len() + 1);
    for ((range, entries), sums) in parts.into_iter().zip(sums) {
        blocks.push(block(range, &entries, sums, stretch.checked)?);
    }
    let mut range = stretch.range.clone();
    if let Some(remainder) = &stretch.remainder {
        blocks.push(block(remainder.clone(), &stretch.beyond, None, false)?);
        range.high = remainder.high.clone();
    }
    Ok(BaseChange { range, loaded: stretch.loaded.clone(), blocks })
}

pub(crate) fn block(
    range: KeyRange,
    entries: &[(Key, Entry)],
    sums: Option<BlockSums>,
    checked: bool,
) -> Result<NewBlock> {
    let blob = base::encode(entries)
        .map_err(|error| Error::new(ErrorKind::Other, "encode the base", error.to_string()).with_source(error))?;
    Ok(NewBlock { range, entries: entries.len() as u64, blob, sums, checked })
}
