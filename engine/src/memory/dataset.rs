//! A table in memory under a mapping: opening, scanning, cutting, publishing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;
use xxhash_rust::xxh3::xxh3_64;

use super::hooks::Moment;
use super::system::MemorySystem;
use super::table::{Stored, Table};
use super::transaction::{Basis, MemoryTransaction};
use super::view::{Changes, Rows, Slot, View};
use crate::connector::{Capabilities, Chunk, Dataset, Guard, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{self, Key};
use crate::reduce;
use crate::row::{Row, SideSpec, Unreadable};
use crate::schema::FieldType;
use crate::value::Value;

const CHUNK_ROWS: usize = 64;

/// An opened table; transactions share it.
#[derive(Clone)]
pub(super) struct MemoryDataset(Arc<Opened>);

pub(super) struct Opened {
    pub system: MemorySystem,
    pub spec: Arc<SideSpec>,
    /// By column of the spec: the table's column.
    pub columns: Vec<usize>,
    /// The spec's key is the table's, encoded alike.
    pub direct: bool,
    /// Only where the flavour publishes.
    file: Mutex<File>,
}

/// A file as it was read, and what is to be changed in it.
#[derive(Default)]
struct File {
    read: Option<(u64, Arc<Rows>)>,
    collected: Changes,
}

impl Deref for MemoryDataset {
    type Target = Opened;

    fn deref(&self) -> &Opened {
        &self.0
    }
}

impl MemoryDataset {
    pub fn open(system: MemorySystem, spec: Arc<SideSpec>) -> Result<Self> {
        let (columns, direct) = {
            let state = system.lock();
            let table = state.table(&spec.dataset)?;
            let columns = columns(table, &spec)?;
            let direct = is_direct(table, &spec, &columns);
            (columns, direct)
        };
        Ok(Self(Arc::new(Opened { system, spec, columns, direct, file: Mutex::default() })))
    }

    /// The file's rows as they were read first, or as they are now.
    fn file_rows(&self, rows: impl FnOnce() -> (u64, Arc<Rows>)) -> Arc<Rows> {
        self.file().read.get_or_insert_with(rows).1.clone()
    }
}

/// The table's columns by column of the spec.
fn columns(table: &Table, spec: &SideSpec) -> Result<Vec<usize>> {
    let find = |name: &String| table.schema.columns.iter().position(|column| column.name == *name);
    let columns = spec.columns.iter().map(|column| {
        find(&column.name).ok_or_else(|| {
            let message = format!("table \"{}\" has no column \"{}\"", spec.dataset, column.name);
            Error::new(ErrorKind::Definition, "open a dataset", message)
        })
    });
    columns.collect()
}

fn is_direct(table: &Table, spec: &SideSpec, columns: &[usize]) -> bool {
    let alike = |&index: &usize| {
        let column = &spec.columns[index];
        match (&table.types[columns[index]], &column.common) {
            (FieldType::Text { fold: own, .. }, FieldType::Text { fold: common, .. }) => own == common,
            (own, common) => column.native == *own && std::mem::discriminant(own) == std::mem::discriminant(common),
        }
    };
    spec.key.iter().map(|&index| columns[index]).eq(table.key.iter().copied()) && spec.key.iter().all(alike)
}

impl Opened {
    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row as the merge sees it.
    pub fn admit(&self, stored: &Stored) -> std::result::Result<Row, Unreadable> {
        let admitted = self.spec.admit(self.columns.iter().map(|&index| stored.values[index].clone()).collect());
        let Some(broken) = stored.broken else { return admitted };
        let key = match admitted {
            Ok(row) => Some(row.key),
            Err(unreadable) => unreadable.key,
        };
        let key = key.filter(|_| broken.keyed);
        Err(Unreadable { key, line: None, code: broken.code, reason: "the record cannot be read".to_owned() })
    }

    /// As [`Opened::admit`], `None` where the filter leaves the row out.
    pub fn select(&self, stored: &Stored) -> Option<std::result::Result<Row, Unreadable>> {
        match self.admit(stored) {
            Ok(row) if self.spec.filter.as_ref().is_some_and(|filter| !filter.matches(row.values())) => None,
            admitted => Some(admitted),
        }
    }

    /// Where the rows of native keys lie; `None` where there is none.
    pub fn locate(&self, table: &Table, view: View<'_>, keys: &[&[Value]]) -> Vec<Option<Slot>> {
        if self.direct {
            let slot = |key: &&[Value]| Some((table.encode_key(key).ok()?, 0));
            return keys.iter().map(|key| slot(key).filter(|slot| view.get(slot).is_some())).collect();
        }
        let wanted: Vec<Option<Key>> = keys.iter().map(|key| self.encode(key)).collect();
        let mut found: BTreeMap<&Key, Slot> = BTreeMap::new();
        let asked: BTreeSet<&Key> = wanted.iter().flatten().collect();
        for (slot, stored) in view.all() {
            let key = match self.admit(&Stored { broken: None, ..stored.as_ref().clone() }) {
                Ok(row) => Some(row.key),
                Err(unreadable) => unreadable.key,
            };
            if let Some(key) = key.and_then(|key| asked.get(&key).copied()) {
                found.entry(key).or_insert_with(|| slot.clone());
            }
        }
        wanted.iter().map(|key| found.get(key.as_ref()?).cloned()).collect()
    }

    /// The encoded key of the key's native values.
    fn encode(&self, native: &[Value]) -> Option<Key> {
        let columns: Vec<_> = self.spec.key.iter().map(|&index| &self.spec.columns[index]).collect();
        let values: Option<Vec<Value>> = native
            .iter()
            .zip(&columns)
            .map(|(value, column)| reduce::reduce(value, &column.native, &column.common).ok())
            .collect();
        key::encode(values?.iter().zip(columns.iter().map(|column| &column.common))).ok()
    }

    /// The part of a scan that these rows are.
    fn chunk(&self, part: &[(&Slot, &Arc<Stored>)]) -> Chunk {
        let mut chunk = Chunk::default();
        for (_, stored) in part {
            match self.select(stored) {
                Some(Ok(row)) => chunk.rows.push(row),
                Some(Err(unreadable)) => chunk.unreadable.push(unreadable),
                None => {}
            }
        }
        chunk
    }

    /// What is to be changed in a file when it is published.
    pub fn collected(&self) -> Changes {
        self.file().collected.clone()
    }

    /// Whether a file's row is to be changed already.
    pub fn is_collected(&self, slot: &Slot) -> bool {
        self.file().collected.contains_key(slot)
    }

    pub fn collect(&self, changes: Changes) {
        self.file().collected.extend(changes);
    }
}

#[async_trait]
impl Dataset for MemoryDataset {
    fn capabilities(&self) -> Capabilities {
        self.system.flavour().capabilities(self.spec.ordered && self.direct)
    }

    fn spec(&self) -> &Arc<SideSpec> {
        &self.spec
    }

    async fn split(&self, rows: u64) -> Result<Vec<Key>> {
        let state = self.system.lock();
        let every = usize::try_from(rows.max(1)).unwrap_or(usize::MAX);
        let keys = state.table(&self.spec.dataset)?.rows.keys();
        Ok(keys.skip(every).step_by(every).map(|slot| slot.0.clone()).collect())
    }

    async fn scan(&self, rows: mpsc::Sender<Chunk>) -> Result<()> {
        let (version, snapshot, limit) = {
            let state = self.system.lock();
            let table = state.table(&self.spec.dataset)?;
            (table.version, table.rows.clone(), table.scan_limit)
        };
        if self.system.flavour().publishes {
            let mut file = self.file();
            // What was collected stands on the file as it was read then.
            if file.collected.is_empty() {
                file.read = Some((version, snapshot.clone()));
            }
        }
        let mut left = limit.unwrap_or(u64::MAX);
        for part in shuffled(&snapshot).chunks(CHUNK_ROWS) {
            self.system.reach(Moment::Scan).await;
            let taken = part.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            left -= taken as u64;
            let chunk = self.chunk(&part[..taken]);
            self.system.lock().rows_read += chunk.rows.len() as u64;
            if rows.send(chunk).await.is_err() {
                return Err(Error::new(ErrorKind::Interrupted, "scan a table", "nobody takes the rows any more"));
            }
            if taken < part.len() {
                return Err(Error::new(ErrorKind::Data, "scan a table", "the rows break off before their end"));
            }
        }
        if self.system.flavour().publishes && self.system.lock().table(&self.spec.dataset)?.version != version {
            return Err(moved("scan a table"));
        }
        Ok(())
    }

    async fn begin(&self, guard: Guard) -> Result<Box<dyn Transaction>> {
        self.system.reach(Moment::Begin).await;
        let mut state = self.system.lock();
        let id = state.next_transaction();
        let table = state.table(&self.spec.dataset)?;
        let flavour = self.system.flavour();
        let basis = if flavour.publishes {
            Basis::File(self.file_rows(|| (table.version, table.rows.clone())))
        } else if guard == Guard::Snapshot && flavour.snapshot {
            Basis::Snapshot(table.rows.clone())
        } else {
            Basis::Latest
        };
        Ok(Box::new(MemoryTransaction::new(self.clone(), id, basis)))
    }

    async fn publish(&self) -> Result<()> {
        self.system.reach(Moment::Publish).await;
        let mut state = self.system.lock();
        let name = &self.spec.dataset;
        let mut file = self.file();
        let (read, collected) = (file.read.take(), std::mem::take(&mut file.collected));
        if collected.is_empty() {
            file.read = read;
            return Ok(());
        }
        if read.map(|read| read.0) != Some(state.table(name)?.version) {
            return Err(moved("publish the file"));
        }
        state.apply(name, collected);
        let table = state.table(name)?;
        file.read = Some((table.version, table.rows.clone()));
        Ok(())
    }
}

fn moved(operation: &'static str) -> Error {
    Error::new(ErrorKind::Moved, operation, "somebody else changed the file since it was read")
        .with_remedy("run the session again")
}

/// The rows in an order that is none of any key, always the same.
fn shuffled(rows: &Rows) -> Vec<(&Slot, &Arc<Stored>)> {
    let mut all: Vec<_> = rows.iter().collect();
    all.sort_by_cached_key(|(slot, _)| (xxh3_64(&slot.0), slot.1));
    all
}
