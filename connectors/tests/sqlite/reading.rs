//! Reading tables as people leave them: junk in typed columns, other spellings of a key, collations, views.

use std::sync::Arc;

use pinksync_engine::connector::{Chunk, Found, Guard};
use pinksync_engine::filter::Filter;
use pinksync_engine::key::{Key, KeyRange};
use pinksync_engine::schema::{FieldType, Fold};
use pinksync_engine::{ErrorKind, Value};
use pinksync_model::Op;
use tokio::sync::mpsc;

use super::setup::{Database, Table, common};

async fn scan(table: &Table) -> (Vec<pinksync_engine::Row>, usize) {
    let (sender, mut receiver) = mpsc::channel::<Chunk>(1);
    let dataset = table.dataset.clone();
    let scanning = tokio::spawn(async move { dataset.scan(sender).await });
    let (mut rows, mut unreadable) = (Vec::new(), 0);
    while let Some(mut chunk) = receiver.recv().await {
        assert!(chunk.rows.len() <= 1000);
        rows.append(&mut chunk.rows);
        unreadable += chunk.unreadable.len();
    }
    scanning.await.unwrap().unwrap();
    (rows, unreadable)
}

/// Reads page by page and looks whether rows and unreadable records come once.
async fn paged(table: &Table, budget: usize) -> (Vec<Value>, Vec<&'static str>) {
    let (mut keys, mut codes, mut low): (Vec<Value>, Vec<_>, Option<Key>) = (Vec::new(), Vec::new(), None);
    loop {
        let page = table.page(KeyRange { low, high: None }, budget).await;
        keys.extend(page.rows.iter().map(|row| row.native[0].clone()));
        codes.extend(page.unreadable.iter().map(|unreadable| unreadable.code));
        let Some(cut) = page.cut else { break };
        low = Some(cut);
    }
    codes.sort_unstable();
    (keys, codes)
}

#[tokio::test]
async fn junk_among_whole_numbers_neither_breaks_the_order_nor_goes_unseen() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, v TEXT);
         INSERT INTO t VALUES (3, 'c'), (1, 'a'), ('junk', 'x'), (1.5, 'y'), (NULL, 'n'), (NULL, 'm'), (x'00', 'b'), (2, 'b'), (1e30, 'z');",
    );
    let table = database.table("t", &["id"]).await;
    assert!(table.dataset.capabilities().ordered);
    for budget in [1, 200, usize::MAX] {
        let (keys, codes) = paged(&table, budget).await;
        assert_eq!(keys, [Value::Int(1), Value::Int(2), Value::Int(3)], "budget {budget}");
        let expected =
            ["not_convertible", "not_convertible", "not_convertible", "not_convertible", "null_key", "null_key"];
        assert_eq!(codes, expected, "budget {budget}");
    }
    let (rows, unreadable) = scan(&table).await;
    assert_eq!((rows.len(), unreadable), (3, 6));
    let mut transaction = table.dataset.begin(Guard::Snapshot).await.unwrap();
    let sums = transaction.sums(&KeyRange::default(), &[]).await.unwrap().unwrap();
    assert_eq!(sums[0].count, 9, "records that cannot be read are counted, so that no stored sum equals this");
    assert_eq!(table.dataset.split(1).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_column_is_unreadable_and_known_by_its_key() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, b BOOLEAN, x BLOB);
         INSERT INTO t VALUES (1, 'abc', 1, NULL), (2, 5, 7, NULL), (3, 5, 0, 'text'), (4, 5, 1, x'ff');",
    );
    let page = database.table("t", &["id"]).await.page(KeyRange::default(), usize::MAX).await;
    assert_eq!(page.rows.len(), 1);
    assert!(page.unreadable.iter().all(|unreadable| unreadable.code == "not_convertible" && unreadable.key.is_some()));
    assert!(page.unreadable[0].reason.contains('n'), "{}", page.unreadable[0].reason);
}

#[tokio::test]
async fn keys_spelled_otherwise_are_found_by_what_they_mean() {
    let database = Database::new(
        "CREATE TABLE u (id TEXT PRIMARY KEY, v TEXT); INSERT INTO u VALUES ('0B2C6F80-0000-4000-8000-00000000000A', 'a');
         CREATE TABLE n (id TEXT PRIMARY KEY, v TEXT); INSERT INTO n VALUES ('007', 'b'), ('8', 'c');
         CREATE TABLE loose (id PRIMARY KEY, v TEXT); INSERT INTO loose VALUES (5, 'int'), ('6', 'text'), (7.0, 'real');",
    );
    let uuids = database.table_with("u", &["id"], |spec| common(spec, "id", FieldType::Uuid)).await;
    assert!(!uuids.dataset.capabilities().ordered, "text is not in the order of UUIDs");
    assert_eq!(uuids.row(Value::text("0b2c6f80-0000-4000-8000-00000000000a")).await.native[1], Value::text("a"));
    let numbers = database.table_with("n", &["id"], |spec| common(spec, "id", FieldType::Int { bits: 64 })).await;
    assert!(!numbers.dataset.capabilities().ordered);
    assert_eq!(numbers.row(Value::text("7")).await.native[0], Value::text("007"));
    assert!(matches!(numbers.find(Value::text("9")).await, Found::Absent));
    let loose = database.table_with("loose", &["id"], |_| {}).await;
    for (key, held) in [("5", "int"), ("6", "text"), ("7", "real")] {
        assert_eq!(loose.row(Value::text(key)).await.native[1], Value::text(held), "{key}");
    }
    // What was read under its own spelling is written under it.
    let row = numbers.row(Value::text("7")).await;
    numbers.apply(vec![numbers.update(&row, vec![(1, Value::text("new"))])]).await;
    assert_eq!(database.ask::<String>("SELECT v FROM n WHERE id = '007'"), "new");
}

