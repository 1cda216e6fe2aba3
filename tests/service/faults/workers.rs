//! Workers that are killed, and one that is asked to stop.

use pinksync_test_support::eventually;

use crate::support::{Gate, Pair, Service, Setup, count, written};

const ITEMS: u64 = 60_000;

/// Kills a worker that is at work on a session, and starts another one.
async fn replace_one(service: &mut Service, session: &str) {
    let (worker, _) = service.at_work(session).await;
    service.workers.remove(worker).process.kill();
    service.add_workers(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_workers_killed_at_different_moments_of_a_segment_leave_what_an_undisturbed_session_leaves() {
    let (mut service, pair) = tokio::join!(Setup::new().workers(2).start(), Pair::with_items(ITEMS));
    let writes = Gate::before_writes(&pair.target, "items", "true").await;
    let commits = Gate::before_commits(&pair.target, "items").await;
    commits.open().await;
    let session = service.rest.submit(&pair.one_way()).await;
    // Each gate is closed before the one in front of it is opened, so that there is always something to come to it.
    writes.reached().await;
    replace_one(&mut service, &session).await;
    let journal = Gate::before_table(&service.metadata, "journal").await;
    writes.open().await;
    journal.reached().await;
    replace_one(&mut service, &session).await;
    commits.close().await;
    journal.open().await;
    commits.reached().await;
    replace_one(&mut service, &session).await;
    let settling = Gate::before_table(&service.metadata, "base_blocks").await;
    commits.open().await;
    settling.reached().await;
    replace_one(&mut service, &session).await;
    settling.open().await;
    replace_one(&mut service, &session).await;
    let session = service.rest.completed(&session).await;
    assert_eq!(written(&session), [[ITEMS, 0, 0], [0, 0, 0]], "{session}");
    assert_eq!(count(&session, "rejected"), 0);
    assert_eq!(service.pending_chunks().await, 0);
    pair.assert_same().await;
    assert_eq!(written(&service.rest.complete(&pair.one_way()).await), [[0; 3]; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_asked_to_stop_hands_its_tasks_back_without_burning_an_attempt() {
    let (mut service, pair) = tokio::join!(Setup::new().workers(2).start(), Pair::with_items(ITEMS));
    let writes = Gate::before_writes(&pair.target, "items", "true").await;
    let session = service.rest.submit(&pair.one_way()).await;
    writes.reached().await;
    let (worker, task) = service.at_work(&session).await;
    let mut worker = service.workers.remove(worker);
    worker.process.terminate();
    eventually(async || worker.process.log().contains("stopping")).await;
    writes.open().await;
    assert!(worker.process.ended().await.success(), "it ends in order: {}", worker.process.log());
    let session = service.rest.completed(&session).await;
    assert_eq!(written(&session), [[ITEMS, 0, 0], [0, 0, 0]], "{session}");
    pair.assert_same().await;
    let most: i32 = service.metadata.value("SELECT max(attempts) FROM tasks", &[]).await;
    assert_eq!(most, 1, "no attempt is burned");
    let times: i64 = service.metadata.value("SELECT generation FROM tasks WHERE id = $1", &[&task]).await;
    assert_eq!(times, 2, "another worker went on with the task");
}
