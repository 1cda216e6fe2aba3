//! Writing: refusals of single records, images that keep storage classes, triggers, full disks.

use pinksync_engine::connector::{Change, Guard, Outcome, Write};
use pinksync_engine::{ErrorKind, Value};

use super::setup::{Database, refusal};

#[tokio::test]
async fn every_kind_of_refusal_leaves_its_neighbours_alone() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, u INTEGER UNIQUE, n TEXT NOT NULL, c INTEGER CHECK (c < 10), f REAL);
         INSERT INTO t VALUES (1, 1, 'x', 1, NULL);",
    );
    let table = database.table("t", &["id"]).await;
    let row = |id: i64, u: i64, n: Value, c: i64, f: Value| {
        table.create(vec![Value::Int(id), Value::Int(u), n, Value::Int(c), f])
    };
    let text = || Value::text("x");
    let outcomes = table
        .apply(vec![
            row(2, 1, text(), 1, Value::Null),
            row(3, 3, Value::Null, 1, Value::Null),
            row(4, 4, text(), 11, Value::Null),
            row(5, 5, text(), 1, Value::Float(f64::NAN)),
            row(1, 6, text(), 1, Value::Null),
            row(7, 7, text(), 1, Value::Float(0.5)),
        ])
        .await;
    assert_eq!(refusal(&outcomes[0]), ("unique", true));
    assert_eq!(refusal(&outcomes[1]), ("not_null", false));
    assert_eq!(refusal(&outcomes[2]), ("check", false));
    assert_eq!(refusal(&outcomes[3]), ("type", false));
    assert!(matches!(outcomes[4], Outcome::Moved));
    assert!(matches!(outcomes[5], Outcome::Written));
    assert_eq!(database.ask::<String>("SELECT group_concat(id) FROM t"), "1,7");
}

#[tokio::test]
async fn a_strict_table_refuses_other_types() {
    let database = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, any ANY) STRICT");
    let table = database.table("t", &["id"]).await;
    let outcomes = table
        .apply(vec![
            table.create(vec![Value::Int(1), Value::Bytes([1].into()), Value::Null]),
            table.create(vec![Value::Int(2), Value::Int(5), Value::text("007")]),
        ])
        .await;
    assert_eq!(refusal(&outcomes[0]), ("type", false));
    assert!(matches!(outcomes[1], Outcome::Written));
    assert_eq!(database.ask::<String>("SELECT any FROM t WHERE id = 2"), "007");
}

#[tokio::test]
async fn constraints_that_would_replace_other_rows_do_not() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE ON CONFLICT REPLACE, w TEXT UNIQUE ON CONFLICT ROLLBACK,
                         i TEXT UNIQUE ON CONFLICT IGNORE);
         INSERT INTO t VALUES (1, 'a', 'a', 'a');",
    );
    let table = database.table("t", &["id"]).await;
    let row = |id: i64, u: &str, w: &str, i: &str| {
        table.create(vec![Value::Int(id), Value::text(u), Value::text(w), Value::text(i)])
    };
    let outcomes = table
        .apply(vec![row(2, "a", "b", "b"), row(3, "b", "a", "b"), row(4, "b", "b", "a"), row(5, "c", "c", "c")])
        .await;
    for outcome in &outcomes[..3] {
        assert_eq!(refusal(outcome), ("unique", true));
    }
    assert!(matches!(outcomes[3], Outcome::Written));
    assert_eq!(database.ask::<String>("SELECT group_concat(id) FROM t"), "1,5");
}

#[tokio::test]
async fn a_deleted_record_comes_back_with_its_storage_classes() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, mapped TEXT, a, b, c, d, e, twice AS (id * 2));
         INSERT INTO t (id, mapped, a, b, c, d, e) VALUES (1, 'm', 5, 5.0, '5', x'35', NULL);",
    );
    let table = database.table_with("t", &["id"], |spec| spec.columns.truncate(2)).await;
    let classes = "SELECT concat_ws(',', typeof(a), typeof(b), typeof(c), typeof(d), typeof(e), twice) FROM t";
    let before: String = database.ask(classes);
    let row = table.row(Value::Int(1)).await;
    let Outcome::Deleted(image) = table.apply(vec![table.delete(&row)]).await.remove(0) else { panic!() };
    assert!(!image.iter().any(|(name, _)| name == "twice"));
    let restore = Write { key: [Value::Int(1)].into(), expect: None, change: Change::Restore(image) };
    assert!(matches!(table.apply(vec![restore]).await[0], Outcome::Written));
    assert_eq!(database.ask::<String>(classes), before);
    assert_eq!(before, "integer,real,text,blob,null,2");
}

