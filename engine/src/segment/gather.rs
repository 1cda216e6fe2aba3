//! Reads both sides and the base of a range or of single keys, and lines them up by key.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::sync::Arc;

use pinksync_model::Side;

use crate::connector::{Found, Page, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{Entry, RejectRecord};
use crate::json;
use crate::key::{Key, KeyRange};
use crate::pair::Pair;
use crate::row::{Row, Unreadable};

/// What one side holds under a key.
#[derive(Debug, Clone)]
pub enum State {
    Absent,
    Row(Row),
    /// There, and not understood: left alone.
    Unreadable,
    /// There, and does not match the filter: left alone.
    OutOfScope,
}

impl State {
    pub fn row(&self) -> Option<&Row> {
        match self {
            Self::Row(row) => Some(row),
            Self::Absent | Self::Unreadable | Self::OutOfScope => None,
        }
    }
}

/// A key with everything a decision needs.
#[derive(Debug, Clone)]
pub struct Triple {
    pub key: Key,
    pub base: Option<Arc<Entry>>,
    pub source: State,
    pub target: State,
}

impl Triple {
    pub fn state(&self, side: Side) -> &State {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    pub fn state_mut(&mut self, side: Side) -> &mut State {
        match side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }
}

/// A range (or the part of it that the budget allowed), to be lined up as it is decided.
pub struct Gathered<'a> {
    pub range: KeyRange,
    /// Nothing at or after this key was read.
    pub cut: Option<Key>,
    pub triples: Triples<'a>,
    /// There are about so many triples, at most.
    pub most: usize,
    /// Of the rows of the larger side.
    pub bytes: usize,
    pub rejects: Vec<RejectRecord>,
    pub read: (u64, u64),
}

/// In key order.
pub type Triples<'a> = Box<dyn Iterator<Item = Triple> + Send + 'a>;

/// Reads `range` on both sides and lines it up with `entries` (the base of the range, sorted).
pub async fn gather_range<'a>(
    pair: &Pair,
    transactions: (&mut dyn Transaction, &mut dyn Transaction),
    range: &KeyRange,
    entries: &'a [(Key, Arc<Entry>)],
    budget: usize,
) -> Result<Gathered<'a>> {
    let (source, target) = tokio::join!(
        read(pair, Side::Source, transactions.0, range, budget),
        read(pair, Side::Target, transactions.1, range, budget),
    );
    let (mut source, mut target) = (source?, target?);
    let cut = [&source.cut, &target.cut].into_iter().flatten().min().cloned();
    let high = cut.clone().or_else(|| range.high.clone());
    let range = KeyRange { low: range.low.clone(), high };
    for page in [&mut source, &mut target].into_iter().filter(|_| cut.is_some()) {
        page.rows.retain(|row| range.contains(&row.key));
        page.unreadable.retain(|unreadable| unreadable.key.as_ref().is_none_or(|key| range.contains(key)));
    }
    check_order(pair, Side::Source, &source.rows)?;
    check_order(pair, Side::Target, &target.rows)?;
    let read = (source.rows.len() as u64, target.rows.len() as u64);
    let most = entries.len().max(source.rows.len()).max(target.rows.len());
    let bytes = |page: &Page| page.rows.iter().map(Row::size).sum::<usize>();
    let bytes = bytes(&source).max(bytes(&target));
    let mut rejects = Vec::new();
    let source = states(pair, Side::Source, source, &mut rejects);
    let target = states(pair, Side::Target, target, &mut rejects);
    let within = range.clone();
    let entries = entries.iter().filter(move |(key, _)| within.contains(key)).cloned();
    let triples = Box::new(line_up(entries, source, target));
    Ok(Gathered { range, cut, triples, most, bytes, rejects, read })
}

