//! A system in memory: what tests set up and look at, and what the engine opens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::constraints::{ForeignKey, OnDelete};
use super::dataset::MemoryDataset;
use super::flavour::Flavour;
use super::hooks::Moment;
use super::state::State;
use super::table::{Broken, Table};
use super::triggers::{Check, Transform};
use super::view::{Changes, Slot};
use crate::connector::{CheckStep, Dataset, Purpose, System};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::row::SideSpec;
use crate::schema::DatasetSchema;
use crate::value::Value;

/// A system in memory. Clones are the same system; [`MemorySystem::fork`] makes another one.
///
/// The methods for tests panic where they are misused (no such table, a row that the table refuses).
#[derive(Clone)]
pub struct MemorySystem {
    name: Arc<str>,
    flavour: Flavour,
    state: Arc<Mutex<State>>,
}

impl MemorySystem {
    /// A database without tables ([`Flavour::DATABASE`]).
    pub fn new(name: &str) -> Self {
        Self::with_flavour(name, Flavour::DATABASE)
    }

    pub fn with_flavour(name: &str, flavour: Flavour) -> Self {
        Self { name: name.into(), flavour, state: Arc::default() }
    }

    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// As the engine takes it.
    pub fn side(&self) -> Arc<dyn System> {
        Arc::new(self.clone())
    }

    /// Another system of the same name that begins with what is stored now; open transactions, locks and waiting
    /// edits are not in it. A crash can so be tried again and again from one beginning.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = Arc::new(Mutex::new(self.lock().durable()));
        Self { name: self.name.clone(), flavour: self.flavour, state }
    }

    /// Makes a table. Rows are stored under its primary key, which a file does not tell the engine.
    /// Further `unique_keys` are enforced, as are NOT NULL and the limits of types.
    pub fn create_table(&self, schema: DatasetSchema) {
        let table = Table::new(schema, !self.flavour.publishes);
        let before = self.lock().tables.insert(table.schema.name.clone(), table);
        assert!(before.is_none(), "there is such a table already");
    }

    /// A trigger that changes what is written, by anyone. The schema then says `transforms`.
    pub fn set_transform(&self, table: &str, transform: Transform) {
        self.change(table, |table| {
            table.transform = Some(transform);
            table.schema.transforms = true;
        });
    }

    /// A constraint that refuses records.
    pub fn set_check(&self, table: &str, check: Check) {
        self.change(table, |table| table.check = Some(check));
    }

    /// What a column gets in a new record that does not name it (NULL until then).
    pub fn set_default(&self, table: &str, column: &str, value: Value) {
        self.change(table, |table| {
            let index = table.column(column);
            table.defaults[index] = value;
        });
    }

    /// A foreign key from a column to the one-column primary key of the table `references`.
    pub fn set_foreign_key(&self, table: &str, column: &str, references: &str, on_delete: OnDelete) {
        self.change(table, |table| {
            let column = table.column(column);
            table.foreign.push(ForeignKey { column, references: references.to_owned(), on_delete });
            table.schema.references.push(references.to_owned());
        });
    }

    /// Scans of the table break off with an error after so many rows (`None`: they do not).
    pub fn break_scans(&self, table: &str, after: Option<u64>) {
        self.change(table, |table| table.scan_limit = after);
    }

    /// Somebody else writes a whole row (values by column), over the one of the same key if there is one.
    pub fn put(&self, table: &str, values: Vec<Value>) {
        self.store(table, values, |_, key| (key, 0));
    }

    /// Somebody else adds a row, beside one of the same key if there is one.
    pub fn append(&self, table: &str, values: Vec<Value>) {
        self.store(table, values, |table, key| table.free_slot(key, |slot| table.rows.contains_key(slot)));
    }

    fn store(&self, name: &str, values: Vec<Value>, slot: impl Fn(&Table, Key) -> Slot) {
        let mut state = self.lock();
        let table = known(state.tables.get(name), name);
        let values = match table.admit(values) {
            Ok(values) => values,
            Err(refusal) => panic!("table \"{name}\" refuses the row: {}", refusal.reason),
        };
        // A file may hold rows whose key cannot be encoded; they lie behind all others.
        let key = table.key_of(&values).unwrap_or_else(|error| {
            assert!(!table.key_declared, "table \"{name}\" refuses the row: {error}");
            Key::from_bytes([0xff])
        });
        let slot = slot(table, key);
        let stored = state.stamped(values);
        state.apply(name, Changes::from([(slot, Some(stored))]));
    }

    /// Somebody else deletes the row of a key (its values), all of them if there are several. Whether there was one.
    pub fn remove(&self, table: &str, key: &[Value]) -> bool {
        let mut state = self.lock();
        let slots = slots(known(state.tables.get(table), table), key);
        let found = !slots.is_empty();
        state.apply(table, slots.into_iter().map(|slot| (slot, None)).collect());
        found
    }

    /// The row of a key becomes unreadable under a stable code (`malformed`, …) until it is put again;
    /// `keyed`: its key can still be read.
    pub fn break_row(&self, table: &str, key: &[Value], code: &'static str, keyed: bool) {
        let mut state = self.lock();
        for slot in slots(known(state.tables.get(table), table), key) {
            let values = known(state.tables.get(table), table).rows[&slot].values.clone();
            let mut stored = state.stamped(values);
            Arc::make_mut(&mut stored).broken = Some(Broken { code, keyed });
            state.apply(table, Changes::from([(slot, Some(stored))]));
        }
    }

    /// The whole row of a key.
    pub fn row(&self, table: &str, key: &[Value]) -> Option<Vec<Value>> {
        let state = self.lock();
        let table = known(state.tables.get(table), table);
        slots(table, key).first().map(|slot| table.rows[slot].values.clone())
    }

    /// All rows by key, values by column; of several with one key the first.
    pub fn rows(&self, table: &str) -> BTreeMap<Key, Vec<Value>> {
        let state = self.lock();
        let rows = known(state.tables.get(table), table).rows.iter().filter(|(slot, _)| slot.1 == 0);
        rows.map(|(slot, stored)| (slot.0.clone(), stored.values.clone())).collect()
    }

    /// Grows with every change that took effect, by the engine or by anyone else.
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// Rows that the engine has read so far, by range, scan or lookup.
    pub fn rows_read(&self) -> u64 {
        self.lock().rows_read
    }

    /// Lets somebody else act right before the n-th such moment from now on, counted from 0.
    pub fn before(&self, moment: Moment, n: u64, edit: impl FnOnce(&Self) + Send + 'static) {
        self.lock().hooks.add(moment, n, Box::new(edit));
    }

    /// Edits whose moment has not come.
    pub fn waiting(&self) -> usize {
        self.lock().hooks.waiting()
    }

    /// Lets other tasks go on, and carries out the edits that wait for this moment.
    pub(super) async fn reach(&self, moment: Moment) {
        tokio::task::yield_now().await;
        let due = self.lock().hooks.pass(moment);
        for edit in due {
            edit(self);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Table)) {
        change(known(self.lock().tables.get_mut(name), name));
    }
}

