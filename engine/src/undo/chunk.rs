//! Takes one journal chunk back: both sides in transactions, journaled like any other writes, then the base.

use std::collections::HashMap;

use pinksync_model::{DatasetReport, PlanAction, Side};

use super::step::{Step, counter, line, step};
use crate::connector::{Guard, Outcome, Transaction, Write};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{
    Applied, Before, CHANGED_SINCE, Entry, JournalChunk, JournalEntry, JournalId, RejectRecord, Settled, Settlement,
    Tally,
};
use crate::key::Key;
use crate::pair::Pair;
use crate::recover;
use crate::segment::{KeyBlocks, gather_lookup};
use crate::session::Session;
use crate::survey::Sink;

const CHANGED: &str = "changed since that session";
const SETTLED_ANEW: &str = "a later session settled it anew";

/// A record on its way back.
struct Item<'a> {
    entry: &'a JournalEntry,
    /// Its base now.
    base: Option<Entry>,
    /// By side (source, target): what is to be sent, and then what was.
    steps: [Option<(Write, PlanAction, Applied)>; 2],
    left_alone: Option<RejectRecord>,
}

impl Item<'_> {
    /// What was said first stands.
    fn leave(&mut self, side: Side, why: &str) {
        let (key, code) = (Some(self.entry.key.clone()), CHANGED_SINCE.to_owned());
        self.left_alone.get_or_insert_with(|| RejectRecord { side, key, line: None, code, reason: why.to_owned() });
    }
}

/// Tells what taking the chunk back would do.
pub async fn look(session: &Session, pair: &Pair, chunk: &JournalChunk, sink: Sink<'_>) -> Result<DatasetReport> {
    let mut items = items(session, pair, chunk, sink).await?;
    for side in [Side::Source, Side::Target] {
        let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
        find_steps(pair, side, &mut *transaction, &mut items, sink).await?;
        transaction.rollback().await?;
    }
    tell(pair, &mut items, sink)?;
    Ok(count(&items))
}

/// Takes a chunk back.
pub async fn take_back(
    session: &Session,
    pair: &Pair,
    id: JournalId,
    chunk: &JournalChunk,
    sink: Sink<'_>,
) -> Result<DatasetReport> {
    let (home, name) = (&session.home, pair.name());
    let mut items = items(session, pair, chunk, sink).await?;
    let mut sides = [Side::Source, Side::Target];
    sides.sort_by_key(|side| pair.side(*side).writes_at_once());
    let mut transactions = Vec::new();
    for side in sides {
        let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
        find_steps(pair, side, &mut *transaction, &mut items, sink).await?;
        transactions.push((side, transaction));
    }
    tell(pair, &mut items, sink)?;
    let mut journal = None;
    for (side, transaction) in &mut transactions {
        if pair.side(*side).writes_at_once() && journal.is_none() {
            journal = store_journal(session, pair, &items).await?;
        }
        let portion = session.definition.options.batch_size as usize;
        write(pair, *side, &mut **transaction, &mut items, portion, sink).await?;
    }
    let first = journal.is_some();
    if !first {
        journal = store_journal(session, pair, &items).await?;
    }
    let mut settlement = Settlement { counted: count(&items), undone: vec![id], ..Settlement::default() };
    settlement.rejects = items.iter().filter_map(|item| item.left_alone.clone()).collect();
    settlement.base = base(session, pair, &items).await?;
    match journal {
        Some(own) if first => settlement.amended.push((own, of_chunk(session, pair, &items))),
        journal => settlement.journals.extend(journal),
    }
    for (_, transaction) in transactions {
        transaction.commit().await?;
    }
    pair.source.dataset.publish().await?;
    pair.target.dataset.publish().await?;
    match home.settle(session.id, name, &settlement).await? {
        Settled::Done => Ok(settlement.counted),
        Settled::Moved => Err(Error::new(ErrorKind::Other, "undo", "the base was changed by another process")),
    }
}

/// The records of a chunk. Those whose base a later session moved are left alone.
async fn items<'a>(session: &Session, pair: &Pair, chunk: &'a JournalChunk, sink: Sink<'_>) -> Result<Vec<Item<'a>>> {
    let mut keys: Vec<Key> = chunk.entries.iter().map(|entry| entry.key.clone()).collect();
    keys.sort();
    let blocks = KeyBlocks::load(&*session.home, pair.name(), &keys, &[]).await?;
    let mut items = Vec::with_capacity(chunk.entries.len());
    for entry in &chunk.entries {
        let base = blocks.entry(&entry.key).cloned();
        let mut item = Item { entry, base, steps: [None, None], left_alone: None };
        if !same(&item.base, &entry.new) && !same(&item.base, &entry.old) {
            let side = if entry.target.is_some() { Side::Target } else { Side::Source };
            item.leave(side, SETTLED_ANEW);
            sink(line(pair, None, entry, PlanAction::Conflict, &told(SETTLED_ANEW)))?;
        }
        items.push(item);
    }
    Ok(items)
}

/// Whether two entries say the same.
fn same(one: &Option<Entry>, other: &Option<Entry>) -> bool {
    let seen = |entry: &Option<Entry>| {
        let hash = |held: &Option<crate::home::Held>| held.as_ref().map(|held| held.hash);
        entry.as_ref().map(|entry| (hash(&entry.source), hash(&entry.target), entry.kept))
    };
    seen(one) == seen(other)
}

