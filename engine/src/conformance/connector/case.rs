//! One dataset under test: made, opened under a mapping, read, written and looked at by other means.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::harness::{Edit, Harness, Table};
use crate::connector::{Change, Chunk, Dataset, Found, Guard, Outcome, System, Transaction, Write};
use crate::filter::Filter;
use crate::key::{self, Key, KeyRange};
use crate::memory::{column, required, schema};
use crate::reduce;
use crate::row::{Row, SideColumn, SideSpec, Unreadable};
use crate::schema::{ColumnSchema, DatasetSchema, FieldType, Fold};
use crate::value::{Value, Values};

pub(super) const INT: FieldType = FieldType::Int { bits: 64 };

pub(super) struct Case<'h> {
    pub harness: &'h dyn Harness,
    /// What the test looks at, for messages.
    pub topic: &'static str,
    pub table: Table,
    /// The dataset's name on its system.
    pub name: String,
    pub system: Arc<dyn System>,
    pub described: DatasetSchema,
}

/// The value, or a panic that names the topic.
pub(super) fn must<T, E: std::error::Error>(result: Result<T, E>, topic: &str) -> T {
    result.unwrap_or_else(|error| {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        panic!("{topic}: {message}")
    })
}

/// As [`must`], of an option.
pub(super) fn some<T>(value: Option<T>, topic: &str, what: &str) -> T {
    value.unwrap_or_else(|| panic!("{topic}: {what}"))
}

pub(super) fn int(value: i64) -> Value {
    Value::Int(value)
}

pub(super) fn text(value: &str) -> Value {
    Value::text(value)
}

/// A table of people: `id`, `name`, `age`, `email` (unique and required), `note`.
pub(super) fn people(name: &str, rows: Vec<Vec<Value>>) -> Table {
    let columns = vec![
        required("id", INT),
        column("name", FieldType::TEXT),
        column("age", INT),
        required("email", FieldType::TEXT),
        column("note", FieldType::TEXT),
    ];
    let mut schema = schema(name, &["id"], columns);
    schema.unique_keys.push(vec!["email".to_owned()]);
    Table { schema, rows, at_most: None, upper_case: None }
}

/// A person whose other fields follow from the id.
pub(super) fn person(id: i64) -> Vec<Value> {
    vec![int(id), text(&format!("name {id}")), int(20 + id % 50), text(&format!("{id}@example.org")), text("a note")]
}

impl<'h> Case<'h> {
    pub async fn new(harness: &'h dyn Harness, topic: &'static str, table: Table) -> Self {
        let name = harness.make(&table).await;
        let system = harness.open().await;
        let described = some(must(system.describe(&name).await, topic), topic, "the dataset is not described");
        Self { harness, topic, table, name, system, described }
    }

    /// A mapping of the columns named.
    pub fn spec(&self, columns: &[&str]) -> SideSpec {
        let columns: Vec<SideColumn> = columns.iter().map(|name| self.side_column(name)).collect();
        let position = |name: &String| {
            some(columns.iter().position(|column| column.name == *name), self.topic, "the key is not mapped")
        };
        let key: Vec<usize> = self.table.schema.primary_key.iter().map(position).collect();
        let ordered = key.iter().all(|&index| self.is_ordered(&columns[index]));
        SideSpec {
            dataset: self.name.clone(),
            key,
            modified_at: None,
            filter: None,
            ordered: ordered && self.described.unique_keys.contains(&self.table.schema.primary_key),
            max_record_bytes: 10_000_000,
            batch_size: 1000,
            columns,
        }
    }

    /// A mapping of all columns.
    pub fn whole(&self) -> SideSpec {
        let names: Vec<&str> = self.table.schema.columns.iter().map(|column| column.name.as_str()).collect();
        self.spec(&names)
    }

    fn side_column(&self, name: &str) -> SideColumn {
        let ideal = self.ideal(name);
        let own = some(self.described.column(name), self.topic, &format!("column {name} is not described"));
        let common = match reduce::common(own, ideal, true, false) {
            Ok(common) => common,
            Err(misfit) => {
                panic!("{}: column {name} of type {} cannot hold {}: {misfit:?}", self.topic, own.native, ideal.native)
            }
        };
        SideColumn {
            name: name.to_owned(),
            native: reduce::native(own),
            common,
            writable: own.writable,
            empty_is_null: false,
        }
    }