fn known<T>(table: Option<T>, name: &str) -> T {
    match table {
        Some(table) => table,
        None => panic!("there is no table \"{name}\""),
    }
}

/// The slots of the rows of a key.
fn slots(table: &Table, key: &[Value]) -> Vec<Slot> {
    let key = match table.encode_key(key) {
        Ok(key) => key,
        Err(error) => panic!("no key of table \"{}\": {error}", table.schema.name),
    };
    let all = table.rows.range((key.clone(), 0)..=(key, u32::MAX));
    all.map(|(slot, _)| slot.clone()).collect()
}

#[async_trait]
impl System for MemorySystem {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn identity(&self) -> Result<String> {
        Ok(format!("memory:{}", self.name))
    }

    async fn datasets(&self) -> Result<Vec<String>> {
        Ok(self.lock().tables.keys().cloned().collect())
    }

    async fn describe(&self, dataset: &str) -> Result<Option<DatasetSchema>> {
        let state = self.lock();
        Ok(state.tables.get(dataset).map(|table| {
            let mut schema = table.schema.clone();
            schema.estimated_rows = Some(table.rows.len() as u64);
            schema.columns.iter_mut().for_each(|column| column.ordered &= self.flavour.ordered);
            if !table.key_declared {
                schema.primary_key.clear();
                schema.unique_keys.clear();
            }
            schema
        }))
    }

    async fn foresee(&self, schema: &DatasetSchema, _from_kind: &str) -> Result<DatasetSchema> {
        if schema.primary_key.is_empty() {
            let message = format!("\"{}\" has no primary key", schema.name);
            return Err(Error::new(ErrorKind::Definition, "create a table", message));
        }
        let unique_keys = vec![schema.primary_key.clone()];
        let (references, transforms) = (Vec::new(), false);
        Ok(DatasetSchema { unique_keys, references, transforms, estimated_rows: Some(0), ..schema.clone() })
    }

    async fn create(&self, foreseen: &DatasetSchema) -> Result<()> {
        if self.lock().tables.contains_key(&foreseen.name) {
            let message = format!("there is a table \"{}\" already", foreseen.name);
            return Err(Error::new(ErrorKind::Definition, "create a table", message));
        }
        self.create_table(foreseen.clone());
        Ok(())
    }

    async fn open(&self, spec: Arc<SideSpec>, _schema: &DatasetSchema) -> Result<Arc<dyn Dataset>> {
        Ok(Arc::new(MemoryDataset::open(self.clone(), spec)?))
    }

    async fn check(&self, _purpose: Purpose) -> Vec<CheckStep> {
        vec![CheckStep { name: "connect", ok: true, detail: format!("memory:{}", self.name), hint: None }]
    }
}