#[tokio::test]
async fn what_undo_could_not_put_back_is_not_deleted() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, CAST(x'ff' AS TEXT));",
    );
    let table = database.table_with("t", &["id"], |spec| spec.columns.truncate(1)).await;
    let row = table.row(Value::Int(1)).await;
    assert_eq!(refusal(&table.apply(vec![table.delete(&row)]).await[0]), ("refused", false));
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM t"), 1);
}

#[tokio::test]
async fn triggers_refuse_ignore_and_half_write_only_their_own_record() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE log (v TEXT);
         CREATE TRIGGER a BEFORE INSERT ON t WHEN NEW.v = 'abort' BEGIN SELECT RAISE(ABORT, 'not today'); END;
         CREATE TRIGGER i BEFORE INSERT ON t WHEN NEW.v = 'ignore' BEGIN SELECT RAISE(IGNORE); END;
         CREATE TRIGGER f AFTER INSERT ON t WHEN NEW.v = 'fail' BEGIN INSERT INTO log VALUES ('half'); SELECT RAISE(FAIL, 'half way'); END;
         CREATE TRIGGER e AFTER INSERT ON t WHEN NEW.v = 'error' BEGIN INSERT INTO log VALUES (json('{')); END;",
    );
    let table = database.table("t", &["id"]).await;
    let words = ["ok", "abort", "ignore", "fail", "error", "ok"];
    let writes = (1..).zip(words).map(|(id, word)| table.create(vec![Value::Int(id), Value::text(word)])).collect();
    let outcomes = table.apply(writes).await;
    for outcome in &outcomes[1..5] {
        assert_eq!(refusal(outcome), ("refused", false));
    }
    let Outcome::Rejected(refused) = &outcomes[1] else { panic!() };
    assert_eq!(refused.reason, "not today");
    assert_eq!(database.ask::<String>("SELECT group_concat(id) FROM t"), "1,6");
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM log"), 0);
}

#[tokio::test]
async fn a_trigger_that_rolls_everything_back_loses_nothing_unnoticed() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
         CREATE TRIGGER r BEFORE INSERT ON t WHEN NEW.v = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END;",
    );
    let table = database.table("t", &["id"]).await;
    let row = |id: i64, v: &str| table.create(vec![Value::Int(id), Value::text(v)]);
    // Alone, or first, it is one record's refusal.
    let outcomes = table.apply(vec![row(1, "bad"), row(2, "good")]).await;
    assert_eq!(refusal(&outcomes[0]), ("refused", false));
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM t"), 1);
    // With others before it the transaction fails, and commits nothing.
    let mut transaction = table.dataset.begin(Guard::Compare).await.unwrap();
    let error = transaction.write(vec![row(3, "good"), row(4, "bad")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
    assert!(error.remedy().unwrap().contains("RAISE(ABORT"));
    assert!(transaction.write(vec![row(5, "good")]).await.is_err());
    assert!(transaction.commit().await.is_err());
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM t"), 1);
}

#[tokio::test]
async fn text_that_would_become_a_number_is_refused_and_not_changed() {
    let database = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY, code STRING, day DATE)");
    let table = database.table("t", &["id"]).await;
    let outcomes = table
        .apply(vec![
            table.create(vec![Value::Int(1), Value::text("007"), Value::Null]),
            table.create(vec![Value::Int(2), Value::text("A7"), Value::text("2024-02-29")]),
            table.create(vec![Value::Int(3), Value::text("7"), Value::Null]),
        ])
        .await;
    assert_eq!(refusal(&outcomes[0]), ("type", false));
    assert!(matches!(outcomes[1], Outcome::Written) && matches!(outcomes[2], Outcome::Written));
    assert_eq!(table.row(Value::Int(3)).await.native[1], Value::text("7"));
}

#[tokio::test]
async fn a_record_that_lost_its_columns_is_not_restored_by_half() {
    let database = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let table = database.table("t", &["id"]).await;
    let image = vec![("id".to_owned(), Value::Int(1)), ("gone".to_owned(), Value::Int(1))];
    let restore = Write { key: [Value::Int(1)].into(), expect: None, change: Change::Restore(image) };
    assert_eq!(refusal(&table.apply(vec![restore]).await[0]), ("refused", false));
}

#[tokio::test]
async fn a_file_in_a_folder_that_takes_no_journal_is_a_storage_error() {
    let database = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let table = database.table("t", &["id"]).await;
    // The rollback journal's name is taken by a folder: nothing can be written, whoever runs the test.
    std::fs::create_dir(database.path().with_extension("db-journal")).unwrap();
    let mut transaction = table.dataset.begin(Guard::Compare).await.unwrap();
    let error = transaction.write(vec![table.create(vec![Value::Int(1)])]).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Storage | ErrorKind::Unreachable), "{:?} {error}", error.kind());
    assert!(error.remedy().is_some());
}
