//! Settles one open conflict as a person decided. Guarded like any write: both sides must still be what the conflict
//! shows; the base moves for both sides in one settle, so that the conflict does not come back.

use std::collections::HashMap;
use std::sync::Arc;

use pinksync_model::{Choice, ConflictStatus, DatasetReport, Direction, Side};
use serde_json::{Map, Value as Json};

use crate::connector::{Change, Found, Guard, Outcome, Transaction, Write};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{
    Applied, Before, ConflictRecord, Entry, Held, JournalChunk, JournalEntry, Settled, Settlement, StoredConflict,
    Tally,
};
use crate::json;
use crate::pair::Pair;
use crate::recover;
use crate::row::Row;
use crate::segment::{gather_lookup, held};
use crate::session::{Session, open_pair, prepare_survey};
use crate::value::Value;

/// What came of a decision.
#[derive(Debug)]
pub enum Resolution {
    Done(DatasetReport),
    /// A side has moved since the conflict was found: it stays open, refreshed with these versions.
    Moved {
        source: Option<Map<String, Json>>,
        target: Option<Map<String, Json>>,
    },
}

/// One side of the record, before and after.
struct End {
    now: Option<Row>,
    applied: Option<Applied>,
    after: Option<Held>,
    tally: Tally,
}

/// Carries a person's choice out. `value` is needed for `Choice::Value`: fields laid over the source's version (or the
/// target's, where the source has none).
pub async fn resolve(
    session: &Session,
    conflict: &StoredConflict,
    choice: Choice,
    value: Option<&Map<String, Json>>,
    decided_by: &str,
) -> Result<Resolution> {
    let pair = pair_of(session, &conflict.dataset).await?;
    let keys = [conflict.record.key.clone()];
    let mut transactions = Vec::new();
    let mut ends = Vec::new();
    for side in [Side::Source, Side::Target] {
        let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
        let now = match gather_lookup(&pair, side, &mut *transaction, &keys).await?.pop() {
            Some(Found::Row(row)) => Some(row),
            Some(Found::Unreadable(why)) => {
                return Err(Error::new(ErrorKind::Data, "resolve the conflict", why.reason));
            }
            Some(Found::Absent) | None => None,
        };
        transactions.push(transaction);
        ends.push(End { now, applied: None, after: None, tally: Tally::default() });
    }
    if moved(&pair, conflict, &ends) {
        return refresh(session, &pair, conflict, &ends).await;
    }
    let desired = desired(&pair, conflict, choice, value, &ends)?;
    for (index, side) in [(1, Side::Target), (0, Side::Source)] {
        let want = &desired[index];
        if !carry(&pair, side, &mut *transactions[index], want, &mut ends[index]).await? {
            return refresh(session, &pair, conflict, &ends).await;
        }
    }
    finish(session, &pair, conflict, choice, decided_by, transactions, ends).await
}

async fn pair_of(session: &Session, dataset: &str) -> Result<Pair> {
    for one in prepare_survey(session).await? {
        if one.mapping.name == dataset {
            return open_pair(session, one).await;
        }
    }
    Err(Error::new(ErrorKind::Definition, "resolve the conflict", format!("the sync file has no dataset {dataset}")))
}

/// Whether a side is not what the conflict shows any more.
fn moved(pair: &Pair, conflict: &StoredConflict, ends: &[End]) -> bool {
    let shown = |version: &Option<Arc<[Value]>>| version.as_ref().map(|values| pair.mapping.source.hash(values));
    shown(&conflict.record.source) != ends[0].now.as_ref().map(|row| row.hash)
        || shown(&conflict.record.target) != ends[1].now.as_ref().map(|row| row.hash)
}

