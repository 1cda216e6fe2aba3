//! Takes back what a finished session did: walks its journal backwards and restores each before-image, guarded by
//! "still what that session wrote". What somebody changed since is not touched and is listed.

use std::collections::HashMap;
use std::sync::Arc;

use pinksync_model::{DatasetReport, IndexMap, PlanAction, PlanLine, SessionId, Side};

use crate::connector::{Change, Found, Guard, Outcome, Transaction, Write};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{Applied, Before, Entry, JournalChunk, JournalEntry, JournalId, Settled, Settlement, Tally};
use crate::json;
use crate::key::Key;
use crate::pair::Pair;
use crate::recover;
use crate::row::{Hash, Row};
use crate::segment::{Context, gather_lookup};
use crate::session::{Ending, Finished, Session, open_pair, prepare_survey, reports};
use crate::survey::Sink;
use crate::value::Value;

/// What is to be done to one record of one side.
enum Step {
    /// Guarded write that brings the before-image back.
    Write(Write, PlanAction),
    /// The record is as it was before the session.
    Already,
    /// Somebody changed it since.
    LeftAlone,
}

/// Undoes session `of` in a session of its own. `dry_run`: tells, and changes nothing.
pub async fn undo(session: &Session, of: SessionId, dry_run: bool, sink: Sink<'_>) -> Result<Finished> {
    let mut finished =
        Finished { ending: Ending::Completed, datasets: Vec::new(), guards: Vec::new(), warnings: Vec::new() };
    let mut pairs = Vec::new();
    for one in prepare_survey(session).await? {
        let pair = open_pair(session, one).await?;
        if !dry_run {
            recover::all(&session.context(), &pair).await?;
        }
        pairs.push(Arc::new(pair));
    }
    let mut dry = HashMap::new();
    let mut before = None;
    while let Some((id, chunk)) = session.home.history(of, before, 1).await?.pop() {
        session.stop.check()?;
        let pair = pairs.iter().find(|pair| pair.name() == chunk.dataset).ok_or_else(|| not_there(&chunk.dataset))?;
        let counted = take_back(session, pair, of, id, &chunk, dry_run, sink).await?;
        *dry.entry(pair.name().to_owned()).or_insert_with(DatasetReport::default) += &counted;
        before = Some(id);
    }
    finished.datasets = reports(session, &pairs).await?;
    if dry_run {
        for (report, pair) in finished.datasets.iter_mut().zip(&pairs) {
            *report += dry.get(pair.name()).unwrap_or(&DatasetReport::default());
        }
    }
    Ok(finished)
}

fn not_there(dataset: &str) -> Error {
    Error::new(ErrorKind::Definition, "undo", format!("the sync file does not have the dataset {dataset} any more"))
        .with_remedy("put the dataset back into the sync file as it was")
}

/// Undoes one chunk: both sides in transactions, then the base.
async fn take_back(
    session: &Session,
    pair: &Pair,
    of: SessionId,
    id: JournalId,
    chunk: &JournalChunk,
    dry_run: bool,
    sink: Sink<'_>,
) -> Result<DatasetReport> {
    let context = session.context();
    let mut tallies: HashMap<&Key, Tally> = chunk.entries.iter().map(|entry| (&entry.key, Tally::default())).collect();
    let mut transactions = Vec::new();
    for side in [Side::Source, Side::Target] {
        let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
        for part in chunk.entries.chunks(context.batch_size) {
            take_back_part(pair, side, &mut *transaction, part, dry_run, &mut tallies, sink).await?;
        }
        transactions.push(transaction);
    }
    let mut counted = DatasetReport::default();
    for tally in tallies.values() {
        tally.add_to(&mut counted);
    }
    if dry_run {
        for transaction in transactions {
            transaction.rollback().await?;
        }
        return Ok(counted);
    }
    let mut settlement =
        Settlement { counted: counted.clone(), undone: vec![id], reopen: Some(of), ..Settlement::default() };
    settlement.base = old_entries(&context, pair, chunk, &tallies).await?;
    for transaction in transactions {
        transaction.commit().await?;
    }
    pair.source.dataset.publish().await?;
    pair.target.dataset.publish().await?;
    match session.home.settle(session.id, pair.name(), &settlement).await? {
        Settled::Done => Ok(counted),
        Settled::Moved => Err(Error::new(ErrorKind::Other, "undo", "the base was changed by another process")),
    }
}

/// The base entries from before the session, of every record that is as it was again.
async fn old_entries(
    context: &Context,
    pair: &Pair,
    chunk: &JournalChunk,
    tallies: &HashMap<&Key, Tally>,
) -> Result<Vec<crate::home::BaseChange>> {
    let taken_back = |entry: &&JournalEntry| !tallies[&entry.key].has(Tally::LEFT_ALONE);
    let old: HashMap<&Key, &Option<Entry>> =
        chunk.entries.iter().filter(taken_back).map(|entry| (&entry.key, &entry.old)).collect();
    recover::replace_entries(context, pair, &old, &[]).await
}

