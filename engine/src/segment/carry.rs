//! Carries decisions out on one side: guarded writes in batches, and what the side holds afterwards.

use std::collections::HashSet;
use std::sync::Arc;

use pinksync_model::{BaseKind, Side};

use super::gather;
use super::gather::{State, Triple};
use crate::connector::{Change, Found, Outcome, Refusal, Transaction, Write};
use crate::decide::{Act, Decision};
use crate::error::Result;
use crate::home::{Applied, Before, Held};
use crate::key::Key;
use crate::pair::Pair;
use crate::row::{Hash, Row, SideSpec};
use crate::value::Values;

/// What became of a key in this unit.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Decided, and every write of it confirmed.
    Done,
    /// Waits for the guards on deletes.
    WaitsForGuards,
    /// Refused for what other records hold; to be tried after them.
    SetAside(Side, Box<Refusal>),
    Rejected(Side, Box<Refusal>),
    /// Somebody else changed it meanwhile.
    Moved,
    Contended,
    /// A saved plan expected something else.
    LeftAlone,
    OutOfScope,
    /// Could not be read on a side.
    Unreadable,
}

/// A key on its way through a unit.
#[derive(Debug)]
pub struct Item {
    pub triple: Triple,
    pub decision: Decision,
    pub fate: Fate,
    pub source: Carried,
    pub target: Carried,
    pub transformed: bool,
}

/// What was done on one side of a key.
#[derive(Debug, Default)]
pub struct Carried {
    pub applied: Option<Arc<Applied>>,
    /// After the write; outer `None`: as it was read.
    pub after: Option<Option<Held>>,
}

