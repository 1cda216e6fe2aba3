//! The decision table of MERGE, cell by cell; then what decides between two changed records.

mod fields;
mod newest;
mod table;

use pinksync_model::{Deletes, Direction, MergeMode, Strategy};

use super::{Rules, decide};
use crate::home::{Entry, Held};
use crate::row::{Row, SideColumn, SideSpec};
use crate::schema::FieldType;
use crate::value::Value;

/// Index of the time in every record of these tests.
const TIME: usize = 4;

/// A record of the key 1 with three texts and a time in seconds (`None`: NULL).
fn record(texts: [&str; 3], time: Option<i64>, time_is_written: bool) -> Row {
    let text = |name: &str| column(name, FieldType::TEXT, true);
    let spec = SideSpec {
        dataset: "t".to_owned(),
        columns: vec![
            column("id", FieldType::Int { bits: 64 }, true),
            text("a"),
            text("b"),
            text("c"),
            column("changed", FieldType::Timestamp { precision: 6 }, time_is_written),
        ],
        key: vec![0],
        modified_at: Some(TIME),
        filter: None,
        ordered: true,
        max_record_bytes: 1000,
        batch_size: 1000,
    };
    let time = time.map_or(Value::Null, |seconds| Value::Timestamp(seconds * 1_000_000));
    let [a, b, c] = texts.map(Value::text);
    spec.admit([Value::Int(1), a, b, c, time].into()).unwrap()
}

fn column(name: &str, ty: FieldType, writable: bool) -> SideColumn {
    SideColumn { name: name.to_owned(), native: ty.clone(), common: ty, writable, empty_is_null: false }
}

fn rules(direction: Direction, strategy: Strategy) -> Rules {
    Rules {
        direction,
        strategy,
        merge: MergeMode::Record,
        deletes: Deletes::Propagate,
        mirror: false,
        clock_tolerance_microseconds: 0,
        modified_at: Some(TIME),
        field_strategies: vec![None; 5],
        compared: vec![1, 2, 3, TIME],
        source_incomplete: false,
        target_incomplete: false,
    }
}

/// The base of two records (`None`: absent).
fn entry(source: Option<&Row>, target: Option<&Row>, kept: bool, values: bool) -> Entry {
    let held = |row: &Row| Held { hash: row.hash, values: values.then(|| row.values().clone()) };
    Entry { source: source.map(held), target: target.map(held), kept }
}
