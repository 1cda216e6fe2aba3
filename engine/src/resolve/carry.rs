//! Carries a resolution out in the order of commits: write, journal, commit target, commit source, settle. Where writes
//! take effect at once, the journal comes first.

use std::collections::HashMap;
use std::sync::Arc;

use pinksync_model::{Choice, ConflictStatus, DatasetReport, Side};

use super::Seen;
use super::choice::Version;
use crate::connector::{Change, Found, Outcome, Transaction, Write};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{
    Applied, Before, Entry, Held, Home, JournalChunk, JournalEntry, JournalId, Settled, Settlement, StoredConflict,
    Tally,
};
use crate::key::Key;
use crate::pair::Pair;
use crate::recover;
use crate::row::Row;
use crate::segment::{gather_lookup, held};
use crate::session::Session;
use crate::value::Value;

/// One side of the record on its way to what it shall hold.
struct End {
    side: Side,
    transaction: Box<dyn Transaction>,
    /// What it shall hold, in common form.
    wanted: Version,
    write: Option<Write>,
    applied: Option<Applied>,
    after: Option<Held>,
    tally: Tally,
}

/// `None`: somebody moved a side meanwhile, and nothing was done.
pub async fn carry(
    session: &Session,
    pair: &Pair,
    conflict: &StoredConflict,
    by: (Choice, &str),
    seen: [Seen; 2],
    wanted: [Option<Version>; 2],
) -> Result<Option<DatasetReport>> {
    let key = &conflict.record.key;
    let mut ends = Vec::with_capacity(2);
    for (seen, wanted) in seen.into_iter().zip(wanted) {
        ends.push(plan(pair, seen, wanted)?);
    }
    ends.sort_by_key(|end| (pair.side(end.side).writes_at_once(), end.side == Side::Source));
    let old = recover::entry(&session.context(), pair, key).await?;
    let mut first = None;
    for at in 0..ends.len() {
        if pair.side(ends[at].side).writes_at_once() && ends[at].write.is_some() && first.is_none() {
            first = Some(journal(session, pair, &entry(pair, key, by, &old, &ends)).await?);
        }
        if !send(pair, key, &mut ends[at]).await? {
            if let Some(journal) = first {
                recover::chunk(&session.context(), pair, journal, &[]).await?;
            }
            return Ok(None);
        }
    }
    let entry = entry(pair, key, by, &old, &ends);
    let mut settlement = Settlement::default();
    match first {
        Some(journal) => settlement.amended.push((journal, chunk(session, pair, &entry))),
        None => settlement.journals.push(journal(session, pair, &entry).await?),
    }
    settlement.base =
        recover::replace_entries(&session.context(), pair, &HashMap::from([(key, &entry.new)]), &[]).await?;
    let (choice, decided_by) = (by.0.as_str().to_owned(), by.1.to_owned());
    settlement.decide.push((conflict.id.clone(), ConflictStatus::Resolved, Some(choice), Some(decided_by)));
    entry.tally.add_to(&mut settlement.counted);
    commit(pair, &*session.home, ends).await?;
    match session.home.settle(session.id, pair.name(), &settlement).await? {
        Settled::Done => Ok(Some(settlement.counted)),
        Settled::Moved => {
            Err(Error::new(ErrorKind::Other, "resolve the conflict", "the base was changed by another process"))
        }
    }
}

/// A file last: its commit is its publication.
async fn commit(pair: &Pair, home: &dyn Home, mut ends: Vec<End>) -> Result<()> {
    ends.sort_by_key(|end| (pair.side(end.side).dataset.capabilities().publishes, end.side == Side::Source));
    for end in ends {
        match end.applied {
            Some(_) => {
                home.hold().await?;
                end.transaction.commit().await?;
            }
            None => end.transaction.rollback().await?,
        }
    }
    home.hold().await?;
    pair.target.dataset.publish().await?;
    pair.source.dataset.publish().await
}

