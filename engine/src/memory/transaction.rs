//! A transaction in memory: reading, sums, and how it ends. Writing is in `write`.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::dataset::MemoryDataset;
use super::hooks::Moment;
use super::state::State;
use super::view::{Changes, Rows, Slot, View};
use crate::connector::{Dataset, Found, Outcome, Page, RangeSum, Transaction, Write};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, KeyRange};
use crate::value::{Value, Values};

/// What an unreadable row counts in a page, in bytes.
const UNREADABLE_BYTES: usize = 64;
/// Writes that one call may carry.
const MOST_WRITES: usize = 1000;

/// What a transaction's own changes are laid over.
#[derive(Clone)]
pub(super) enum Basis {
    /// The table as it was at the beginning.
    Snapshot(Arc<Rows>),
    /// The table as it is at each call.
    Latest,
    /// A file as it was read.
    File(Arc<Rows>),
}

pub(super) struct MemoryTransaction {
    pub dataset: MemoryDataset,
    pub id: u64,
    pub basis: Basis,
    pub changes: Changes,
    /// The system has undone it; nothing but rolling back is left.
    aborted: bool,
}

impl MemoryTransaction {
    pub fn new(dataset: MemoryDataset, id: u64, basis: Basis) -> Self {
        Self { dataset, id, basis, changes: Changes::new(), aborted: false }
    }

    pub fn name(&self) -> &str {
        &self.dataset.spec.dataset
    }

    /// The rows that own changes are laid over.
    pub fn base(&self, state: &State) -> Result<Arc<Rows>> {
        match &self.basis {
            Basis::Snapshot(rows) | Basis::File(rows) => Ok(rows.clone()),
            Basis::Latest => Ok(state.table(self.name())?.rows.clone()),
        }
    }

