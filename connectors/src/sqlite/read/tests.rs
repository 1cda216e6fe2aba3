//! Plans: reading a page follows an index and sorts nothing.

use std::sync::Arc;

use pinksync_engine::key;
use pinksync_engine::row::{SideColumn, SideSpec};
use pinksync_engine::schema::FieldType;

use super::super::schema::describe;
use super::*;

const INT: FieldType = FieldType::Int { bits: 64 };

fn opened(sql: &str, columns: &[(&str, FieldType)]) -> (Connection, Table) {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    let described = describe(&connection, "t").unwrap().unwrap();
    let column = |(name, ty): &(&str, FieldType)| SideColumn {
        name: (*name).to_owned(),
        native: ty.clone(),
        common: ty.clone(),
        writable: true,
        empty_is_null: false,
    };
    let spec = SideSpec {
        dataset: "t".to_owned(),
        columns: columns.iter().map(column).collect(),
        key: (0..columns.len()).collect(),
        modified_at: None,
        filter: None,
        ordered: true,
        max_record_bytes: 10_000_000,
        batch_size: 1000,
    };
    let table = Table::open(&connection, Arc::new(spec), &described).unwrap();
    (connection, table)
}

#[test]
fn a_range_is_read_by_an_index() {
    let (a, b) = (("a", INT), ("b", FieldType::TEXT));
    for (sql, columns) in [
        ("CREATE TABLE t (a INTEGER PRIMARY KEY, v)", vec![a.clone()]),
        ("CREATE TABLE t (a INT PRIMARY KEY, v)", vec![a.clone()]),
        ("CREATE TABLE t (b TEXT PRIMARY KEY, v)", vec![b.clone()]),
        ("CREATE TABLE t (a INT, b TEXT, v, PRIMARY KEY (a, b))", vec![a.clone(), b.clone()]),
        ("CREATE TABLE t (a INT, b TEXT, v, PRIMARY KEY (a, b)) WITHOUT ROWID", vec![a.clone(), b.clone()]),
        ("CREATE TABLE t (x, a INT NOT NULL, b TEXT NOT NULL, v, UNIQUE (b, a))", vec![b, a]),
    ] {
        let (connection, table) = opened(sql, &columns);
        assert!(table.ordered, "{sql}");
        let part = |number: i64, (_, ty): &(&str, FieldType)| match ty {
            FieldType::Int { .. } => Value::Int(number),
            _ => Value::text(number.to_string()),
        };
        let key = |number: i64| {
            let parts: Vec<Value> = columns.iter().map(|column| part(number, column)).collect();
            key::encode(parts.iter().zip(columns.iter().map(|(_, ty)| ty))).unwrap()
        };
        for range in [
            KeyRange::default(),
            KeyRange { low: Some(key(1)), high: None },
            KeyRange { low: Some(key(1)), high: Some(key(2)) },
        ] {
            let bounded = range.low.is_some();
            let (condition, parameters) = table.in_range(&range).unwrap();
            let sql = format!("EXPLAIN QUERY PLAN SELECT v FROM t WHERE {condition} ORDER BY {}", table.key_columns());
            let mut statement = connection.prepare(&sql).unwrap();
            let plan: Vec<String> = statement
                .query_map(params_from_iter(parameters.iter().map(types::as_given)), |row| row.get(3))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let plan = plan.join("; ");
            assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
            assert!(!bounded || plan.contains("SEARCH"), "{sql}: {plan}");
        }
    }
}
