//! Guarded writes in memory.

use std::collections::HashSet;

use super::constraints::{check_unique, unique_bytes};
use super::hold::refusal;
use super::state::{Lock, State};
use super::transaction::{Basis, MemoryTransaction};
use super::view::{Changes, Rows, Slot, View};
use crate::connector::{Change, Outcome, Refusal, RowImage, Write};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// A write that did not happen: the record is refused, or the whole transaction is undone.
enum Stop {
    Refused(Refusal),
    Failed(Error),
}

type Step<T> = std::result::Result<T, Stop>;

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl MemoryTransaction {
    pub(super) fn write_all(&mut self, writes: Vec<Write>) -> Result<Vec<Outcome>> {
        let dataset = self.dataset.clone();
        let mut state = dataset.system.lock();
        let base = self.base(&state)?;
        let keys: Vec<&[Value]> = writes.iter().map(|write| &*write.key).collect();
        let slots = self.locate(&state, &base, &keys)?;
        let mut seen = HashSet::new();
        if !slots.iter().flatten().all(|slot| seen.insert(slot)) {
            return Err(Error::new(ErrorKind::Other, "write records", "two writes of one call have the same key"));
        }
        let mut outcomes = Vec::with_capacity(writes.len());
        for (write, slot) in writes.into_iter().zip(&slots) {
            outcomes.push(match self.write_one(&mut state, &base, write, slot.as_ref()) {
                Ok(outcome) => outcome,
                Err(Stop::Refused(refusal)) => refusal.into(),
                Err(Stop::Failed(error)) => return Err(error),
            });
        }
        Ok(outcomes)
    }

    fn write_one(&mut self, state: &mut State, base: &Rows, write: Write, slot: Option<&Slot>) -> Step<Outcome> {
        let slot = match slot {
            Some(slot) => Some(slot.clone()),
            None if self.dataset.direct => {
                let key = state.table(self.name())?.encode_key(&write.key);
                key.ok().map(|key| (key, 0))
            }
            None => None,
        };
        if let Some(slot) = &slot {
            self.claim(state, base, slot)?;
            let again = matches!(self.basis, Basis::File(_)) && self.changes.contains_key(slot);
            if again || self.dataset.is_collected(slot) {
                return Ok(Outcome::Moved);
            }
        }
        let view = View { base, changes: &self.changes };
        let found = slot.and_then(|slot| Some((view.get(&slot)?.clone(), slot)));
        let Some((stored, slot)) = found else {
            return match (write.expect, write.change) {
                (None, Change::Create(values)) => self.create(state, base, &values),
                (None, Change::Restore(image)) => self.restore(state, base, image),
                _ => Ok(Outcome::Moved),
            };
        };
        let hash = self.dataset.admit(&stored).ok().map(|row| row.hash);
        if write.expect.is_none() || hash != write.expect {
            return Ok(Outcome::Moved);
        }
        match write.change {
            Change::Create(_) | Change::Restore(_) => Ok(Outcome::Moved),
            Change::Update(fields) => self.update(state, base, slot, &stored.values, fields),
            Change::Delete => {
                state.check_children(self.name(), &self.changes, &slot)?;
                let image = state.table(self.name())?.image(&stored.values);
                self.change(state, slot, None);
                Ok(Outcome::Deleted(image))
            }
        }
    }

    /// Locks a row; under a snapshot it must be the one that the snapshot shows.
    fn claim(&self, state: &mut State, base: &Rows, slot: &Slot) -> Result<()> {
        state.lock(self.id, Lock::Row(self.name().to_owned(), slot.clone()))?;
        let stamp = |rows: &Rows| rows.get(slot).map(|stored| stored.stamp);
        let snapshot = matches!(self.basis, Basis::Snapshot(_));
        if snapshot && !self.changes.contains_key(slot) && stamp(&state.table(self.name())?.rows) != stamp(base) {
            let message = "somebody else wrote the record since the snapshot";
            return Err(Error::new(ErrorKind::Aborted, "write records", message).with_remedy("try again"));
        }
        Ok(())
    }

    fn create(&mut self, state: &mut State, base: &Rows, values: &[Value]) -> Step<Outcome> {
        let table = state.table(self.name())?;
        let mut row = table.defaults.clone();
        for ((value, column), &index) in values.iter().zip(&self.dataset.spec.columns).zip(&self.dataset.columns) {
            if column.writable && table.schema.columns[index].writable {
                row[index] = value.clone();
            }
        }
        self.insert(state, base, row)
    }

    fn restore(&mut self, state: &mut State, base: &Rows, image: RowImage) -> Step<Outcome> {
        let table = state.table(self.name())?;
        let mut row = table.defaults.clone();
        for (name, value) in image {
            match table.schema.columns.iter().position(|column| column.name == name) {
                Some(index) => row[index] = value,
                None => return Err(refusal("refused", format!("there is no column \"{name}\" any more"), false).into()),
            }
        }
        self.insert(state, base, row)
    }

    fn insert(&mut self, state: &mut State, base: &Rows, row: Vec<Value>) -> Step<Outcome> {
        let row = state.table(self.name())?.admit(row)?;
        let slot = self.new_slot(state, base, &row, None)?;
        self.check(state, &slot, &row)?;
        let stored = state.stamped(row);
        self.change(state, slot, Some(stored));
        Ok(Outcome::Written)
    }

    fn update(
        &mut self,
        state: &mut State,
        base: &Rows,
        slot: Slot,
        old: &[Value],
        fields: Vec<(usize, Value)>,
    ) -> Step<Outcome> {
        let table = state.table(self.name())?;
        let mut row = old.to_vec();
        for (index, value) in fields {
            let index = self.dataset.columns[index];
            let column = &table.schema.columns[index];
            if !column.writable {
                return Err(refusal("refused", format!("column \"{}\" cannot be written", column.name), false).into());
            }
            row[index] = value;
        }
        let row = table.admit(row)?;
        let to = self.new_slot(state, base, &row, Some(&slot))?;
        self.check(state, &slot, &row)?;
        let stored = state.stamped(row);
        if to != slot {
            self.change(state, slot, None);
        }
        self.change(state, to, Some(stored));
        Ok(Outcome::Written)
    }

    /// Where a row is to lie. `old`: where it lies now.
    fn new_slot(&self, state: &mut State, base: &Rows, row: &[Value], old: Option<&Slot>) -> Step<Slot> {
        let table = state.table(self.name())?;
        let key = table.key_of(row).map_err(|error| refusal("type", error.to_string(), false))?;
        if let Some(slot) = old.filter(|slot| slot.0 == key) {
            return Ok(slot.clone());
        }
        let own = View { base, changes: &self.changes };
        if !table.key_declared {
            let taken = |slot: &Slot| own.get(slot).is_some() || self.dataset.is_collected(slot);
            return Ok(table.free_slot(key, taken));
        }
        let slot = (key, 0);
        self.claim(state, base, &slot)?;
        let everybody = View { base: &state.table(self.name())?.rows, changes: &self.changes };
        if everybody.get(&slot).is_some() {
            return Err(refusal("unique", "another record has the same primary key".to_owned(), true).into());
        }
        Ok(slot)
    }

    /// Constraints with other rows; `slot` is the row's own.
    fn check(&self, state: &mut State, slot: &Slot, row: &[Value]) -> Step<()> {
        let table = state.table(self.name())?;
        // An index knows every row, also those that a snapshot does not show.
        check_unique(table, View { base: &table.rows, changes: &self.changes }, Some(slot), row)?;
        let claims: Vec<_> = table.unique.iter().map(|columns| unique_bytes(columns, row)).collect();
        state.check_parents(self.name(), &self.changes, row)?;
        for (index, bytes) in claims.into_iter().enumerate() {
            if let Some(bytes) = bytes {
                state.lock(self.id, Lock::Unique(self.name().to_owned(), index, bytes))?;
            }
        }
        Ok(())
    }

    fn change(&mut self, state: &mut State, slot: Slot, change: Option<std::sync::Arc<super::table::Stored>>) {
        let flavour = self.dataset.system.flavour();
        if flavour.transactional || flavour.publishes {
            self.changes.insert(slot, change);
        } else {
            state.apply(self.name(), Changes::from([(slot, change)]));
        }
    }
}
