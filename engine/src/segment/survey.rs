//! The reading half of a segment: gather and decide, without writing.

use pinksync_model::DatasetReport;

use super::batch::{Transactions, current_rules, decide_all};
use super::gather::{self, State, Triple};
use super::{Context, blocks, scope};
use crate::decide::{Class, Decision};
use crate::error::Result;
use crate::home::Tally;
use crate::key::Key;
use crate::pair::{Pair, PlannedRange};

/// A record and what a session would do with it.
#[derive(Debug)]
pub struct Surveyed {
    pub triple: Triple,
    pub decision: Decision,
}

/// Reads a range up to the budget and decides its records. Gives the counters of records that would not be written, and
/// the key at which the budget ended.
pub async fn survey(
    context: &Context,
    pair: &Pair,
    transactions: &mut Transactions,
    planned: &PlannedRange,
    budget: usize,
) -> Result<(Vec<Surveyed>, DatasetReport, Option<Key>)> {
    let entries = blocks::load(&*context.home, pair.name(), &planned.blocks).await?;
    let (source, target) = (&mut *transactions.0, &mut *transactions.1);
    let gathered = gather::gather_range(pair, (source, target), &planned.range, &entries, budget).await?;
    let rules = current_rules(pair);
    let mut items: Vec<Surveyed> =
        decide_all(&rules, gathered.triples).map(|(triple, decision)| Surveyed { triple, decision }).collect();
    scope::look_behind(pair, transactions, &mut items, |item| (&mut item.triple, &mut item.decision)).await?;
    for item in items.iter_mut().filter(|item| left_alone(&item.triple)) {
        item.decision = Decision::left_alone();
    }
    let mut counted = DatasetReport::default();
    counted.read.source = gathered.read.0;
    counted.read.target = gathered.read.1;
    counted.rejected = gathered.rejects.iter().filter(|reject| reject.key.is_none()).count() as u64;
    for item in &items {
        tally(item).add_to(&mut counted);
    }
    Ok((items, counted, gathered.cut))
}

/// Records that are there and are not to be touched.
fn left_alone(triple: &Triple) -> bool {
    [&triple.source, &triple.target].iter().any(|state| matches!(state, State::Unreadable | State::OutOfScope))
}

fn tally(item: &Surveyed) -> Tally {
    let states = [&item.triple.source, &item.triple.target];
    if states.iter().any(|state| matches!(state, State::Unreadable)) {
        return Tally::REJECTED;
    }
    if states.iter().any(|state| matches!(state, State::OutOfScope)) {
        return Tally::OUT_OF_SCOPE;
    }
    match item.decision.class {
        Class::Written | Class::Open => Tally::default(),
        Class::Unchanged => Tally::UNCHANGED,
        Class::Adopted => Tally::ADOPTED,
        Class::Settled => Tally::SETTLED,
        Class::Drift => Tally::DRIFT,
        Class::TargetOnly => Tally::TARGET_ONLY,
    }
}