    /// Changes that reading sees over its base: own ones, and of a file those that wait to be published.
    fn seen(&self) -> Cow<'_, Changes> {
        if !matches!(self.basis, Basis::File(_)) {
            return Cow::Borrowed(&self.changes);
        }
        let mut seen = self.dataset.collected();
        seen.extend(self.changes.clone());
        Cow::Owned(seen)
    }

    /// Where the rows of native keys lie. Of a file also those that are to be deleted from it.
    pub fn locate(&self, state: &State, base: &Rows, keys: &[&[Value]]) -> Result<Vec<Option<Slot>>> {
        let table = state.table(self.name())?;
        let found = self.dataset.locate(table, View { base, changes: &self.seen() }, keys);
        if !matches!(self.basis, Basis::File(_)) {
            return Ok(found);
        }
        let in_file = self.dataset.locate(table, View { base, changes: &Changes::new() }, keys);
        Ok(in_file.into_iter().zip(found).map(|(in_file, found)| in_file.or(found)).collect())
    }

    fn usable(&self, operation: &'static str) -> Result<()> {
        if self.aborted {
            return Err(Error::new(ErrorKind::Aborted, operation, "the transaction was undone before")
                .with_remedy("begin another one"));
        }
        Ok(())
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn read(&mut self, range: &KeyRange, budget: usize) -> Result<Page> {
        self.dataset.system.reach(Moment::Read).await;
        self.usable("read a range")?;
        let mut state = self.dataset.system.lock();
        let (base, changes) = (self.base(&state)?, self.seen());
        let mut page = Page { rows: Vec::new(), unreadable: Vec::new(), cut: None };
        let mut size = 0;
        for (slot, stored) in (View { base: &base, changes: &changes }).range(range) {
            if size > 0 && size >= budget && slot.1 == 0 {
                page.cut = Some(slot.0.clone());
                break;
            }
            match self.dataset.select(stored) {
                Some(Ok(row)) => {
                    size += row.size();
                    page.rows.push(row);
                }
                Some(Err(unreadable)) => {
                    size += UNREADABLE_BYTES;
                    page.unreadable.push(unreadable);
                }
                None => {}
            }
        }
        state.rows_read += page.rows.len() as u64;
        Ok(page)
    }

    async fn lookup(&mut self, keys: &[Values]) -> Result<Vec<Found>> {
        self.dataset.system.reach(Moment::Lookup).await;
        self.usable("look records up")?;
        let mut state = self.dataset.system.lock();
        let (base, changes) = (self.base(&state)?, self.seen());
        let view = View { base: &base, changes: &changes };
        let wanted: Vec<&[Value]> = keys.iter().map(AsRef::as_ref).collect();
        let slots = self.dataset.locate(state.table(self.name())?, view, &wanted);
        let found: Vec<Found> = slots
            .into_iter()
            .map(|slot| match slot.and_then(|slot| view.get(&slot)).map(|stored| self.dataset.admit(stored)) {
                None => Found::Absent,
                Some(Ok(row)) => Found::Row(row),
                Some(Err(unreadable)) => Found::Unreadable(unreadable),
            })
            .collect();
        state.rows_read += found.iter().filter(|found| !matches!(found, Found::Absent)).count() as u64;
        Ok(found)
    }

    async fn write(&mut self, writes: Vec<Write>) -> Result<Vec<Outcome>> {
        self.dataset.system.reach(Moment::Write).await;
        self.usable("write records")?;
        if writes.len() > MOST_WRITES {
            let message = format!("{} writes at once, {MOST_WRITES} are allowed", writes.len());
            return Err(Error::new(ErrorKind::Other, "write records", message));
        }
        let outcomes = self.write_all(writes);
        self.aborted |= outcomes.is_err();
        outcomes
    }

    async fn sums(&mut self, range: &KeyRange, cuts: &[Key]) -> Result<Option<Vec<RangeSum>>> {
        self.usable("sum a range")?;
        let state = self.dataset.system.lock();
        let capabilities = self.dataset.capabilities();
        if !capabilities.sums {
            return Ok(None);
        }
        let (base, changes) = (self.base(&state)?, self.seen());
        let mut sums = vec![RangeSum::default(); cuts.len() + 1];
        let mut part = 0;
        for (slot, stored) in (View { base: &base, changes: &changes }).range(range) {
            while cuts.get(part).is_some_and(|cut| *cut <= slot.0) {
                part += 1;
            }
            let Some(selected) = self.dataset.select(stored) else { continue };
            sums[part].count += 1;
            sums[part].hash ^= match selected {
                Ok(row) if capabilities.content_sums => row.fingerprint(),
                Err(_) if capabilities.content_sums => 0,
                _ => mixed(&slot.0, stored.stamp),
            };
        }
        Ok(Some(sums))
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        self.dataset.system.reach(Moment::Commit).await;
        self.usable("commit")?;
        let mut state = self.dataset.system.lock();
        let changes = std::mem::take(&mut self.changes);
        if matches!(self.basis, Basis::File(_)) {
            self.dataset.collect(changes);
        } else {
            state.check_references(self.name(), &changes)?;
            state.apply(self.name(), changes);
        }
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

impl State {
    /// Parents and children may have moved in other tables since the write was checked.
    fn check_references(&self, name: &str, changes: &Changes) -> Result<()> {
        for (slot, change) in changes {
            let checked = match change {
                Some(stored) => self.check_parents(name, changes, &stored.values),
                None => self.check_children(name, changes, slot),
            };
            checked
                .map_err(|refusal| Error::new(ErrorKind::Aborted, "commit", refusal.reason).with_remedy("try again"))?;
        }
        Ok(())
    }
}

impl Drop for MemoryTransaction {
    fn drop(&mut self) {
        self.dataset.system.lock().release(self.id);
    }
}

/// Changes with every write of a row, as a database's row version does.
fn mixed(key: &Key, stamp: u64) -> u64 {
    xxh3_64_with_seed(key, stamp)
}
