//! Two systems and a home under a [`Setup`]: editing them, running sessions over them, looking at what came of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use pinksync_engine::home::{Entry, Home, StoredConflict};
use pinksync_engine::memory::{self, Faults, MemoryHome, MemorySystem, at_most, column, required, schema};
use pinksync_engine::schema::{DatasetSchema, FieldType};
use pinksync_engine::session::{self, Finished, Observer, Session, Stop};
use pinksync_engine::{Key, Value, base, key};
use pinksync_model::{
    Connection, DatasetDefinition, DatasetEntry, DatasetReport, FieldRule, Filter, GuardName, Guards, IndexMap,
    ModifiedAt, Op, Options, Phase, SessionId, Side, SqliteSettings, SyncDefinition,
};

use crate::oracle::Place;
use crate::setup::{Cells, Edit, End, Setup, Time, Transform};

pub const TABLE: &str = "t";
/// The pair's name in the home.
pub const PAIR: &str = "t → t";

/// Two systems and what a sync remembers of them. Clones are the same world.
#[derive(Clone)]
pub struct World {
    pub setup: Setup,
    pub source: MemorySystem,
    pub target: MemorySystem,
    pub home: MemoryHome,
    pub allowed: BTreeSet<GuardName>,
    broken: Arc<Mutex<BTreeSet<(Side, u8)>>>,
}

/// Everything that an observer was told.
#[derive(Default)]
pub struct Told(pub Mutex<Vec<(String, Phase, u64)>>);

impl Observer for Told {
    fn phase(&self, dataset: &str, phase: Phase) {
        self.0.lock().unwrap().push((dataset.to_owned(), phase, 0));
    }

    /// Counts what is read or written in a phase.
    fn advanced(&self, _: &str, _: usize, _: usize, counted: &DatasetReport) {
        if let Some((.., advanced)) = self.0.lock().unwrap().last_mut() {
            *advanced += counted.read.source + counted.written();
        }
    }
}

impl World {
    pub fn new(setup: &Setup) -> Self {
        let make = |name: &str, end: &End| {
            let system = MemorySystem::with_flavour(name, end.flavour);
            system.create_table(table(setup, name));
            let first = setup.key_columns();
            match end.transform {
                Transform::None => {}
                Transform::Upper => system.set_transform(TABLE, memory::upper_case(first)),
                Transform::Trim => system.set_transform(TABLE, memory::trim(first)),
                Transform::Round => system.set_transform(TABLE, memory::round(first + 1, 0)),
            }
            if end.check {
                system.set_check(TABLE, at_most(first + 2, 3));
            }
            system
        };
        Self {
            setup: setup.clone(),
            source: make("source", &setup.source),
            target: make("target", &setup.target),
            home: MemoryHome::new(),
            allowed: BTreeSet::from([GuardName::EmptySide]),
            broken: Arc::default(),
        }
    }

    /// Another world that begins with what is stored in this one.
    pub fn fork(&self) -> Self {
        Self {
            setup: self.setup.clone(),
            source: self.source.fork(),
            target: self.target.fork(),
            home: self.home.fork(),
            allowed: self.allowed.clone(),
            broken: Arc::new(Mutex::new(self.broken.lock().unwrap().clone())),
        }
    }

