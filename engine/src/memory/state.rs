//! Everything a memory system holds, behind its one lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::hooks::Hooks;
use super::table::{Stored, Table};
use super::view::{Changes, Slot};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// What a transaction has locked until it ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Lock {
    Row(String, Slot),
    /// A table's n-th unique column set, and the values.
    Unique(String, usize, Vec<u8>),
}

#[derive(Default)]
pub(super) struct State {
    pub tables: BTreeMap<String, Table>,
    locks: HashMap<Lock, u64>,
    transactions: u64,
    stamps: u64,
    /// Grows with every change that took effect.
    pub version: u64,
    pub rows_read: u64,
    pub hooks: Hooks,
}

impl State {
    /// What would be found on a disk: rows, not locks.
    pub fn durable(&self) -> Self {
        Self { tables: self.tables.clone(), stamps: self.stamps, version: self.version, ..Self::default() }
    }

    pub fn table(&self, name: &str) -> Result<&Table> {
        self.tables.get(name).ok_or_else(|| {
            Error::new(ErrorKind::Definition, "open a dataset", format!("there is no table \"{name}\""))
                .with_remedy("name a table that exists, or set `create_target: true`")
        })
    }

    pub fn next_transaction(&mut self) -> u64 {
        self.transactions += 1;
        self.transactions
    }

    /// A row as it is written now.
    pub fn stamped(&mut self, values: Vec<Value>) -> Arc<Stored> {
        self.stamps += 1;
        Arc::new(Stored { stamp: self.stamps, values, broken: None })
    }

    /// Locks for a transaction; nobody waits here: a lock that is held is a lock time-out.
    pub fn lock(&mut self, transaction: u64, lock: Lock) -> Result<()> {
        if *self.locks.entry(lock).or_insert(transaction) == transaction {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Aborted, "lock a record", "another transaction holds it").with_remedy("try again"))
    }

    pub fn release(&mut self, transaction: u64) {
        self.locks.retain(|_, holder| *holder != transaction);
    }

    /// Makes changes take effect.
    pub fn apply(&mut self, name: &str, changes: Changes) {
        let Some(table) = self.tables.get_mut(name).filter(|_| !changes.is_empty()) else { return };
        self.version += 1;
        table.version += 1;
        let rows = Arc::make_mut(&mut table.rows);
        for (slot, change) in changes {
            match change {
                Some(stored) => rows.insert(slot, stored),
                None => rows.remove(&slot),
            };
        }
    }
}