/// Looks at what a side holds now, and says what brings it back.
async fn find_steps(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    items: &mut [Item<'_>],
    sink: Sink<'_>,
) -> Result<()> {
    let mut written: Vec<(&mut Item<'_>, &Applied)> = items
        .iter_mut()
        .filter(|item| item.left_alone.is_none())
        .filter_map(|item| recover::applied(item.entry, side).map(|applied| (item, applied)))
        .collect();
    let keys: Vec<Key> = written.iter().map(|(item, _)| item.entry.key.clone()).collect();
    let found = gather_lookup(pair, side, transaction, &keys).await?;
    for ((item, applied), found) in written.iter_mut().zip(&found) {
        match step(pair, side, applied, found) {
            Step::Write(write, action, undone) => item.steps[side as usize] = Some((write, action, undone)),
            Step::Already => {}
            Step::LeftAlone => leave(pair, side, item, CHANGED, sink)?,
        }
    }
    Ok(())
}

/// Tells what is about to be done. A record of which one side is left alone is left alone on the other, too.
fn tell(pair: &Pair, items: &mut [Item<'_>], sink: Sink<'_>) -> Result<()> {
    for item in items {
        if item.left_alone.is_some() {
            item.steps = [None, None];
        }
        for side in [Side::Source, Side::Target] {
            if let Some((_, action, _)) = &item.steps[side as usize] {
                sink(line(pair, Some(side), item.entry, *action, "undo"))?;
            }
        }
    }
    Ok(())
}

/// Sends what is to be sent to a side; what did not happen is taken out of the steps.
async fn write(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    items: &mut [Item<'_>],
    portion: usize,
    sink: Sink<'_>,
) -> Result<()> {
    let mut pending: Vec<&mut Item<'_>> = items.iter_mut().filter(|item| item.steps[side as usize].is_some()).collect();
    for part in pending.chunks_mut(portion.max(1)) {
        let writes = part.iter().filter_map(|item| item.steps[side as usize].as_ref().map(|(write, ..)| write.clone()));
        let outcomes = transaction.write(writes.collect()).await?;
        for (item, outcome) in part.iter_mut().zip(outcomes) {
            let why = match outcome {
                Outcome::Written => continue,
                Outcome::Deleted(image) => {
                    if let Some((.., applied)) = &mut item.steps[side as usize] {
                        applied.before = Before::Image(image);
                    }
                    continue;
                }
                Outcome::Moved => CHANGED.to_owned(),
                Outcome::Rejected(refusal) => refusal.reason,
            };
            item.steps[side as usize] = None;
            leave(pair, side, item, &why, sink)?;
        }
    }
    Ok(())
}

fn leave(pair: &Pair, side: Side, item: &mut Item<'_>, why: &str, sink: Sink<'_>) -> Result<()> {
    item.leave(side, why);
    sink(line(pair, Some(side), item.entry, PlanAction::Conflict, &told(why)))
}

fn told(why: &str) -> String {
    format!("left alone: {why}")
}

fn tally(item: &Item<'_>) -> Tally {
    let mut tally = if item.left_alone.is_some() { Tally::LEFT_ALONE } else { Tally::default() };
    for (side, step) in [Side::Source, Side::Target].into_iter().zip(&item.steps) {
        if let Some((_, action, _)) = step {
            tally.insert(counter(side, *action));
        }
    }
    tally
}

fn count(items: &[Item<'_>]) -> DatasetReport {
    let mut counted = DatasetReport::default();
    items.iter().for_each(|item| tally(item).add_to(&mut counted));
    counted
}

async fn store_journal(session: &Session, pair: &Pair, items: &[Item<'_>]) -> Result<Option<JournalId>> {
    match of_chunk(session, pair, items) {
        chunk if chunk.entries.is_empty() => Ok(None),
        chunk => session.home.journal(&chunk).await.map(Some),
    }
}

/// The writes of an undo as a chunk of its own session. Those left alone are counted when they are settled, not here.
fn of_chunk(session: &Session, pair: &Pair, items: &[Item<'_>]) -> JournalChunk {
    let applied = |step: &Option<(Write, PlanAction, Applied)>| step.as_ref().map(|(.., applied)| applied.clone());
    let entry = |item: &Item<'_>| {
        let mut tally = tally(item);
        tally.remove(Tally::LEFT_ALONE);
        JournalEntry {
            key: item.entry.key.clone(),
            source: applied(&item.steps[Side::Source as usize]),
            target: applied(&item.steps[Side::Target as usize]),
            old: item.base.clone(),
            new: if item.left_alone.is_some() { item.base.clone() } else { item.entry.old.clone() },
            decision: "undo".into(),
            tally,
            conflict: None,
        }
    };
    let written = items.iter().filter(|item| item.steps.iter().any(Option::is_some));
    let (session, dataset) = (session.id, pair.name().to_owned());
    JournalChunk { session, dataset, entries: written.map(entry).collect() }
}

/// The base entries from before the session, of every record that is as it was again.
async fn base(session: &Session, pair: &Pair, items: &[Item<'_>]) -> Result<Vec<crate::home::BaseChange>> {
    let taken_back = items.iter().filter(|item| item.left_alone.is_none());
    let old: HashMap<&Key, &Option<Entry>> = taken_back.map(|item| (&item.entry.key, &item.entry.old)).collect();
    recover::replace_entries(&session.context(), pair, &old, &[]).await
}
