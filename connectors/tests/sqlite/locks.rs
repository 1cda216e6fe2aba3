//! Locks: other programs, other transactions of ours, two sides on one file.

use std::sync::Arc;
use std::time::Instant;

use pinksync_engine::connector::{Guard, Outcome};
use pinksync_engine::key::KeyRange;
use pinksync_engine::{ErrorKind, Value};

use super::setup::{Database, table_of};

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');";

#[tokio::test]
async fn a_write_lock_that_is_never_given_back_aborts_the_transaction() {
    let database = Database::new(TABLE);
    let table = database.table("t", &["id"]).await;
    let row = table.row(Value::Int(1)).await;
    database.other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let mut transaction = table.dataset.begin(Guard::Compare).await.unwrap();
    let error = transaction.write(vec![table.delete(&row)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted);
    assert!(started.elapsed().as_secs() < 20);
    // The transaction is of no more use, and says so.
    assert_eq!(transaction.write(vec![table.delete(&row)]).await.unwrap_err().kind(), ErrorKind::Aborted);
    transaction.rollback().await.unwrap();
    database.other.execute_batch("ROLLBACK").unwrap();
    assert!(matches!(table.apply(vec![table.delete(&row)]).await[0], Outcome::Deleted(_)));
}

#[tokio::test]
async fn a_reader_that_does_not_end_aborts_the_commit_and_nothing_is_written() {
    let database = Database::new(TABLE);
    let table = database.table("t", &["id"]).await;
    let row = table.row(Value::Int(1)).await;
    database.other.execute_batch("BEGIN").unwrap();
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM t"), 2);
    let mut transaction = table.dataset.begin(Guard::Compare).await.unwrap();
    assert!(matches!(transaction.write(vec![table.delete(&row)]).await.unwrap()[0], Outcome::Deleted(_)));
    assert_eq!(transaction.commit().await.unwrap_err().kind(), ErrorKind::Aborted);
    database.other.execute_batch("COMMIT").unwrap();
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM t"), 2);
    assert!(matches!(table.apply(vec![table.delete(&row)]).await[0], Outcome::Deleted(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_transactions_queue_and_all_write() {
    let database = Database::new(TABLE);
    let table = Arc::new(database.table("t", &["id"]).await);
    let tasks: Vec<_> = (0..16_i64)
        .map(|task| {
            let table = table.clone();
            tokio::spawn(async move {
                let mut transaction = table.dataset.begin(Guard::Snapshot).await.unwrap();
                transaction.read(&KeyRange::default(), 100).await.unwrap();
                for step in 0..5 {
                    let id = 100 + task * 10 + step;
                    let write = table.create(vec![Value::Int(id), Value::text("x")]);
                    assert!(matches!(transaction.write(vec![write]).await.unwrap()[0], Outcome::Written));
                    tokio::task::yield_now().await;
                }
                transaction.commit().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM t"), 2 + 16 * 5);
}

#[tokio::test]
async fn a_source_and_a_target_may_be_one_file() {
    for mode in ["DELETE", "WAL"] {
        let database = Database::new(&format!(
            "PRAGMA journal_mode = {mode}; {TABLE} CREATE TABLE copy AS SELECT * FROM t WHERE FALSE;"
        ));
        let source = database.table("t", &["id"]).await;
        let target = table_of(&database.open_again(), "copy", &["id"], |spec| spec.ordered = false).await;
        let mut reading = source.dataset.begin(Guard::Snapshot).await.unwrap();
        let mut writing = target.dataset.begin(Guard::Compare).await.unwrap();
        let rows = reading.read(&KeyRange::default(), usize::MAX).await.unwrap().rows;
        let writes = rows.iter().map(|row| target.create(row.native.to_vec())).collect();
        writing.write(writes).await.unwrap();
        reading.read(&KeyRange::default(), usize::MAX).await.unwrap();
        writing.commit().await.unwrap();
        reading.commit().await.unwrap();
        assert_eq!(database.ask::<i64>("SELECT count(*) FROM copy"), 2, "{mode}");
        assert_eq!(database.ask::<String>("PRAGMA journal_mode"), mode.to_lowercase());
    }
}

#[tokio::test]
async fn both_sides_writing_to_one_file_at_once_are_told_so() {
    let database = Database::new(TABLE);
    let (one, system) = (database.table("t", &["id"]).await, database.open_again());
    let other = table_of(&system, "t", &["id"], |_| {}).await;
    let mut first = one.dataset.begin(Guard::Compare).await.unwrap();
    let mut second = other.dataset.begin(Guard::Compare).await.unwrap();
    first.write(vec![one.create(vec![Value::Int(3), Value::Null])]).await.unwrap();
    let error = second.write(vec![other.create(vec![Value::Int(4), Value::Null])]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted);
    assert!(error.remedy().unwrap().contains("one_way"), "{error}");
    first.commit().await.unwrap();
}

#[tokio::test]
async fn no_lock_is_held_between_two_reads() {
    let database = Database::new(TABLE);
    let table = database.table("t", &["id"]).await;
    let mut transaction = table.dataset.begin(Guard::Snapshot).await.unwrap();
    let page = transaction.read(&KeyRange::default(), 1).await.unwrap();
    database.other.execute_batch("UPDATE t SET v = 'new' WHERE id = 2").unwrap();
    let next = transaction.read(&KeyRange { low: page.cut, high: None }, 1000).await.unwrap();
    assert_eq!(next.rows[0].native[1], Value::text("new"));
}