/// What each side shall hold: outer `None` = leave it as it is, inner `None` = delete it.
fn desired(
    pair: &Pair,
    conflict: &StoredConflict,
    choice: Choice,
    value: Option<&Map<String, Json>>,
    ends: &[End],
) -> Result<[Option<Option<Vec<Value>>>; 2]> {
    let version = |end: &End| end.now.as_ref().map(|row| row.values().to_vec());
    let one_way = pair.mapping.rules.direction == Direction::OneWay;
    let for_source = |want| if one_way { None } else { Some(want) };
    Ok(match choice {
        Choice::Source => [None, Some(version(&ends[0]))],
        Choice::Target => [for_source(version(&ends[1])), None],
        Choice::Delete => [for_source(None), Some(None)],
        Choice::Skip => [None, None],
        Choice::Value => {
            let given = value.ok_or_else(|| {
                Error::new(ErrorKind::Definition, "resolve the conflict", "no value was given")
                    .with_remedy("give the fields as a JSON object")
            })?;
            let base = version(&ends[0])
                .or_else(|| version(&ends[1]))
                .or_else(|| conflict.record.base.as_ref().map(|values| values.to_vec()));
            let base = base.ok_or_else(|| Error::new(ErrorKind::Data, "resolve the conflict", "no version is left"))?;
            let values = json::overlay(&pair.mapping.source, &pair.mapping.fields, &base, given)?;
            [for_source(Some(values.clone())), Some(Some(values))]
        }
    })
}

/// Brings one side to what it shall hold. False: somebody moved it meanwhile.
async fn carry(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    want: &Option<Option<Vec<Value>>>,
    end: &mut End,
) -> Result<bool> {
    let spec = pair.mapping.spec(side);
    let as_it_is = end.now.as_ref().map(|row| held(pair, row.hash, || row.values().to_vec()));
    end.after = as_it_is;
    let Some(want) = want else { return Ok(true) };
    let convert = |error: crate::reduce::ConversionError| {
        Error::new(ErrorKind::Definition, "resolve the conflict", error.to_string())
    };
    let native = want.as_ref().map(|values| spec.expand(values)).transpose().map_err(convert)?;
    let (key, change, tally) = match (&end.now, native) {
        (None, None) => return Ok(true),
        (None, Some(native)) => {
            let key = spec.key.iter().map(|&index| native[index].clone()).collect();
            (key, Change::Create(native), created(side))
        }
        (Some(row), None) => (row.native_key(spec), Change::Delete, deleted(side)),
        (Some(row), Some(native)) => {
            let values = want.as_deref().unwrap_or_default();
            let set: Vec<_> = spec
                .compared()
                .filter(|&index| !row.values()[index].same(&values[index]))
                .map(|index| (index, native[index].clone()))
                .collect();
            if set.is_empty() {
                return Ok(true);
            }
            (row.native_key(spec), Change::Update(set), updated(side))
        }
    };
    let expect = end.now.as_ref().map(|row| row.hash);
    let before = end.now.as_ref().map_or(Before::Absent, |row| Before::Fields(row.native.clone()));
    let mut applied = Applied { native_key: key.clone(), before, before_hash: expect, after_hash: None };
    match transaction.write(vec![Write { key, expect, change }]).await?.pop() {
        Some(Outcome::Written) => {}
        Some(Outcome::Deleted(image)) => applied.before = Before::Image(image),
        Some(Outcome::Rejected(refusal)) => {
            return Err(Error::new(ErrorKind::Data, "resolve the conflict", refusal.reason)
                .with_remedy("choose another resolution, or give a value that the system accepts"));
        }
        Some(Outcome::Moved) | None => return Ok(false),
    }
    let spec_key = [spec_key(pair, side, &applied)?];
    end.after = match gather_lookup(pair, side, transaction, &spec_key).await?.pop() {
        Some(Found::Row(row)) => Some(held(pair, row.hash, || row.values().to_vec())),
        _ => None,
    };
    applied.after_hash = end.after.as_ref().map(|held| held.hash);
    end.applied = Some(applied);
    end.tally = tally;
    Ok(true)
}

/// The encoded key of a write.
fn spec_key(pair: &Pair, side: Side, applied: &Applied) -> Result<crate::Key> {
    let spec = pair.mapping.spec(side);
    let unreadable = |reason: String| Error::new(ErrorKind::Data, "resolve the conflict", reason);
    let mut common = Vec::with_capacity(spec.key.len());
    for (&index, value) in spec.key.iter().zip(&applied.native_key) {
        let column = &spec.columns[index];
        let value = crate::reduce::reduce(value, &column.native, &column.common);
        common.push((value.map_err(|error| unreadable(error.to_string()))?, &column.common));
    }
    crate::key::encode(common.iter().map(|(value, ty)| (value, *ty))).map_err(|error| unreadable(error.to_string()))
}

