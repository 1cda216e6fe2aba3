//! Absence under a filter: before anything is concluded from it, the key is looked up without the filter.

use pinksync_model::Side;

use super::batch::{Transactions, current_rules, decide_all};
use super::gather::{self, State, Triple};
use crate::connector::{Found, Transaction};
use crate::decide::{Class, Decision};
use crate::error::Result;
use crate::pair::Pair;

/// A decision that would be another if a record were only hidden by the filter. (What is only at the target is left as
/// it is, whatever the source hides.)
pub fn rests_on_absence(triple: &Triple, decision: &Decision) -> bool {
    let absent = |state: &State| matches!(state, State::Absent);
    (absent(&triple.source) || absent(&triple.target))
        && !matches!(decision.class, Class::Unchanged | Class::TargetOnly)
}

/// Under a filter, looks behind each absence that a decision rests on, and decides anew.
pub async fn look_behind<T>(
    pair: &Pair,
    transactions: &mut Transactions,
    items: &mut [T],
    parts: impl Fn(&mut T) -> (&mut Triple, &mut Decision),
) -> Result<()> {
    if pair.mapping.source.filter.is_none() {
        return Ok(());
    }
    let (mut wanted, mut triples) = (Vec::new(), Vec::new());
    for (index, item) in items.iter_mut().enumerate() {
        let (triple, decision) = parts(item);
        if rests_on_absence(triple, decision) {
            wanted.push(index);
            triples.push(triple.clone());
        }
    }
    replace_absent(pair, Side::Source, &mut *transactions.0, &mut triples).await?;
    replace_absent(pair, Side::Target, &mut *transactions.1, &mut triples).await?;
    let rules = current_rules(pair);
    for (index, found) in wanted.into_iter().zip(decide_all(&rules, triples)) {
        let (triple, decision) = parts(&mut items[index]);
        (*triple, *decision) = found;
    }
    Ok(())
}

/// Replaces `Absent` by what an unfiltered lookup finds.
async fn replace_absent(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    triples: &mut [Triple],
) -> Result<()> {
    let Some(filter) = pair.mapping.spec(side).filter.clone() else {
        return Ok(());
    };
    let absent: Vec<usize> =
        (0..triples.len()).filter(|&index| matches!(triples[index].state(side), State::Absent)).collect();
    let keys: Vec<_> = absent.iter().map(|&index| triples[index].key.clone()).collect();
    let found = gather::lookup(pair, side, transaction, &keys).await?;
    for (index, found) in absent.into_iter().zip(found) {
        *triples[index].state_mut(side) = match found {
            Found::Absent => State::Absent,
            Found::Row(row) if filter.matches(row.values()) => State::Row(row),
            Found::Row(_) => State::OutOfScope,
            Found::Unreadable(_) => State::Unreadable,
        };
    }
    Ok(())
}