#[tokio::test]
async fn two_records_of_one_key_are_an_error() {
    let database = Database::new(
        "CREATE TABLE t (id TEXT, v TEXT); INSERT INTO t VALUES ('a', '1'), ('a', '2'), ('07', '3'), ('7', '4');",
    );
    let table = database.table("t", &["id"]).await;
    let mut transaction = table.dataset.begin(Guard::Compare).await.unwrap();
    let error = transaction.lookup(&[[Value::text("a")].into()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(!table.dataset.capabilities().ordered, "no unique index");
}

#[tokio::test]
async fn letters_case_does_not_count_under_nocase() {
    let database = Database::new(
        "CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE, v TEXT); INSERT INTO t VALUES ('Abc', 'x'), ('b', 'y');",
    );
    let table = database.table("t", &["id"]).await;
    assert!(!table.dataset.capabilities().ordered);
    let schema = database.system.describe("t").await.unwrap().unwrap();
    assert_eq!(schema.columns[0].ty, FieldType::Text { max_chars: None, fold: Fold::AsciiCase });
    assert_eq!(table.row(Value::text("aBC")).await.native[0], Value::text("Abc"));
    let (rows, _) = scan(&table).await;
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn text_keys_that_stand_for_something_else_are_not_read_in_order() {
    let database = Database::new("CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, n NUMERIC NOT NULL UNIQUE)");
    let ordered = |ty: FieldType| {
        let database = &database;
        async move { database.table_with("t", &["id"], |spec| common(spec, "id", ty)).await.dataset.capabilities().ordered }
    };
    assert!(ordered(FieldType::TEXT).await);
    assert!(!ordered(FieldType::Decimal { precision: None, scale: None }).await);
    assert!(!ordered(FieldType::Date).await);
    assert!(!ordered(FieldType::Text { max_chars: None, fold: Fold::AsciiCase }).await);
    assert!(!database.table("t", &["n"]).await.dataset.capabilities().ordered);
    let staged = database.table_with("t", &["id"], |spec| spec.ordered = false).await;
    assert!(!staged.dataset.capabilities().ordered && !staged.dataset.capabilities().sums);
}

#[tokio::test]
async fn a_view_is_read_and_not_written() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL);
         CREATE VIEW shown AS SELECT id, upper(v) AS v FROM t WHERE v IS NOT NULL;",
    );
    assert_eq!(database.system.datasets().await.unwrap(), ["shown", "t"]);
    assert!(!database.system.describe("shown").await.unwrap().unwrap().writable);
    let view = database.table("shown", &["id"]).await;
    let (rows, unreadable) = scan(&view).await;
    assert_eq!((rows.len(), unreadable), (2, 0));
    assert_eq!(view.row(Value::Int(2)).await.native[1], Value::text("B"));
}

#[tokio::test]
async fn rows_outside_the_filter_are_neither_read_nor_summed() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL);",
    );
    let filter = Filter::Compare { column: 1, op: Op::Eq, value: Value::text("b") };
    let table = database.table_with("t", &["id"], |spec| spec.filter = Some(Arc::new(filter))).await;
    assert_eq!(table.rows().await.len(), 1);
    assert_eq!(scan(&table).await.0.len(), 1);
    assert!(matches!(table.find(Value::Int(3)).await, Found::Row(_)));
    let mut transaction = table.dataset.begin(Guard::Snapshot).await.unwrap();
    assert_eq!(transaction.sums(&KeyRange::default(), &[]).await.unwrap().unwrap()[0].count, 1);
}

#[tokio::test]
async fn a_scan_ends_when_nobody_takes_its_rows() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO t SELECT i FROM n;",
    );
    let table = database.table("t", &["id"]).await;
    let (sender, mut receiver) = mpsc::channel(1);
    let dataset = table.dataset.clone();
    let scanning = tokio::spawn(async move { dataset.scan(sender).await });
    assert!(receiver.recv().await.is_some());
    drop(receiver);
    assert_eq!(scanning.await.unwrap().unwrap_err().kind(), ErrorKind::Interrupted);
    database.other.execute_batch("DELETE FROM t").unwrap();
}