/// The write that brings a side to what it shall hold, and what is expected to come of it.
fn plan(pair: &Pair, seen: Seen, wanted: Option<Version>) -> Result<End> {
    let (side, spec) = (seen.side, pair.mapping.spec(seen.side));
    let here = |row: &Row| held(pair, row.hash, row.values());
    let as_it_is = seen.now.as_ref().map(|row| row.values().clone());
    let mut end = End {
        side,
        transaction: seen.transaction,
        wanted: wanted.unwrap_or_else(|| as_it_is.clone()),
        write: None,
        applied: None,
        after: seen.now.as_ref().map(here),
        tally: Tally::default(),
    };
    let native = end.wanted.as_ref().map(|values| spec.expand(values)).transpose().map_err(|error| {
        Error::new(ErrorKind::Definition, "resolve the conflict", error.to_string())
            .with_remedy("choose another resolution, or give a value that both systems can hold")
    })?;
    let (key, change, tally) = match (&seen.now, native) {
        (None, None) => return Ok(end),
        (None, Some(native)) => {
            let key = spec.key.iter().map(|&index| native[index].clone()).collect();
            (key, Change::Create(native), Tally::created(side))
        }
        (Some(row), None) => (row.native_key(spec), Change::Delete, Tally::deleted(side)),
        (Some(row), Some(native)) => {
            let values = end.wanted.as_deref().unwrap_or_default();
            let set: Vec<(usize, Value)> = spec
                .compared()
                .filter(|&index| !row.values()[index].same(&values[index]))
                .map(|index| (index, native[index].clone()))
                .collect();
            if set.is_empty() {
                return Ok(end);
            }
            (row.native_key(spec), Change::Update(set), Tally::updated(side))
        }
    };
    let expect = seen.now.as_ref().map(|row| row.hash);
    end.after = end.wanted.as_ref().map(|values| held(pair, spec.hash(values), values));
    end.applied = Some(Applied {
        native_key: key.clone(),
        before: seen.now.map_or(Before::Absent, |row| Before::Fields(row.native)),
        before_hash: expect,
        after_hash: end.after.as_ref().map(|held| held.hash),
    });
    end.write = Some(Write { key, expect, change });
    end.tally = tally;
    Ok(end)
}

/// Sends a side's write and reads back what came of it. False: somebody moved the record.
async fn send(pair: &Pair, key: &Key, end: &mut End) -> Result<bool> {
    let (Some(write), Some(applied)) = (end.write.take(), &mut end.applied) else { return Ok(true) };
    match end.transaction.write(vec![write]).await?.pop() {
        Some(Outcome::Written) => {}
        Some(Outcome::Deleted(image)) => applied.before = Before::Image(image),
        Some(Outcome::Rejected(refusal)) => {
            return Err(Error::new(ErrorKind::Data, "resolve the conflict", refusal.reason)
                .with_remedy("choose another resolution, or give a value that the system accepts"));
        }
        Some(Outcome::Moved) | None => return Ok(false),
    }
    let found = gather_lookup(pair, end.side, &mut *end.transaction, std::slice::from_ref(key)).await?.pop();
    end.after = match found {
        Some(Found::Row(row)) => Some(held(pair, row.hash, row.values())),
        Some(Found::Absent | Found::Unreadable(_)) | None => None,
    };
    applied.after_hash = end.after.as_ref().map(|held| held.hash);
    Ok(true)
}

/// The movement of the record, as far as is known. It is kept where the sides are to stay different; what a system makes
/// of what it is given is no choice.
fn entry(
    pair: &Pair,
    key: &Key,
    (choice, decided_by): (Choice, &str),
    old: &Option<Arc<Entry>>,
    ends: &[End],
) -> JournalEntry {
    let end = |side| ends.iter().find(|end| end.side == side);
    let after = |side| end(side).and_then(|end| end.after.clone());
    let applied = |side| end(side).and_then(|end| end.applied.clone().map(Arc::new));
    let (source, target) = (after(Side::Source), after(Side::Target));
    let kept = match ends {
        [one, other] => !same(pair, &one.wanted, &other.wanted),
        _ => false,
    };
    let mut tally = Tally(ends.iter().fold(Tally::RESOLVED.0, |all, end| all | end.tally.0));
    if ends.iter().all(|end| end.applied.is_none()) {
        tally.insert(Tally::SETTLED);
    }
    JournalEntry {
        key: key.clone(),
        target: applied(Side::Target),
        source: applied(Side::Source),
        old: old.clone(),
        new: (source.is_some() || target.is_some()).then(|| Arc::new(Entry { source, target, kept })),
        decision: format!("{decided_by} took {}", choice.as_str()).into(),
        tally,
        conflict: None,
    }
}

fn same(pair: &Pair, one: &Version, other: &Version) -> bool {
    let hash = |version: &Version| version.as_ref().map(|values| pair.mapping.source.hash(values));
    hash(one) == hash(other)
}

fn chunk(session: &Session, pair: &Pair, entry: &JournalEntry) -> JournalChunk {
    JournalChunk { session: session.id, dataset: pair.name().to_owned(), entries: vec![entry.clone()] }
}

async fn journal(session: &Session, pair: &Pair, entry: &JournalEntry) -> Result<JournalId> {
    session.home.journal(&chunk(session, pair, entry)).await
}