async fn read(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    range: &KeyRange,
    budget: usize,
) -> Result<Page> {
    let end = pair.side(side);
    let Some(run) = &end.run else {
        return transaction.read(range, budget).await;
    };
    let (mut rows, mut cut) = run.read(range, budget).await?;
    let reached = KeyRange { low: range.low.clone(), high: cut.clone().or_else(|| range.high.clone()) };
    let mut unreadable = end.unreadable.within(&reached);
    let known = unreadable.by_ref().take((budget / UNREADABLE_BYTES).max(1)).map(known_reject).collect();
    if let Some(key) = unreadable.next() {
        rows.truncate(rows.partition_point(|row| row.key < key));
        cut = Some(key);
    }
    let mut page = Page { rows, unreadable: known, cut };
    renew(pair, side, transaction, range, &mut page).await?;
    Ok(page)
}

/// Writes of ours that turned out to have happened are newer than what was staged: such records are looked up.
async fn renew(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    range: &KeyRange,
    page: &mut Page,
) -> Result<()> {
    let reached = |key: &&Key| range.contains(key) && page.cut.as_ref().is_none_or(|cut| *key < cut);
    let mut stale: Vec<Key> = pair.reconciled().iter().filter(reached).cloned().collect();
    if stale.is_empty() {
        return Ok(());
    }
    stale.sort();
    page.rows.retain(|row| stale.binary_search(&row.key).is_err());
    let filter = pair.mapping.spec(side).filter.as_ref();
    for found in lookup(pair, side, transaction, &stale).await? {
        match found {
            Found::Row(row) if filter.is_none_or(|filter| filter.matches(row.values())) => page.rows.push(row),
            Found::Row(_) | Found::Absent => {}
            Found::Unreadable(unreadable) => page.unreadable.push(unreadable),
        }
    }
    page.rows.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(())
}

/// A staged record that was unreadable; its reject was stored when it was staged.
fn known_reject(key: Key) -> Unreadable {
    Unreadable { key: Some(key), line: None, code: STAGED, reason: String::new() }
}

/// What such a record takes of the budget: about its size in memory while a segment works on it.
const UNREADABLE_BYTES: usize = 2048;

/// Marks an unreadable record whose reject is stored already.
const STAGED: &str = "staged";

/// Rows must come in strictly ascending key order.
fn check_order(pair: &Pair, side: Side, rows: &[Row]) -> Result<()> {
    for two in rows.windows(2) {
        match two[0].key.cmp(&two[1].key) {
            Ordering::Less => {}
            Ordering::Equal => return Err(duplicate_key(pair, side, &two[0].key)),
            Ordering::Greater => {
                let message = format!("{} gave records out of key order", pair.mapping.spec(side).dataset);
                return Err(Error::new(ErrorKind::Data, "read a range", message));
            }
        }
    }
    Ok(())
}

fn duplicate_key(pair: &Pair, side: Side, key: &Key) -> Error {
    let spec = pair.mapping.spec(side);
    let message = format!("{} has two records with the key {}", spec.dataset, json::describe_key(key));
    Error::new(ErrorKind::Data, "read a range", message).with_remedy("make the key unique, or choose another `key`")
}

/// Rows and unreadable records of one side as states by key; what was unreadable becomes a reject, and is so even where it
/// came as a row, too.
fn states(
    pair: &Pair,
    side: Side,
    page: Page,
    rejects: &mut Vec<RejectRecord>,
) -> impl Iterator<Item = (Key, State)> + use<> {
    let mut unreadable = Vec::new();
    for one in page.unreadable {
        match &one.key {
            Some(key) => unreadable.push(key.clone()),
            None => pair.side(side).mark_incomplete(),
        }
        if one.code != STAGED {
            rejects.push(reject(side, one));
        }
    }
    unreadable.sort();
    unreadable.dedup();
    let mut unreadable = unreadable.into_iter().peekable();
    let mut rows = page.rows.into_iter().peekable();
    std::iter::from_fn(move || {
        let next = unreadable.peek().map(|key| rows.peek().map_or(Ordering::Greater, |row| row.key.cmp(key)));
        let row = if next == Some(Ordering::Greater) { None } else { rows.next() };
        match next {
            Some(Ordering::Greater | Ordering::Equal) => unreadable.next().map(|key| (key, State::Unreadable)),
            Some(Ordering::Less) | None => row.map(|row| (row.key.clone(), State::Row(row))),
        }
    })
}

