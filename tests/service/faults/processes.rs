//! The API and schedulers are killed.

use pinksync_test_support::eventually;

use crate::support::{Gate, Pair, Service, Setup, written};

const ITEMS: u64 = 2000;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_stored_runs_although_the_api_died_before_it_could_publish() {
    let (mut service, pair) = tokio::join!(Setup::new().start(), Pair::with_items(ITEMS));
    let line = service.restart_api_behind_line().await;
    line.cut();
    let session = service.rest.submit(&pair.one_way()).await;
    let unpublished = "SELECT count(*) FROM tasks WHERE published_at IS NULL AND generation = 0";
    assert_eq!(service.metadata.value::<i64>(unpublished, &[]).await, 1, "nobody but the relay can publish it");
    service.api.kill();
    line.mend();
    service.restart_api().await;
    assert_eq!(written(&service.rest.completed(&session).await), [[ITEMS, 0, 0], [0, 0, 0]]);
    pair.assert_same().await;
}

/// Which scheduler leads, as soon as one does.
async fn leader(service: &Service) -> usize {
    let mut leading = None;
    eventually(async || {
        leading = service.schedulers.iter().position(|scheduler| scheduler.log().contains("this scheduler leads"));
        leading.is_some()
    })
    .await;
    leading.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_from_a_scheduler_that_is_killed() {
    let (mut service, pair) = tokio::join!(Setup::new().schedulers(2).start(), Pair::with_items(ITEMS));
    let writes = Gate::before_writes(&pair.target, "items", "true").await;
    let session = service.rest.submit(&pair.one_way()).await;
    writes.reached().await;
    let leader = leader(&service).await;
    service.schedulers.remove(leader).kill();
    // Only a scheduler takes the task from a dead worker.
    service.workers.remove(0).process.kill();
    writes.open().await;
    service.add_workers(1).await;
    assert_eq!(written(&service.rest.completed(&session).await), [[ITEMS, 0, 0], [0, 0, 0]]);
    assert_eq!(service.metadata.value::<i64>("SELECT term FROM leases WHERE name = 'scheduler'", &[]).await, 2);
    pair.assert_same().await;
}
