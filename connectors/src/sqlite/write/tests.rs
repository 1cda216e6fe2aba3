//! What only a connection of one's own can bring about.

use std::sync::Arc;

use pinksync_engine::row::{SideColumn, SideSpec};
use pinksync_engine::schema::FieldType;

use super::super::schema::describe;
use super::*;

fn opened(sql: &str) -> (tempfile::TempDir, Connection, Table) {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("test.db")).unwrap();
    connection.execute_batch(sql).unwrap();
    let described = describe(&connection, "t").unwrap().unwrap();
    let column = |name: &str, ty: FieldType| SideColumn {
        name: name.to_owned(),
        native: ty.clone(),
        common: ty,
        writable: true,
        empty_is_null: false,
    };
    let spec = SideSpec {
        dataset: "t".to_owned(),
        columns: vec![column("id", FieldType::Int { bits: 64 }), column("v", FieldType::TEXT)],
        key: [0].into(),
        modified_at: None,
        filter: None,
        ordered: true,
        max_record_bytes: 10_000_000,
        batch_size: 1000,
    };
    let table = Table::open(&connection, Arc::new(spec), &described).unwrap();
    (folder, connection, table)
}

fn create(id: i64, length: usize) -> Write {
    let key = Value::Int(id);
    let values = vec![key.clone(), Value::text("x".repeat(length))];
    Write { key: [key].into(), expect: None, change: Change::Create(values.into()) }
}

#[test]
fn a_full_disk_fails_the_transaction_and_keeps_what_was_there() {
    let (_folder, connection, table) = opened("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    begin(&connection).unwrap();
    all(&connection, &table, &[create(1, 10)], &mut 0).unwrap();
    commit(&connection).unwrap();
    connection.pragma_update(None, "max_page_count", 10).unwrap();
    begin(&connection).unwrap();
    let writes: Vec<Write> = (2..100).map(|id| create(id, 3000)).collect();
    let error = all(&connection, &table, &writes, &mut 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.remedy().unwrap().contains("make room"));
    // SQLite may have ended the transaction by itself; what is left of it is taken back.
    let _ = connection.execute_batch("ROLLBACK");
    let ids: String = connection.query_row("SELECT group_concat(id) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(ids, "1");
}

#[test]
fn a_value_larger_than_sqlite_takes_is_one_records_refusal() {
    let (_folder, connection, table) = opened("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_LENGTH, 1000).unwrap();
    begin(&connection).unwrap();
    let outcomes = all(&connection, &table, &[create(1, 5000), create(2, 10)], &mut 0).unwrap();
    let Outcome::Rejected(refusal) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(refusal.code, "too_large");
    assert!(matches!(outcomes[1], Outcome::Written));
    commit(&connection).unwrap();
}
