//! Deletes: what they give back, and whom they spare.

use pinksync_engine::connector::{Change, Guard, Outcome, Write};
use pinksync_engine::{Row, Value};

use super::setup::{Place, Table, int, told};

fn deletes(table: &Table, rows: &[Row]) -> Vec<Write> {
    rows.iter().map(|row| table.delete(row)).collect()
}

#[tokio::test]
async fn records_that_others_depend_on_are_spared() {
    let place = Place::new(
        "pinksync_dependents",
        "CREATE TABLE t (id int PRIMARY KEY, code text UNIQUE); INSERT INTO t SELECT i, 'c' || i FROM generate_series(1, 6) i;
         CREATE TABLE cascading (t int REFERENCES t ON DELETE CASCADE); INSERT INTO cascading VALUES (1), (1), (NULL);
         CREATE TABLE nulled (code text REFERENCES t (code) ON DELETE SET NULL) PARTITION BY LIST (code);
         CREATE TABLE nulled_part PARTITION OF nulled DEFAULT; INSERT INTO nulled VALUES ('c2');
         CREATE TABLE defaulted (t int DEFAULT 6 REFERENCES t ON DELETE SET DEFAULT); INSERT INTO defaulted VALUES (3);
         CREATE TABLE strict (t int REFERENCES t); INSERT INTO strict VALUES (4)",
    )
    .await;
    for guard in [Guard::Snapshot, Guard::Compare] {
        let table = place.open("t", &["id"]).await;
        let rows = table.rows().await;
        let mut transaction = table.begin(guard).await;
        let outcomes = transaction.write(deletes(&table, &rows)).await.unwrap();
        assert_eq!(
            told(&outcomes),
            ["has_dependents", "has_dependents", "has_dependents", "foreign_key", "deleted", "deleted"]
        );
        let Outcome::Rejected(refusal) = &outcomes[1] else { panic!() };
        assert!(refusal.retry && refusal.reason.contains("pinksync_dependents.nulled"), "{refusal:?}");
        transaction.rollback().await.unwrap();
    }
    assert_eq!(place.ask("SELECT count(*) FROM cascading").await, ["3"]);
}

#[tokio::test]
async fn a_tree_is_deleted_whole_or_from_the_leaves() {
    let place = Place::new(
        "pinksync_tree",
        "CREATE TABLE t (id int PRIMARY KEY, parent int REFERENCES t ON DELETE CASCADE);
         INSERT INTO t VALUES (1, NULL), (2, 1), (3, 2), (4, 4), (5, NULL), (6, 5);
         CREATE TABLE other (t int REFERENCES t ON DELETE CASCADE); INSERT INTO other VALUES (6)",
    )
    .await;
    let table = place.open("t", &["id"]).await;
    let rows = table.rows().await;
    let outcomes = table.apply(Guard::Snapshot, vec![table.delete(&rows[0]), table.delete(&rows[1])]).await;
    assert_eq!(told(&outcomes), ["has_dependents", "has_dependents"], "3 would have gone with them");
    let outcomes = table.apply(Guard::Snapshot, deletes(&table, &rows)).await;
    assert_eq!(told(&outcomes), ["deleted", "deleted", "deleted", "deleted", "has_dependents", "has_dependents"]);
    assert_eq!(place.ask("SELECT id FROM t ORDER BY 1").await, ["5", "6"]);
}

#[tokio::test]
async fn a_deleted_record_comes_back_with_every_column() {
    let place = Place::new(
        "pinksync_restored",
        "CREATE TYPE mood AS ENUM ('sad', 'ok');
         CREATE TABLE t (id int PRIMARY KEY, v text, secret bytea, m mood[], price numeric(10,4), at timestamptz, j json, sum int GENERATED ALWAYS AS (id + 1) STORED);
         INSERT INTO t VALUES (1, 'x', '\\x00ff', '{sad,NULL}', 1.5000, '2024-01-01 00:00:00.123456+02', '{\"b\":1, \"a\":  2}'); INSERT INTO t VALUES (2)",
    )
    .await;
    let table = place.open_with("t", &["id"], |spec| spec.columns.truncate(2)).await;
    let before = place.ask("SELECT t::text FROM t ORDER BY id").await;
    let outcomes = table.apply(Guard::Snapshot, deletes(&table, &table.rows().await)).await;
    assert_eq!(place.ask("SELECT count(*) FROM t").await, ["0"]);
    let restore = |outcome: &Outcome| {
        let Outcome::Deleted(image) = outcome else { panic!("{outcome:?}") };
        assert!(!image.iter().any(|(name, _)| name == "sum"), "{image:?}");
        Write { key: [image[0].1.clone()].into(), expect: None, change: Change::Restore(image.clone()) }
    };
    let writes: Vec<Write> = outcomes.iter().map(restore).collect();
    assert_eq!(told(&table.apply(Guard::Compare, writes.clone()).await), ["written", "written"]);
    assert_eq!(place.ask("SELECT t::text FROM t ORDER BY id").await, before);
    assert_eq!(told(&table.apply(Guard::Compare, writes.clone()).await), ["moved", "moved"]);
    place.run("DELETE FROM t; ALTER TABLE t DROP m").await;
    let table = place.open_with("t", &["id"], |spec| spec.columns.truncate(2)).await;
    let outcomes = table.apply(Guard::Compare, writes).await;
    assert_eq!(told(&outcomes), ["refused", "refused"], "a column is gone: nothing is put back in part");
}

#[tokio::test]
async fn keys_that_cannot_be_there_are_no_error() {
    let place = Place::new("pinksync_impossible", "CREATE TABLE t (id smallint PRIMARY KEY)").await;
    let table = place.open("t", &["id"]).await;
    let write = |key: Value| Write { key: [key].into(), expect: None, change: Change::Delete };
    let outcomes = table.apply(Guard::Snapshot, vec![write(int(70_000)), write(int(7))]).await;
    assert_eq!(told(&outcomes), ["moved", "moved"]);
}
