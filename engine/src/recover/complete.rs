//! Two-sided writes of which one side happened: the other is made up for, so that the record ends as it was decided.
//!
//! The decision is a function of what both sides held. What the written side held stands in the journal; where the other
//! still holds what it did, deciding again gives the same write, and the pending chunk is its journal already.

use std::sync::Arc;

use pinksync_model::Side;

use super::without;
use crate::connector::{Found, Guard, Transaction};
use crate::decide::{Act, decide};
use crate::error::Result;
use crate::home::{Applied, Before, Home, JournalEntry};
use crate::key::Key;
use crate::pair::Pair;
use crate::row::{Row, SideSpec};
use crate::segment::{Carried, Fate, Item, State, Triple, carry, current_rules, gather_lookup};

/// Makes up for the writes that are missing, each with the side that it is to be made on. An entry for which that cannot
/// be done keeps the write that happened.
pub async fn halves(pair: &Pair, home: &dyn Home, halves: Vec<(JournalEntry, Side)>) -> Result<Vec<JournalEntry>> {
    let (to_source, to_target): (Vec<_>, Vec<_>) = halves.into_iter().partition(|(_, side)| *side == Side::Source);
    let mut entries = Vec::new();
    for (side, half) in [(Side::Source, to_source), (Side::Target, to_target)] {
        if !half.is_empty() {
            let half = half.into_iter().map(|(entry, _)| entry).collect();
            entries.extend(on_side(pair, home, side, half).await?);
        }
    }
    Ok(entries)
}

async fn on_side(pair: &Pair, home: &dyn Home, side: Side, entries: Vec<JournalEntry>) -> Result<Vec<JournalEntry>> {
    let keys: Vec<Key> = entries.iter().map(|entry| entry.key.clone()).collect();
    let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
    let now = gather_lookup(pair, side, &mut *transaction, &keys).await?;
    let mut other = pair.side(side.other()).dataset.begin(Guard::Compare).await?;
    let written = gather_lookup(pair, side.other(), &mut *other, &keys).await?;
    other.rollback().await?;
    let (mut items, mut missing, mut finished) = (Vec::new(), Vec::new(), Vec::new());
    for (entry, (now, written)) in entries.into_iter().zip(now.into_iter().zip(written)) {
        match item(pair, side, &entry, now, &written) {
            Some(item) => {
                items.push(item);
                missing.push(entry);
            }
            None => finished.push(without(entry, side)),
        }
    }
    write(pair, home, side, transaction, &mut items).await?;
    finished.extend(missing.into_iter().zip(items).map(|(entry, item)| finish(entry, side, item)));
    Ok(finished)
}

async fn write(
    pair: &Pair,
    home: &dyn Home,
    side: Side,
    mut transaction: Box<dyn Transaction>,
    items: &mut [Item],
) -> Result<()> {
    carry(pair, side, &mut *transaction, items, true).await?;
    if !items.iter().any(|item| item.side(side).applied.is_some()) {
        return transaction.rollback().await;
    }
    home.hold().await?;
    transaction.commit().await?;
    pair.side(side).dataset.publish().await
}

/// The record as it was when it was decided; `None` where somebody has changed it since.
fn item(pair: &Pair, side: Side, entry: &JournalEntry, now: Found, written: &Found) -> Option<Item> {
    let (missing, done) = (super::applied(entry, side)?, super::applied(entry, side.other())?);
    let Found::Row(now) = now else { return None };
    if Some(now.hash) != missing.before_hash || super::hash_of(written) != Some(done.after_hash) {
        return None;
    }
    let before = row_before(pair.mapping.spec(side.other()), done)?;
    let (source, target) = match side {
        Side::Source => (now, before),
        Side::Target => (before, now),
    };
    let mut decision = decide(&current_rules(pair), entry.old.as_deref(), Some(&source), Some(&target));
    if *decision.act(Side::Source) == Act::None || *decision.act(Side::Target) == Act::None {
        return None;
    }
    match side {
        Side::Source => decision.target = Act::None,
        Side::Target => decision.source = Act::None,
    }
    let (source, target) = (State::Row(source), State::Row(target));
    let triple = Triple { key: entry.key.clone(), base: entry.old.clone(), source, target };
    let nothing = Carried::default;
    Some(Item { triple, decision, fate: Fate::Done, source: nothing(), target: nothing(), transformed: false })
}

fn row_before(spec: &Arc<SideSpec>, applied: &Applied) -> Option<Row> {
    match &applied.before {
        Before::Fields(values) => spec.admit(values.clone()).ok(),
        Before::Absent | Before::Image(_) => None,
    }
}

/// The entry with both writes, or without the one that was refused.
fn finish(mut entry: JournalEntry, side: Side, item: Item) -> JournalEntry {
    let Carried { applied: Some(applied), after } = item.take(side) else { return without(entry, side) };
    let held = after.flatten();
    match side {
        Side::Source => entry.source = Some(applied),
        Side::Target => entry.target = Some(applied),
    }
    if let Some(new) = entry.new.as_mut().map(Arc::make_mut) {
        match side {
            Side::Source => new.source = held,
            Side::Target => new.target = held,
        }
    }
    entry
}