    pub fn system(&self, side: Side) -> &MemorySystem {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    pub fn apply(&self, edits: &[Edit]) {
        for edit in edits {
            self.edit(edit);
        }
    }

    pub fn edit(&self, edit: &Edit) {
        match edit {
            Edit::Put(side, key, cells) => self.put(*side, *key, *cells),
            Edit::Both(key, cells) => {
                self.put(Side::Source, *key, *cells);
                self.put(Side::Target, *key, *cells);
            }
            Edit::Touch(side, key, field, value) => self.touch(*side, *key, *field, *value),
            Edit::Remove(side, key) => {
                self.broken.lock().unwrap().remove(&(*side, *key));
                self.system(*side).remove(TABLE, &self.setup.key(*key));
            }
            Edit::Break(side, key) => {
                let native = self.setup.key(*key);
                if self.system(*side).row(TABLE, &native).is_some() {
                    self.broken.lock().unwrap().insert((*side, *key));
                    self.system(*side).break_row(TABLE, &native, "malformed", true);
                }
            }
        }
    }

    fn put(&self, side: Side, key: u8, cells: Cells) {
        self.broken.lock().unwrap().remove(&(side, key));
        let own = Value::text(format!("own {key}"));
        self.system(side).put(TABLE, self.setup.row(key, self.allowed_cells(side, cells).values(), own));
    }

    fn touch(&self, side: Side, key: u8, field: u8, value: u8) {
        let native = self.setup.key(key);
        let Some(mut row) = self.system(side).row(TABLE, &native) else { return };
        let cells = self.allowed_cells(side, Cells { a: value, b: value, n: value, time: value });
        let at = self.setup.key_columns() + usize::from(field % 4);
        if at < row.len() - 1 {
            self.broken.lock().unwrap().remove(&(side, key));
            row[at] = cells.values()[usize::from(field % 4)].clone();
            self.system(side).put(TABLE, row);
        }
    }

    /// A side's own constraint binds everyone.
    fn allowed_cells(&self, side: Side, cells: Cells) -> Cells {
        match self.setup.end(side).check {
            true => Cells { n: cells.n.min(4), ..cells },
            false => cells,
        }
    }

    pub fn session(&self, id: SessionId) -> Session {
        Session {
            id,
            definition: Arc::new(self.setup.definition()),
            source: self.source.side(),
            target: self.target.side(),
            home: self.home.side(),
            allowed: self.allowed.clone(),
            workers: self.setup.workers,
            limits: self.setup.limits,
            observer: Arc::new(Told::default()),
            stop: Stop::default(),
            plan: None,
        }
    }

    /// A session of a process that may die.
    pub fn faulty_session(&self, id: SessionId, faults: &Faults) -> Session {
        let session = self.session(id);
        Session {
            source: faults.system(session.source),
            target: faults.system(session.target),
            home: faults.home(session.home),
            ..session
        }
    }

    pub fn try_run(&self, id: SessionId) -> pinksync_engine::Result<Finished> {
        wait(session::run(&self.session(id)))
    }

    /// Runs a session to its end.
    pub fn run(&self) -> (SessionId, Finished) {
        let id = SessionId::new();
        (id, self.try_run(id).unwrap())
    }

    /// Whole rows of a side by key.
    pub fn rows(&self, side: Side) -> BTreeMap<Key, Vec<Value>> {
        self.system(side).rows(TABLE)
    }

    /// The mapped fields of every record of a side, as the oracle takes them.
    pub fn places(&self, side: Side) -> BTreeMap<Key, Place> {
        let broken = self.broken.lock().unwrap();
        let unreadable: BTreeSet<Key> =
            broken.iter().filter(|(at, _)| *at == side).map(|(_, key)| self.setup.encoded_key(*key)).collect();
        let place = |(key, row): (Key, Vec<Value>)| match unreadable.contains(&key) {
            true => (key, Place::Unreadable),
            false => (key, Place::There(self.setup.fields(&row))),
        };
        self.rows(side).into_iter().map(place).collect()
    }

    /// The base's entries.
    pub fn entries(&self) -> BTreeMap<Key, Entry> {
        wait(async {
            let ids: Vec<_> = self.home.blocks(PAIR).await.unwrap().iter().map(|header| header.id).collect();
            let blobs = self.home.load(PAIR, &ids).await.unwrap();
            let entries = blobs.iter().flat_map(|blob| base::decode(blob).unwrap());
            entries.map(|(key, entry)| (key, (*entry).clone())).collect()
        })
    }

    pub fn conflicts(&self) -> Vec<StoredConflict> {
        self.home.conflicts(PAIR)
    }
}

/// Runs a future on a clock that stands still and jumps over every delay.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: RefCell<tokio::runtime::Runtime> =
            RefCell::new(tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap());
    }
    RUNTIME.with(|runtime| runtime.borrow().block_on(future))
}

