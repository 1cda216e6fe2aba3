//! What a unit of work is about: read on both sides, lined up with the base, and decided.

use std::sync::Arc;

use super::blocks::{self, KeyBlocks};
use super::carry::{Carried, Fate, Item};
use super::gather::{self, Gathered, Triple};
use super::stretch::Stretch;
use super::{Context, KeyWork, Purpose, Work, scope};
use crate::connector::Transaction;
use crate::decide::{self, Decision, Rules};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{Entry, RejectRecord};
use crate::key::{Key, KeyRange};
use crate::pair::{Pair, PlannedRange};

/// One of each side: source, target.
pub type Transactions = (Box<dyn Transaction>, Box<dyn Transaction>);

/// What an attempt works on once it is read: items in key order, by stretch.
#[derive(Default)]
pub struct Batch {
    pub items: Vec<Item>,
    pub stretches: Vec<Stretch>,
    pub rejects: Vec<RejectRecord>,
    pub read: (u64, u64),
    pub rest: Vec<KeyRange>,
}

impl Batch {
    /// Reads and decides what `work` names.
    pub async fn of(context: &Context, pair: &Pair, work: &Work, transactions: &mut Transactions) -> Result<Self> {
        match work {
            Work::Ranges(ranges) => Self::of_ranges(context, pair, ranges, transactions).await,
            Work::Keys(work) => Self::of_keys(context, pair, work, transactions).await,
        }
    }

    async fn of_ranges(
        context: &Context,
        pair: &Pair,
        ranges: &[PlannedRange],
        transactions: &mut Transactions,
    ) -> Result<Self> {
        let mut batch = Self::default();
        let mut budget = context.limits.read_budget;
        for (index, planned) in ranges.iter().enumerate() {
            if budget < context.limits.read_budget / 4 {
                batch.rest.extend(ranges[index..].iter().map(|planned| planned.range.clone()));
                break;
            }
            let entries = blocks::load(&*context.home, pair.name(), &planned.blocks).await?;
            let Gathered { range, cut, triples, most, bytes, rejects, read } =
                gather_range(pair, transactions, planned, &entries, budget).await?;
            budget = budget.saturating_sub(bytes);
            batch.read.0 += read.0;
            batch.read.1 += read.1;
            if let Some(cut) = cut {
                batch.rest.push(KeyRange { low: Some(cut), high: planned.range.high.clone() });
            }
            let first = batch.items.len();
            batch.rejects.extend(rejects);
            batch.items.reserve(most);
            batch.decide(pair, triples);
            let stretch = Stretch::of_range(range, planned, entries, first);
            batch.stretches.push(stretch.ending_at(batch.items.len()));
        }
        scope::look_behind(pair, transactions, &mut batch.items, |item| (&mut item.triple, &mut item.decision)).await?;
        Ok(batch)
    }

    async fn of_keys(context: &Context, pair: &Pair, work: &KeyWork, transactions: &mut Transactions) -> Result<Self> {
        let mut keys = work.keys.clone();
        keys.sort();
        keys.dedup();
        let base = KeyBlocks::load(&*context.home, pair.name(), &keys, &[]).await?;
        let (source, target) = (&mut *transactions.0, &mut *transactions.1);
        let (triples, rejects) =
            gather::gather_keys(pair, (source, target), &keys, |key| base.entry(key).cloned()).await?;
        let mut batch = Self { rejects, ..Self::default() };
        batch.decide(pair, triples);
        let checked = !matches!(work.purpose, Purpose::Plan(_));
        batch.stretches =
            base.groups.into_iter().map(|group| Stretch::of_group(group, checked, &batch.items)).collect();
        Ok(batch)
    }

    fn decide(&mut self, pair: &Pair, triples: impl IntoIterator<Item = Triple>) {
        let rules = current_rules(pair);
        self.items.extend(decide_all(&rules, triples).map(|(triple, decision)| {
            let fate = Fate::Done;
            Item { triple, decision, fate, source: Carried::default(), target: Carried::default(), transformed: false }
        }));
    }
}

/// Reads a range; one that is too large for the budget is cut at the beginning of a stored block where there is one.
async fn gather_range<'a>(
    pair: &Pair,
    transactions: &mut Transactions,
    planned: &PlannedRange,
    entries: &'a [(Key, Arc<Entry>)],
    budget: usize,
) -> Result<Gathered<'a>> {
    let (source, target) = (&mut *transactions.0, &mut *transactions.1);
    let gathered = gather::gather_range(pair, (source, target), &planned.range, entries, budget).await?;
    let Some(cut) = &gathered.cut else {
        return Ok(gathered);
    };
    let Some(block) = planned.blocks.iter().find(|block| block.range.contains(cut)) else {
        return Ok(gathered);
    };
    let (range, budget) = match &block.range.low {
        Some(low) if planned.range.low.as_ref().is_none_or(|start| start < low) => {
            (KeyRange { low: planned.range.low.clone(), high: Some(low.clone()) }, usize::MAX)
        }
        _ if pair.publishes() => (block.range.clone(), usize::MAX),
        _ => return Ok(gathered),
    };
    let (source, target) = (&mut *transactions.0, &mut *transactions.1);
    let mut gathered = gather::gather_range(pair, (source, target), &range, entries, budget).await?;
    if gathered.cut.is_some() {
        let message = "a block that was asked for as a whole was not read to its end";
        return Err(Error::new(ErrorKind::Other, "read a block", message));
    }
    gathered.cut = range.high.filter(|high| planned.range.high.as_ref() != Some(high));
    Ok(gathered)
}

/// The rules with what is known by now of the completeness of both sides.
pub fn current_rules(pair: &Pair) -> Arc<Rules> {
    let mut rules = pair.mapping.rules.clone();
    rules.source_incomplete = pair.source.is_incomplete();
    rules.target_incomplete = pair.target.is_incomplete();
    Arc::new(rules)
}

/// Decides each triple by what is readable of it.
pub fn decide_all(
    rules: &Rules,
    triples: impl IntoIterator<Item = Triple>,
) -> impl Iterator<Item = (Triple, Decision)> {
    triples.into_iter().map(|triple| {
        let decision = decide::decide(rules, triple.base.as_deref(), triple.source.row(), triple.target.row());
        (triple, decision)
    })
}