fn created(side: Side) -> Tally {
    if side == Side::Target { Tally::CREATED_TARGET } else { Tally::CREATED_SOURCE }
}

fn updated(side: Side) -> Tally {
    if side == Side::Target { Tally::UPDATED_TARGET } else { Tally::UPDATED_SOURCE }
}

fn deleted(side: Side) -> Tally {
    if side == Side::Target { Tally::DELETED_TARGET } else { Tally::DELETED_SOURCE }
}

/// Journal, commits, one settle.
async fn finish(
    session: &Session,
    pair: &Pair,
    conflict: &StoredConflict,
    choice: Choice,
    decided_by: &str,
    transactions: Vec<Box<dyn Transaction>>,
    ends: Vec<End>,
) -> Result<Resolution> {
    let context = session.context();
    let key = conflict.record.key.clone();
    let [source, target]: [End; 2] =
        ends.try_into().map_err(|_| Error::new(ErrorKind::Other, "resolve the conflict", "a side is missing"))?;
    let kept = source.after.as_ref().map(|held| held.hash) != target.after.as_ref().map(|held| held.hash);
    let new = (source.after.is_some() || target.after.is_some()).then(|| Entry {
        source: source.after.clone(),
        target: target.after.clone(),
        kept,
    });
    let mut tally = Tally(source.tally.0 | target.tally.0 | Tally::RESOLVED.0);
    if source.applied.is_none() && target.applied.is_none() {
        tally.insert(Tally::SETTLED);
    }
    let old = crate::recover::entry(&context, pair, &key).await?;
    let decision = format!("{decided_by} took {choice}", choice = choice.as_str());
    let entry = JournalEntry {
        key: key.clone(),
        target: target.applied,
        source: source.applied,
        old,
        new: new.clone(),
        decision: decision.clone(),
        tally,
        conflict: None,
    };
    let chunk = JournalChunk { session: session.id, dataset: pair.name().to_owned(), entries: vec![entry] };
    let journal = session.home.journal(&chunk).await?;
    let mut settlement = Settlement { journals: vec![journal], ..Settlement::default() };
    settlement.base = recover::replace_entries(&context, pair, &HashMap::from([(&key, &new)]), &[]).await?;
    settlement.decide.push((
        conflict.id.clone(),
        ConflictStatus::Resolved,
        Some(choice.as_str().to_owned()),
        Some(decided_by.to_owned()),
    ));
    tally.add_to(&mut settlement.counted);
    for transaction in transactions.into_iter().rev() {
        transaction.commit().await?;
    }
    pair.target.dataset.publish().await?;
    pair.source.dataset.publish().await?;
    match session.home.settle(session.id, pair.name(), &settlement).await? {
        Settled::Done => Ok(Resolution::Done(settlement.counted)),
        Settled::Moved => {
            Err(Error::new(ErrorKind::Other, "resolve the conflict", "the base was changed by another process"))
        }
    }
}

/// Stores what the sides hold now in the open conflict.
async fn refresh(session: &Session, pair: &Pair, conflict: &StoredConflict, ends: &[End]) -> Result<Resolution> {
    let version = |end: &End| end.now.as_ref().map(|row| Arc::<[Value]>::from(row.values()));
    let (source, target) = (version(&ends[0]), version(&ends[1]));
    let show = |values: &Option<Arc<[Value]>>| values.as_ref().map(|values| json::record(&pair.mapping.fields, values));
    let moved = Resolution::Moved { source: show(&source), target: show(&target) };
    let record = ConflictRecord { source, target, ..conflict.record.clone() };
    let settlement = Settlement { conflicts: vec![record], ..Settlement::default() };
    session.home.settle(session.id, pair.name(), &settlement).await?;
    Ok(moved)
}