/// The table of a side: the key, `a`, `b`, `n`, perhaps `changed`, and a column that only this side has.
fn table(setup: &Setup, side: &str) -> DatasetSchema {
    let int = FieldType::Int { bits: 64 };
    let mut columns = Vec::new();
    if setup.composite {
        columns.push(required("region", FieldType::TEXT));
    }
    columns.push(required("id", int.clone()));
    columns.push(column("a", FieldType::TEXT));
    columns.push(column("b", FieldType::Decimal { precision: None, scale: None }));
    columns.push(column("n", int));
    if setup.time != Time::None {
        columns.push(column("changed", FieldType::Timestamp { precision: 6 }));
    }
    columns.push(column(&format!("{side}_only"), FieldType::TEXT));
    let key: &[&str] = if setup.composite { &["region", "id"] } else { &["id"] };
    schema(TABLE, key, columns)
}

impl Setup {
    pub fn key_columns(&self) -> usize {
        if self.composite { 2 } else { 1 }
    }

    /// The values of a key.
    pub fn key(&self, number: u8) -> Vec<Value> {
        match self.composite {
            false => vec![Value::Int(i64::from(number))],
            true => {
                let region = ["", "a", "b"][usize::from(number % 3)];
                vec![Value::text(region), Value::Int(i64::from(number / 3))]
            }
        }
    }

    /// A whole row; `own` is the value of the column that only its side has.
    pub fn row(&self, number: u8, values: [Value; 4], own: Value) -> Vec<Value> {
        let fields = if self.time == Time::None { 3 } else { 4 };
        self.key(number).into_iter().chain(values.into_iter().take(fields)).chain([own]).collect()
    }

    /// The mapped fields of a whole row, without the key.
    pub fn fields(&self, row: &[Value]) -> Vec<Value> {
        row[self.key_columns()..row.len() - 1].to_vec()
    }

    pub fn encoded_key(&self, number: u8) -> Key {
        let types: &[FieldType] = match self.composite {
            true => &[FieldType::TEXT, FieldType::Int { bits: 64 }],
            false => &[FieldType::Int { bits: 64 }],
        };
        key::encode(self.key(number).iter().zip(types)).unwrap()
    }

    pub fn definition(&self) -> SyncDefinition {
        let side = || Connection::Sqlite(SqliteSettings { path: "unused".to_owned() });
        let mut fields = IndexMap::new();
        if let Some(strategy) = self.field_strategy {
            fields.insert("a".to_owned(), FieldRule { strategy: Some(strategy), ..FieldRule::default() });
        }
        let key: &[&str] = if self.composite { &["region", "id"] } else { &["id"] };
        let filter = Filter::Compare { field: "n".to_owned(), op: Op::Ge, value: 2.into() };
        let dataset = DatasetDefinition {
            source: Some(TABLE.to_owned()),
            key: key.iter().map(|&name| name.to_owned()).collect(),
            modified_at: (self.time != Time::None).then(|| ModifiedAt::Same("changed".to_owned())),
            exclude: if self.time == Time::Excluded { vec!["changed".to_owned()] } else { Vec::new() },
            filter: self.filter.then_some(filter),
            deletes: self.deletes,
            mirror: self.mirror,
            fields,
            ..DatasetDefinition::default()
        };
        SyncDefinition {
            name: None,
            direction: self.direction,
            strategy: self.strategy,
            merge: self.merge,
            source: side(),
            target: side(),
            datasets: vec![DatasetEntry::Definition(dataset)],
            guards: Guards::default(),
            options: Options { batch_size: self.batch_size, base: self.base, ..Options::default() },
        }
    }
}