impl Item {
    pub fn side(&self, side: Side) -> &Carried {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    pub fn take(self, side: Side) -> Carried {
        match side {
            Side::Source => self.source,
            Side::Target => self.target,
        }
    }

    pub fn side_mut(&mut self, side: Side) -> &mut Carried {
        match side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }

    /// The hash of what the side holds now, as far as this unit knows.
    pub fn hash_after(&self, side: Side) -> Option<Hash> {
        match &self.side(side).after {
            Some(after) => after.as_ref().map(|held| held.hash),
            None => self.triple.state(side).row().map(|row| row.hash),
        }
    }
}

/// Carries out every pending act of `side`. Returns the indexes of items whose other side was written already and that
/// this side refused: the unit must be done again without them.
pub async fn carry(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    items: &mut [Item],
    last: bool,
) -> Result<Vec<(usize, Box<Refusal>)>> {
    let pending: Vec<usize> = (0..items.len()).filter(|&index| is_pending(&items[index], side)).collect();
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    write_part(pair, side, transaction, items, &pending, last).await
}

/// Notes what carrying `side` out is expected to come to, without sending anything; for the journal of a side whose
/// writes take effect at once.
pub fn predict(pair: &Pair, side: Side, items: &mut [Item]) {
    for item in items.iter_mut().filter(|item| is_pending(item, side)) {
        if let Ok(write) = build(pair, side, item) {
            item.side_mut(side).applied = Some(Arc::new(before(side, &item.triple, &write)));
            confirm(pair, side, item);
        }
    }
}

/// Forgets what [`predict`] noted.
pub fn forget(side: Side, items: &mut [Item]) {
    for item in items.iter_mut().filter(|item| is_pending(item, side)) {
        *item.side_mut(side) = Carried::default();
    }
}

fn is_pending(item: &Item, side: Side) -> bool {
    item.fate == Fate::Done && *item.decision.act(side) != Act::None
}

async fn write_part(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    items: &mut [Item],
    part: &[usize],
    last: bool,
) -> Result<Vec<(usize, Box<Refusal>)>> {
    let mut back = Vec::new();
    let mut writes = Vec::with_capacity(part.len());
    let mut sent = Vec::with_capacity(part.len());
    for &index in part {
        match build(pair, side, &items[index]) {
            Ok(write) => {
                items[index].side_mut(side).applied = Some(Arc::new(before(side, &items[index].triple, &write)));
                writes.push(write);
                sent.push(index);
            }
            Err(reason) => {
                let refusal = Box::new(Refusal { code: "type".to_owned(), reason, retry: false });
                back.extend(refuse(&mut items[index], side, refusal, last).map(|refusal| (index, refusal)));
            }
        }
    }
    if !back.is_empty() {
        return Ok(back);
    }
    let outcomes = transaction.write(writes).await?;
    let mut read_back = Vec::new();
    for (&index, outcome) in sent.iter().zip(outcomes) {
        match outcome {
            Outcome::Written => {
                confirm(pair, side, &mut items[index]);
                read_back.push(index);
            }
            Outcome::Deleted(image) => {
                confirm(pair, side, &mut items[index]);
                if let Some(applied) = &mut items[index].side_mut(side).applied {
                    Arc::make_mut(applied).before = Before::Image(image);
                }
            }
            Outcome::Moved => {
                let item = &mut items[index];
                item.side_mut(side).applied = None;
                if item.side(side.other()).applied.is_some() {
                    let reason = "somebody else changed the record while it was written".to_owned();
                    back.push((index, Box::new(Refusal { code: "moved".to_owned(), reason, retry: true })));
                    continue;
                }
                item.fate = Fate::Moved;
            }
            Outcome::Rejected(refusal) => {
                back.extend(refuse(&mut items[index], side, refusal, last).map(|refusal| (index, refusal)));
            }
        }
    }
    if back.is_empty() && pair.mapping.reads_back(side) {
        read_after(pair, side, transaction, items, &read_back).await?;
    }
    Ok(back)
}

/// Marks an item refused; gives the refusal back where the other side was written already.
fn refuse(item: &mut Item, side: Side, refusal: Box<Refusal>, last: bool) -> Option<Box<Refusal>> {
    item.side_mut(side).applied = None;
    if item.side(side.other()).applied.is_some() {
        return Some(refusal);
    }
    item.fate = match refusal.retry && !last {
        true => Fate::SetAside(side, refusal),
        false => Fate::Rejected(side, refusal),
    };
    None
}

/// Tells rejects of values that wait for each other from those of values that stay where they are.
pub fn name_cycle(cycle: &HashSet<Key>, items: &mut [Item]) {
    for item in items.iter_mut().filter(|item| cycle.contains(&item.triple.key)) {
        if let Fate::Rejected(_, refusal) = &mut item.fate
            && refusal.code == "unique"
        {
            refusal.code = "unique_cycle".to_owned();
            refusal
                .reason
                .push_str("; the record in the way waits for another value in turn: free one of them by hand");
        }
    }
}

/// The write that carries out a decision; `Err`: the side cannot hold the value.
fn build(pair: &Pair, side: Side, item: &Item) -> std::result::Result<Write, String> {
    let spec = pair.mapping.spec(side);
    let own = item.triple.state(side).row();
    let other = item.triple.state(side.other()).row();
    let here = |own: Option<&Row>| own.map(|row| (row.native_key(spec), Some(row.hash)));
    let missing = || "the record is not there any more".to_owned();
    match item.decision.act(side) {
        Act::None => Err("nothing to write".to_owned()),
        Act::Create => {
            let values = spec.expand(other.ok_or_else(missing)?.values()).map_err(|error| error.to_string())?;
            let key = spec.key.iter().map(|&index| values[index].clone()).collect();
            Ok(Write { key, expect: None, change: Change::Create(values) })
        }
        Act::Update(fields) => {
            let values = other.ok_or_else(missing)?.values();
            let (key, expect) = here(own).ok_or_else(missing)?;
            let set = fields
                .iter()
                .map(|&index| {
                    let column = &spec.columns[index];
                    let value = crate::reduce::expand(&values[index], &column.common, &column.native)
                        .map_err(|error| format!("{}: {error}", column.name))?;
                    Ok((index, value))
                })
                .collect::<std::result::Result<_, String>>()?;
            Ok(Write { key, expect, change: Change::Update(set) })
        }
        Act::Delete => {
            let (key, expect) = here(own).ok_or_else(missing)?;
            Ok(Write { key, expect, change: Change::Delete })
        }
    }
}

/// The journal's view of a write before it is sent.
fn before(side: Side, triple: &Triple, write: &Write) -> Applied {
    let own = triple.state(side).row();
    Applied {
        native_key: write.key.clone(),
        before: own.map_or(Before::Absent, |row| Before::Fields(row.native.clone())),
        before_hash: own.map(|row| row.hash),
        after_hash: None,
    }
}

/// Notes what the side holds after a confirmed write, as far as what was sent tells.
fn confirm(pair: &Pair, side: Side, item: &mut Item) {
    let spec = pair.mapping.spec(side);
    let other = item.triple.state(side.other()).row();
    let held = match (item.decision.act(side), other, item.triple.state(side)) {
        (Act::Create, Some(other), _) => Some(self::held(pair, other.hash, other.values())),
        (Act::Update(fields), Some(other), State::Row(own)) => Some(updated(pair, spec, fields, own, other)),
        _ => None,
    };
    note_after(item, side, held);
}

/// What an update of `fields` makes of `own`. Mostly that is what `other` holds, hash and all.
fn updated(pair: &Pair, spec: &SideSpec, fields: &[usize], own: &Row, other: &Row) -> Held {
    let (before, after) = (own.values(), other.values());
    if spec.columns.iter().enumerate().all(|(index, _)| before[index] == after[index] || fields.contains(&index)) {
        return held(pair, other.hash, after);
    }
    let value = |index| if fields.contains(&index) { &after[index] } else { &before[index] };
    let values: Values = (0..before.len()).map(|index| value(index).clone()).collect();
    held(pair, spec.hash(&values), &values)
}

fn note_after(item: &mut Item, side: Side, held: Option<Held>) {
    let end = item.side_mut(side);
    if let Some(applied) = &mut end.applied {
        Arc::make_mut(applied).after_hash = held.as_ref().map(|held| held.hash);
    }
    end.after = Some(held);
}

/// What the base keeps of a record.
pub fn held(pair: &Pair, hash: Hash, values: &Values) -> Held {
    let values = (pair.mapping.base == BaseKind::Values).then(|| Arc::clone(values));
    Held { hash, values }
}

/// Reads written records back inside the transaction, after triggers and rounding.
async fn read_after(
    pair: &Pair,
    side: Side,
    transaction: &mut dyn Transaction,
    items: &mut [Item],
    written: &[usize],
) -> Result<()> {
    let keys: Vec<_> = written.iter().map(|&index| items[index].triple.key.clone()).collect();
    let found = gather::lookup(pair, side, transaction, &keys).await?;
    for (&index, found) in written.iter().zip(found) {
        let sent = items[index].hash_after(side);
        let held = match found {
            Found::Row(row) => Some(self::held(pair, row.hash, row.values())),
            Found::Absent | Found::Unreadable(_) => None,
        };
        items[index].transformed |= sent != held.as_ref().map(|held| held.hash);
        note_after(&mut items[index], side, held);
    }
    Ok(())
}
