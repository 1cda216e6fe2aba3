//! The records of a chunk on their way back: what is to be done to each, what was, and what is told of it.

use std::collections::HashMap;
use std::sync::Arc;

use pinksync_model::{DatasetReport, PlanAction, PlanLine, Side};

use super::chunk::Refused;
use super::step::{Step, counter, fields, line, step};
use crate::connector::{Outcome, Transaction, Write};
use crate::error::Result;
use crate::home::{
    Applied, BaseChange, Before, CHANGED_SINCE, Entry, Held, JournalChunk, JournalEntry, RejectRecord, Tally,
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
pub struct Item<'a> {
    entry: &'a JournalEntry,
    /// Its base now.
    base: Option<Arc<Entry>>,
    /// By side (source, target): what is to be sent, and then what was.
    pub steps: [Option<(Write, PlanAction, Applied)>; 2],
    pub left_alone: Option<RejectRecord>,
}

impl Item<'_> {
    /// Left alone on both sides. What was said first stands.
    fn leave(&mut self, side: Side, why: &str) {
        let (key, code) = (Some(self.entry.key.clone()), CHANGED_SINCE.to_owned());
        self.left_alone.get_or_insert_with(|| RejectRecord { side, key, line: None, code, reason: why.to_owned() });
        self.steps = [None, None];
    }
}

/// What was told of a record on a side: of what is done again nothing is told twice.
pub type Told = HashMap<(Key, Option<Side>), PlanAction>;

/// The records of a chunk. Those whose base a later session moved, and those `refused`, are left alone.
pub async fn items<'a>(
    session: &Session,
    pair: &Pair,
    chunk: &'a JournalChunk,
    refused: &Refused,
) -> Result<Vec<Item<'a>>> {
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
        } else if let Some((side, why)) = refused.get(&entry.key) {
            item.leave(*side, why);
        }
        items.push(item);
    }
    Ok(items)
}

/// Whether two entries say the same.
fn same(one: &Option<Arc<Entry>>, other: &Option<Arc<Entry>>) -> bool {
    let seen = |entry: &Option<Arc<Entry>>| {
        let hash = |held: &Option<Held>| held.as_ref().map(|held| held.hash);
        entry.as_ref().map(|entry| (hash(&entry.source), hash(&entry.target), entry.kept))
    };
    seen(one) == seen(other)
}

/// Looks at what a side holds now, and says what brings it back.
pub async fn find_steps(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    items: &mut [Item<'_>],
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
            Step::LeftAlone => item.leave(side, CHANGED),
        }
    }
    Ok(())
}

/// Tells what is about to be done and what is not.
pub fn tell(pair: &Pair, items: &[Item<'_>], told: &mut Told, sink: Sink<'_>) -> Result<()> {
    let mut once = |line: PlanLine, item: &Item<'_>| match told.insert((item.entry.key.clone(), line.to), line.action) {
        Some(action) if action == line.action => Ok(()),
        _ => sink(line),
    };
    for item in items {
        if let Some(RejectRecord { side, reason, .. }) = &item.left_alone {
            let side = (reason != SETTLED_ANEW).then_some(*side);
            let decision = format!("left alone: {reason}");
            once(line(pair, side, item.entry, PlanAction::Conflict, &decision), item)?;
        }
        for side in [Side::Source, Side::Target] {
            if let Some((write, action, undone)) = &item.steps[side as usize] {
                let fields = fields(pair, side, write, undone);
                once(PlanLine { fields, ..line(pair, Some(side), item.entry, *action, "undo") }, item)?;
            }
        }
    }
    Ok(())
}

/// Sends what is to be sent to a side. A record that it does not take is left alone on both; one that the other side took
/// already (`second`) is given back: the chunk must be done again without it.
pub async fn write(
    side: Side,
    transaction: &mut dyn Transaction,
    items: &mut [Item<'_>],
    portion: usize,
    second: bool,
) -> Result<Refused> {
    let mut refused = Refused::new();
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
            match second && item.steps[side.other() as usize].is_some() {
                true => drop(refused.insert(item.entry.key.clone(), (side, why))),
                false => item.leave(side, &why),
            }
        }
    }
    Ok(refused)
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

pub fn count(items: &[Item<'_>]) -> DatasetReport {
    let mut counted = DatasetReport::default();
    items.iter().for_each(|item| tally(item).add_to(&mut counted));
    counted
}

/// The writes of an undo as a chunk of its own session. Those left alone are counted when they are settled, not here.
pub fn of_chunk(session: &Session, pair: &Pair, items: &[Item<'_>]) -> JournalChunk {
    let applied =
        |step: &Option<(Write, PlanAction, Applied)>| step.as_ref().map(|(.., applied)| Arc::new(applied.clone()));
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
pub async fn base(session: &Session, pair: &Pair, items: &[Item<'_>]) -> Result<Vec<BaseChange>> {
    let taken_back = items.iter().filter(|item| item.left_alone.is_none());
    let old: HashMap<&Key, &Option<Arc<Entry>>> = taken_back.map(|item| (&item.entry.key, &item.entry.old)).collect();
    recover::replace_entries(&session.context(), pair, &old, &[]).await
}