async fn take_back_part(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    part: &[JournalEntry],
    dry_run: bool,
    tallies: &mut HashMap<&Key, Tally>,
    sink: Sink<'_>,
) -> Result<()> {
    let written: Vec<(&JournalEntry, &Applied)> =
        part.iter().filter_map(|entry| applied(entry, side).map(|applied| (entry, applied))).collect();
    let keys: Vec<Key> = written.iter().map(|(entry, _)| entry.key.clone()).collect();
    let found = gather_lookup(pair, side, transaction, &keys).await?;
    let mut writes = Vec::new();
    let mut sent = Vec::new();
    for ((entry, applied), found) in written.iter().zip(&found) {
        match step(pair, side, applied, found) {
            Step::Write(write, action) => {
                sink(line(pair, side, entry, action, "undo"))?;
                writes.push(write);
                sent.push((&entry.key, action, *entry));
            }
            Step::Already => {}
            Step::LeftAlone => leave(pair, side, entry, "left alone: changed since that session", tallies, sink)?,
        }
    }
    let outcomes = match dry_run {
        true => sent.iter().map(|_| Outcome::Written).collect(),
        false => transaction.write(writes).await?,
    };
    for ((key, action, entry), outcome) in sent.into_iter().zip(outcomes) {
        match outcome {
            Outcome::Written | Outcome::Deleted(_) => {
                if let Some(tally) = tallies.get_mut(key) {
                    tally.insert(counter(side, action));
                }
            }
            Outcome::Moved => leave(pair, side, entry, "left alone: changed since that session", tallies, sink)?,
            Outcome::Rejected(refusal) => {
                let why = format!("left alone: {}", refusal.reason);
                leave(pair, side, entry, &why, tallies, sink)?;
            }
        }
    }
    Ok(())
}

fn leave(
    pair: &Pair,
    side: Side,
    entry: &JournalEntry,
    why: &str,
    tallies: &mut HashMap<&Key, Tally>,
    sink: Sink<'_>,
) -> Result<()> {
    if let Some(tally) = tallies.get_mut(&entry.key) {
        tally.insert(Tally::LEFT_ALONE);
    }
    sink(line(pair, side, entry, PlanAction::Conflict, why))
}

fn applied(entry: &JournalEntry, side: Side) -> Option<&Applied> {
    match side {
        Side::Source => entry.source.as_ref(),
        Side::Target => entry.target.as_ref(),
    }
}

fn counter(side: Side, action: PlanAction) -> Tally {
    match (side, action) {
        (Side::Target, PlanAction::Create) => Tally::CREATED_TARGET,
        (Side::Target, PlanAction::Update) => Tally::UPDATED_TARGET,
        (Side::Target, PlanAction::Delete) => Tally::DELETED_TARGET,
        (Side::Source, PlanAction::Create) => Tally::CREATED_SOURCE,
        (Side::Source, PlanAction::Update) => Tally::UPDATED_SOURCE,
        (Side::Source, PlanAction::Delete) => Tally::DELETED_SOURCE,
        (Side::Source | Side::Target, PlanAction::Conflict) => Tally::LEFT_ALONE,
    }
}

/// What brings one record back.
fn step(pair: &Pair, side: Side, applied: &Applied, found: &Found) -> Step {
    let now = match found {
        Found::Absent => None,
        Found::Row(row) => Some(row),
        Found::Unreadable(_) => return Step::LeftAlone,
    };
    let hash: Option<Hash> = now.map(|row| row.hash);
    if hash != applied.after_hash {
        return if hash == applied.before_hash { Step::Already } else { Step::LeftAlone };
    }
    let write = |expect, change| Write { key: applied.native_key.clone(), expect, change };
    match (&applied.before, now) {
        (Before::Absent, Some(row)) => Step::Write(write(Some(row.hash), Change::Delete), PlanAction::Delete),
        (Before::Fields(values), Some(row)) => match differing(pair, side, values, row) {
            set if set.is_empty() => Step::Already,
            set => Step::Write(write(Some(row.hash), Change::Update(set)), PlanAction::Update),
        },
        (Before::Image(image), None) => Step::Write(write(None, Change::Restore(image.clone())), PlanAction::Create),
        (Before::Fields(values), None) => Step::Write(write(None, Change::Create(values.clone())), PlanAction::Create),
        (Before::Absent, None) => Step::Already,
        (Before::Image(_), Some(_)) => Step::LeftAlone,
    }
}

/// The fields whose native value is another than before.
fn differing(pair: &Pair, side: Side, before: &[Value], now: &Row) -> Vec<(usize, Value)> {
    let spec = pair.mapping.spec(side);
    spec.compared()
        .filter(|&index| before[index] != now.native[index])
        .map(|index| (index, before[index].clone()))
        .collect()
}

fn line(pair: &Pair, side: Side, entry: &JournalEntry, action: PlanAction, decision: &str) -> PlanLine {
    PlanLine {
        dataset: pair.name().to_owned(),
        key: json::key(&pair.mapping.source, &pair.mapping.fields, &entry.key),
        action,
        to: Some(side),
        fields: IndexMap::new(),
        decision: decision.to_owned(),
    }
}
