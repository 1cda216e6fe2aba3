//! The broker stops, loses everything, or delivers twice.

use pinksync_common::ids::TaskId;
use pinksync_test_support::{OwnBroker, eventually, purge};

use crate::support::{Gate, Pair, Setup, written};

const ITEMS: u64 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_a_broker_that_loses_all_messages_and_is_gone_for_a_while() {
    let (broker, pair) = tokio::join!(OwnBroker::start(), Pair::with_items(ITEMS));
    let service = Setup::new().set("WORKER_PERMITS", "1").broker(&broker.url).start().await;
    let writes = Gate::before_writes(&pair.target, "items", "true").await;
    let session = service.rest.submit(&pair.one_way()).await;
    writes.reached().await;
    let mut purged = 0;
    eventually(async || {
        purged += purge(&broker.url).await;
        purged > 0
    })
    .await;
    broker.stop().await;
    writes.open().await;
    // The segment at work needs no broker to come to its end.
    eventually(async || service.metadata.value("SELECT count(*) > 0 FROM base_blocks", &[]).await).await;
    broker.start_again().await;
    assert_eq!(written(&service.rest.completed(&session).await), [[ITEMS, 0, 0], [0, 0, 0]]);
    pair.assert_same().await;
    assert_eq!(service.pending_chunks().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_come_many_times_are_carried_out_once() {
    let (service, pair) = tokio::join!(Setup::new().workers(2).start(), Pair::with_items(ITEMS));
    let writes = Gate::before_writes(&pair.target, "items", "true").await;
    let session = service.rest.submit(&pair.one_way()).await;
    writes.reached().await;
    let tasks: Vec<TaskId> = service.metadata.column("SELECT id FROM tasks", &[]).await;
    assert!(tasks.len() > 2, "{tasks:?}");
    service.wake(&tasks, 25).await;
    writes.open().await;
    service.wake(&tasks, 25).await;
    assert_eq!(written(&service.rest.completed(&session).await), [[ITEMS, 0, 0], [0, 0, 0]]);
    let taken: (i64, i32) = (
        service.metadata.value("SELECT max(generation) FROM tasks", &[]).await,
        service.metadata.value("SELECT max(attempts) FROM tasks", &[]).await,
    );
    assert_eq!(taken, (1, 1));
    pair.assert_same().await;
}