pub(crate) fn reject(side: Side, unreadable: Unreadable) -> RejectRecord {
    RejectRecord {
        side,
        key: unreadable.key,
        line: unreadable.line,
        code: unreadable.code.to_owned(),
        reason: unreadable.reason,
    }
}

/// Merges three sorted sequences by key.
fn line_up(
    base: impl Iterator<Item = (Key, Arc<Entry>)>,
    source: impl Iterator<Item = (Key, State)>,
    target: impl Iterator<Item = (Key, State)>,
) -> impl Iterator<Item = Triple> {
    let (mut base, mut source, mut target) = (base.peekable(), source.peekable(), target.peekable());
    std::iter::from_fn(move || {
        let next = [base.peek().map(|x| &x.0), source.peek().map(|x| &x.0), target.peek().map(|x| &x.0)];
        let key = next.into_iter().flatten().min().cloned()?;
        let base = take(&mut base, &key);
        let source = take(&mut source, &key).unwrap_or(State::Absent);
        let target = take(&mut target, &key).unwrap_or(State::Absent);
        Some(Triple { key, base, source, target })
    })
}

fn take<T>(sorted: &mut Peekable<impl Iterator<Item = (Key, T)>>, key: &Key) -> Option<T> {
    sorted.next_if(|next| next.0 == *key).map(|next| next.1)
}

/// Looks single keys up on both sides, the filter not applied, and lines them up with their entries.
/// `keys` are sorted and unique.
pub async fn gather_keys(
    pair: &Pair,
    transactions: (&mut dyn Transaction, &mut dyn Transaction),
    keys: &[Key],
    entries: impl Fn(&Key) -> Option<Arc<Entry>>,
) -> Result<(Vec<Triple>, Vec<RejectRecord>)> {
    let (source, target) = tokio::join!(
        lookup(pair, Side::Source, transactions.0, keys),
        lookup(pair, Side::Target, transactions.1, keys),
    );
    let mut rejects = Vec::new();
    let source = scoped(pair, Side::Source, source?, &mut rejects);
    let target = scoped(pair, Side::Target, target?, &mut rejects);
    let triples = keys
        .iter()
        .zip(source.into_iter().zip(target))
        .map(|(key, (source, target))| Triple { key: key.clone(), base: entries(key), source, target })
        .collect();
    Ok((triples, rejects))
}

/// Looks up keys on one side, in chunks that a system takes at once.
pub async fn lookup(pair: &Pair, side: Side, transaction: &mut dyn Transaction, keys: &[Key]) -> Result<Vec<Found>> {
    let spec = pair.mapping.spec(side);
    let mut found = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(1000) {
        let native: Vec<_> = chunk
            .iter()
            .map(|key| spec.native_key(key))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::new(ErrorKind::Data, "look a key up", error.to_string()))?;
        found.extend(transaction.lookup(&native).await?);
    }
    Ok(found)
}

fn scoped(pair: &Pair, side: Side, found: Vec<Found>, rejects: &mut Vec<RejectRecord>) -> Vec<State> {
    let filter = pair.mapping.spec(side).filter.as_ref();
    found
        .into_iter()
        .map(|found| match found {
            Found::Absent => State::Absent,
            Found::Row(row) if filter.is_some_and(|filter| !filter.matches(row.values())) => State::OutOfScope,
            Found::Row(row) => State::Row(row),
            Found::Unreadable(unreadable) => {
                rejects.push(reject(side, unreadable));
                State::Unreadable
            }
        })
        .collect()
}
