//! Staged sides: read by another worker, lost by a crash, staged again.

use std::sync::Arc;

use pinksync_engine::home::{Home, Run};
use pinksync_engine::{ErrorKind, KeyRange, Result};
use pinksync_model::Side;
use pinksync_worker::home::PgHome;

use crate::database::Database;
use crate::made::{DATASET, range, row, spec};

/// Several portions.
const ROWS: i64 = 12_000;

async fn stage(home: &PgHome, numbers: impl Iterator<Item = i64>) -> Result<Arc<dyn Run>> {
    let mut writer = home.stage(DATASET, Side::Source, spec()).await?;
    writer.push(numbers.map(row).collect()).await?;
    writer.finish().await
}

async fn count(run: &dyn Run) -> usize {
    run.read(&KeyRange::default(), usize::MAX).await.unwrap().0.len()
}

fn lost<T>(what: &str, result: Result<T>) {
    let error = result.err().unwrap_or_else(|| panic!("{what}: not noticed"));
    assert_eq!(error.kind(), ErrorKind::Aborted, "{what}: {error}");
    assert!(error.remedy().unwrap().contains("stage the side again"), "{what}");
}

#[tokio::test]
async fn another_worker_reads_what_one_has_staged() {
    let database = Database::new().await;
    let scope = database.sync().await;
    let (one, other) = (database.home(database.task(scope).await), database.home(database.task(scope).await));
    assert!(other.open_run(DATASET, Side::Source, spec()).await.unwrap().is_none());
    let mut writer = one.stage(DATASET, Side::Source, spec()).await.unwrap();
    writer.push((0..ROWS).rev().map(row).collect()).await.unwrap();
    assert!(other.open_run(DATASET, Side::Source, spec()).await.unwrap().is_none(), "it is not complete");
    let run = writer.finish().await.unwrap();
    let opened = other.open_run(DATASET, Side::Source, spec()).await.unwrap().unwrap();
    assert_eq!(opened.split(1000), run.split(1000));
    assert_eq!(opened.split(1000).len(), 11);
    let all = KeyRange::default();
    assert_eq!(opened.sums(&all, &[]).await.unwrap(), run.sums(&all, &[]).await.unwrap());
    assert_eq!(count(&*opened).await, ROWS as usize);
    assert!(other.open_run(DATASET, Side::Target, spec()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_run_lost_by_a_crash_is_noticed() {
    let database = Database::new().await;
    let home = database.home(database.sync().await);
    let run = stage(&home, 0..ROWS).await.unwrap();
    // What a crash of the server does to an unlogged table.
    database.metadata.execute("TRUNCATE staged_rows", &[]).await;
    lost("a page", run.read(&range(5, 9), 1000).await);
    lost("sums", run.sums(&range(5, 9), &[]).await);
    lost("opening", home.open_run(DATASET, Side::Source, spec()).await);
    let again = stage(&home, 0..3).await.unwrap();
    assert_eq!(count(&*again).await, 3);
    lost("the run before", run.read(&range(0, 1), 1000).await);
    let empty = stage(&home, 0..0).await.unwrap();
    assert_eq!(count(&*empty).await, 0, "a run without rows has lost none");
}

#[tokio::test]
async fn rows_that_are_missing_are_noticed_by_the_checksum() {
    let database = Database::new().await;
    let home = database.home(database.sync().await);
    let run = stage(&home, 0..100).await.unwrap();
    database.metadata.execute("DELETE FROM staged_rows WHERE ctid = (SELECT max(ctid) FROM staged_rows)", &[]).await;
    lost("sums", run.sums(&KeyRange::default(), &[]).await);
}

#[tokio::test]
async fn keys_repeated_in_different_portions_are_all_named() {
    let database = Database::new().await;
    let home = database.home(database.sync().await);
    let Err(error) = stage(&home, (0..ROWS).chain([17, 4711]).chain(ROWS..2 * ROWS).chain([ROWS + 1])).await else {
        panic!("three keys occur twice")
    };
    assert_eq!(error.kind(), ErrorKind::Data);
    let text = error.to_string();
    assert!(
        text.contains("3 rows of people.csv") && ["17", "4711", "12001"].iter().all(|n| text.contains(n)),
        "{text}"
    );
}

#[tokio::test]
async fn a_dropped_run_leaves_no_rows() {
    let database = Database::new().await;
    let home = database.home(database.sync().await);
    let run = stage(&home, 0..ROWS).await.unwrap();
    home.drop_run(DATASET, Side::Source).await.unwrap();
    lost("a page", run.read(&KeyRange::default(), 1000).await);
    assert_eq!(database.value::<i64>("SELECT count(*) FROM staged_rows").await, 0);
    assert_eq!(database.value::<i64>("SELECT count(*) FROM staged_runs").await, 0);
    home.drop_run(DATASET, Side::Source).await.unwrap();
}
