//! Block sums: what they see, and what they do not depend on.

use pinksync_engine::connector::{Guard, RangeSum};
use pinksync_engine::filter::Filter;
use pinksync_engine::key::{Key, KeyRange};
use pinksync_model::Op;

use super::setup::{Place, Table, int, system, text, variable};

async fn sums(table: &Table, range: &KeyRange, cuts: &[Key]) -> Vec<RangeSum> {
    let mut transaction = table.begin(Guard::Snapshot).await;
    let sums = transaction.sums(range, cuts).await.unwrap().unwrap();
    transaction.rollback().await.unwrap();
    sums
}

const COMPOSITE: &str = "CREATE TABLE t (a text COLLATE \"C\", b int, v text, PRIMARY KEY (a, b));
    INSERT INTO t SELECT 'k' || lpad((i / 10)::text, 3, '0'), i % 10, 'v' FROM generate_series(0, 999) i";

#[tokio::test]
async fn sums_of_composite_keys_count_each_row_once() {
    let place = Place::new("pinksync_sums", COMPOSITE).await;
    let table = place.open("t", &["a", "b"]).await;
    let cuts = table.dataset.split(37).await.unwrap();
    assert_eq!(cuts.len(), 27);
    let parts = sums(&table, &KeyRange::default(), &cuts).await;
    assert_eq!(parts.iter().map(|part| part.count).sum::<u64>(), 1000);
    assert!(parts[..27].iter().all(|part| part.count == 37), "{parts:?}");
    let whole = sums(&table, &KeyRange::default(), &[]).await;
    assert_eq!(whole[0].hash, parts.iter().fold(0, |hash, part| hash ^ part.hash), "parts and whole agree");
    let range = KeyRange { low: Some(cuts[3].clone()), high: Some(cuts[7].clone()) };
    assert_eq!(sums(&table, &range, &cuts[4..7]).await, parts[4..8]);
    assert_eq!(sums(&table, &range, &cuts[5..6]).await.len(), 2);
    place.run("UPDATE t SET v = 'w' WHERE a = 'k050' AND b = 3").await;
    let after = sums(&table, &KeyRange::default(), &cuts).await;
    let changed: Vec<usize> = (0..parts.len()).filter(|&index| parts[index] != after[index]).collect();
    assert_eq!(changed, [503 / 37]);
}

#[tokio::test]
async fn sums_under_a_filter_count_what_passes() {
    let place = Place::new("pinksync_sums_filter", COMPOSITE).await;
    let filter = Filter::Compare { column: 1, op: Op::Lt, value: int(3) };
    let table = place.open_with("t", &["a", "b"], |spec| spec.filter = Some(std::sync::Arc::new(filter))).await;
    let cut = table.key(&[text("k050"), int(0)]);
    let parts = sums(&table, &KeyRange::default(), std::slice::from_ref(&cut)).await;
    assert_eq!((parts[0].count, parts[1].count), (150, 150));
    place.run("UPDATE t SET v = 'w' WHERE a = 'k010' AND b = 5").await;
    assert_eq!(sums(&table, &KeyRange::default(), std::slice::from_ref(&cut)).await, parts, "out of scope");
}

#[tokio::test]
async fn rows_that_were_rewritten_elsewhere_never_sum_alike() {
    let place = Place::new(
        "pinksync_sums_seed",
        "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 1)",
    )
    .await;
    let table = place.open("t", &["id"]).await;
    let before = sums(&table, &KeyRange::default(), &[]).await;
    // The same change in two rows at once must not cancel out.
    place.run("UPDATE t SET v = 2").await;
    let changed = sums(&table, &KeyRange::default(), &[]).await;
    assert_ne!(before, changed);
    let again = place.open("t", &["id"]).await;
    assert_eq!(sums(&again, &KeyRange::default(), &[]).await, changed, "another connection sees the same");
    place.run("DELETE FROM t; INSERT INTO t VALUES (1, 2), (2, 2)").await;
    assert_ne!(sums(&again, &KeyRange::default(), &[]).await, changed);
}

#[tokio::test]
async fn sums_need_no_rights_beyond_reading() {
    let place =
        Place::new("pinksync_sums_rights", "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)").await;
    place.run("GRANT USAGE ON SCHEMA pinksync_sums_rights TO pinksync_pw; GRANT SELECT ON t TO pinksync_pw").await;
    let narrow = Place { system: system(&variable("PINKSYNC_TEST_POSTGRES_PASSWORD_URL")), ..place };
    let table = narrow.open("t", &["id"]).await;
    assert_eq!(sums(&table, &KeyRange::default(), &[]).await[0].count, 1);
}

#[tokio::test]
async fn views_and_foreign_rows_offer_no_sums() {
    let place =
        Place::new("pinksync_sums_views", "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t")
            .await;
    let view = place.open_with("v", &["id"], |spec| spec.ordered = false).await;
    assert!(!view.capabilities().sums && !view.capabilities().ordered);
    let mut transaction = view.begin(Guard::Snapshot).await;
    assert_eq!(transaction.sums(&KeyRange::default(), &[]).await.unwrap(), None);
}