    fn ideal(&self, name: &str) -> &ColumnSchema {
        some(self.table.schema.column(name), self.topic, &format!("the table has no column {name}"))
    }

    fn is_ordered(&self, column: &SideColumn) -> bool {
        let same = std::mem::discriminant(&column.native) == std::mem::discriminant(&column.common);
        let folded = matches!(column.common, FieldType::Text { fold, .. } if fold != Fold::None);
        same && !folded && self.described.column(&column.name).is_some_and(|own| own.ordered)
    }

    /// The dataset under a mapping; a file is scanned, as the engine does before it writes.
    pub async fn dataset(&self, spec: SideSpec) -> Arc<dyn Dataset> {
        let dataset = must(self.system.open(Arc::new(spec), &self.described).await, self.topic);
        if dataset.capabilities().publishes {
            self.scan(&dataset).await;
        }
        dataset
    }

    /// The dataset under a mapping of all columns.
    pub async fn opened(&self) -> Arc<dyn Dataset> {
        self.dataset(self.whole()).await
    }

    pub async fn filtered(&self, filter: Filter) -> Arc<dyn Dataset> {
        self.dataset(SideSpec { filter: Some(Arc::new(filter)), ..self.whole() }).await
    }

    pub async fn begin(&self, dataset: &Arc<dyn Dataset>, guard: Guard) -> Box<dyn Transaction> {
        must(dataset.begin(guard).await, self.topic)
    }

    /// All readable rows in key order, as the engine would read them: pages where the side is ordered, else a scan.
    pub async fn read(&self, dataset: &Arc<dyn Dataset>) -> Vec<Row> {
        let (rows, unreadable) = self.read_all(dataset).await;
        assert!(unreadable.is_empty(), "{}: records cannot be read: {unreadable:?}", self.topic);
        rows
    }

    pub async fn read_all(&self, dataset: &Arc<dyn Dataset>) -> (Vec<Row>, Vec<Unreadable>) {
        if !dataset.capabilities().ordered {
            return self.scan(dataset).await;
        }
        let mut transaction = self.begin(dataset, Guard::Snapshot).await;
        let page = must(transaction.read(&KeyRange::default(), usize::MAX).await, self.topic);
        assert!(page.cut.is_none(), "{}: the page was cut although its budget is without limit", self.topic);
        must(transaction.rollback().await, self.topic);
        (page.rows, page.unreadable)
    }

    /// A scan, its rows sorted by key.
    pub async fn scan(&self, dataset: &Arc<dyn Dataset>) -> (Vec<Row>, Vec<Unreadable>) {
        let (sender, mut receiver) = mpsc::channel::<Chunk>(1);
        let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
        let collect = async {
            while let Some(mut chunk) = receiver.recv().await {
                rows.append(&mut chunk.rows);
                unreadable.append(&mut chunk.unreadable);
            }
        };
        let (scanned, ()) = tokio::join!(dataset.scan(sender), collect);
        must(scanned, self.topic);
        rows.sort_by(|one, other| one.key.cmp(&other.key));
        (rows, unreadable)
    }

    /// Looks one record up in a transaction of its own.
    pub async fn find(&self, dataset: &Arc<dyn Dataset>, key: &[Value]) -> Option<Row> {
        let mut transaction = self.begin(dataset, Guard::Compare).await;
        let found = self.look_up(&mut *transaction, dataset, key).await;
        must(transaction.rollback().await, self.topic);
        found
    }

    /// Looks one record up by its key in common form.
    pub async fn look_up(
        &self,
        transaction: &mut dyn Transaction,
        dataset: &Arc<dyn Dataset>,
        key: &[Value],
    ) -> Option<Row> {
        let mut found = must(transaction.lookup(&[self.native_key(dataset, key)]).await, self.topic);
        match found.pop() {
            Some(Found::Row(row)) => Some(row),
            Some(Found::Absent) => None,
            other => panic!("{}: the lookup answered {other:?}", self.topic),
        }
    }

    /// A key's own values on this side, from common form.
    pub fn native_key(&self, dataset: &Arc<dyn Dataset>, key: &[Value]) -> Values {
        must(dataset.spec().native_key(&self.encode(dataset, key)), self.topic)
    }

    pub fn encode(&self, dataset: &Arc<dyn Dataset>, key: &[Value]) -> Key {
        let spec = dataset.spec();
        let types = spec.key.iter().map(|&index| &spec.columns[index].common);
        must(key::encode(key.iter().zip(types)), self.topic)
    }

    /// A create of values in common form, by column of the spec.
    pub fn create(&self, dataset: &Arc<dyn Dataset>, values: &[Value]) -> Write {
        let native = must(dataset.spec().expand(&Values::from(values)), self.topic);
        let key = dataset.spec().key.iter().map(|&index| native[index].clone()).collect();
        Write { key, expect: None, change: Change::Create(native) }
    }

    /// An update of a row that was read, values in common form by name.
    pub fn update(&self, dataset: &Arc<dyn Dataset>, row: &Row, fields: &[(&str, Value)]) -> Write {
        let spec = dataset.spec();
        let native = |(name, value): &(&str, Value)| {
            let index = spec.columns.iter().position(|column| column.name == *name);
            let index = some(index, self.topic, "the column is not mapped");
            let column = &spec.columns[index];
            (index, must(reduce::expand(value, &column.common, &column.native), self.topic))
        };
        let change = Change::Update(fields.iter().map(native).collect());
        Write { key: row.native_key(spec), expect: Some(row.hash), change }
    }

    pub fn delete(&self, dataset: &Arc<dyn Dataset>, row: &Row) -> Write {
        Write { key: row.native_key(dataset.spec()), expect: Some(row.hash), change: Change::Delete }
    }

    /// Writes in a transaction of its own, commits and publishes.
    pub async fn apply(&self, dataset: &Arc<dyn Dataset>, guard: Guard, writes: Vec<Write>) -> Vec<Outcome> {
        let mut transaction = self.begin(dataset, guard).await;
        let count = writes.len();
        let outcomes = must(transaction.write(writes).await, self.topic);
        assert_eq!(outcomes.len(), count, "{}: one outcome per write", self.topic);
        must(transaction.commit().await, self.topic);
        must(dataset.publish().await, self.topic);
        if dataset.capabilities().publishes {
            self.scan(dataset).await;
        }
        outcomes
    }

    pub async fn edit(&self, edit: Edit) {
        self.harness.edit(&self.name, &self.table, edit).await;
    }

    /// Looks by other means whether exactly these rows are there.
    pub async fn assert_rows(&self, expected: &[Vec<Value>]) {
        let mut there = self.harness.rows(&self.name, &self.table).await;
        let mut expected = expected.to_vec();
        there.sort_by_cached_key(|row| self.sort_key(row));
        expected.sort_by_cached_key(|row| self.sort_key(row));
        let topic = self.topic;
        assert_eq!(there.len(), expected.len(), "{topic}: other records are there: {there:?}, expected {expected:?}");
        for (there, expected) in there.iter().zip(&expected) {
            assert!(same(there, expected), "{topic}: the record is {there:?}, expected {expected:?}");
        }
    }

    fn sort_key(&self, row: &[Value]) -> Key {
        let schema = &self.table.schema;
        let part = |name: &String| {
            let index = schema.columns.iter().position(|column| column.name == *name);
            let index = some(index, self.topic, "the table has no such column");
            (&row[index], &schema.columns[index].ty)
        };
        must(key::encode(schema.primary_key.iter().map(part)), self.topic)
    }
}

pub(super) fn same(one: &[Value], other: &[Value]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.same(other))
}

pub(super) fn assert_written(outcome: &Outcome, topic: &str) {
    assert!(matches!(outcome, Outcome::Written), "{topic}: the outcome is {outcome:?} instead of Written");
}

pub(super) fn assert_moved(outcome: &Outcome, topic: &str) {
    assert!(matches!(outcome, Outcome::Moved), "{topic}: the outcome is {outcome:?} instead of Moved");
}
