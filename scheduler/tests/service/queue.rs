//! Wake-ups that were not published, or that the broker has lost; and how much there is to do.

use pinksync_common::queue::Class;
use pinksync_common::store::{self, load};
use pinksync_scheduler::loops::{refill, relay};
use pinksync_test_support::purge;

use crate::support::Service;

impl Service {
    async fn stored_so_long_ago(&self, seconds: i32) {
        let update = "UPDATE tasks SET created_at = now() - make_interval(secs => $1),
            available_at = now() - make_interval(secs => $1), published_at = published_at - make_interval(secs => $1)";
        self.execute(update, &[&f64::from(seconds)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_published_is_relayed() {
    let service = Service::new().await;
    let account = service.account().await;
    service.task(account, None, false).await;
    service.task(account, None, true).await;
    relay::round(&service.scheduler).await.unwrap();
    assert_eq!(service.waiting(Class::Bulk).await, 0, "who has stored it may be about to");
    service.stored_so_long_ago(2).await;
    for _ in 0..2 {
        relay::round(&service.scheduler).await.unwrap();
    }
    assert_eq!(service.waiting(Class::Bulk).await, 1, "once, and not the one that is held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_to_be_tried_later_is_relayed_when_its_time_has_come() {
    let service = Service::new().await;
    let account = service.account().await;
    let task = service.task(account, None, false).await;
    service.stored_so_long_ago(2).await;
    let later = "UPDATE tasks SET available_at = now() + interval '1 minute' WHERE id = $1";
    service.execute(later, &[&task]).await;
    relay::round(&service.scheduler).await.unwrap();
    assert_eq!(service.waiting(Class::Bulk).await, 0);
    service.stored_so_long_ago(2).await;
    relay::round(&service.scheduler).await.unwrap();
    assert_eq!(service.waiting(Class::Bulk).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_has_lost_its_messages_is_filled_again() {
    let service = Service::new().await;
    let account = service.account().await;
    for _ in 0..3 {
        service.task(account, None, false).await;
    }
    service.stored_so_long_ago(20).await;
    relay::round(&service.scheduler).await.unwrap();
    assert_eq!(service.waiting(Class::Bulk).await, 3);
    service.stored_so_long_ago(20).await;
    refill::round(&service.scheduler).await.unwrap();
    let unpublished = "SELECT count(*) FROM tasks WHERE published_at IS NULL";
    assert_eq!(service.value::<i64>(unpublished, &[]).await, 0, "nothing is missing");

    assert_eq!(purge(&service.vhost.url).await, 3);
    refill::round(&service.scheduler).await.unwrap();
    relay::round(&service.scheduler).await.unwrap();
    assert_eq!(service.waiting(Class::Bulk).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_could_be_worked_on_counts_as_load() {
    let service = Service::new().await;
    let account = service.account().await;
    let session = service.working(account, None).await;
    let running = service.task(account, Some(session), false).await;
    service.claim(running).await;
    for _ in 0..8 {
        service.task(account, Some(session), false).await;
    }
    service.stored_so_long_ago(100).await;
    service.task(account, Some(session), true).await;
    let later = service.task(account, Some(session), false).await;
    service.execute("UPDATE tasks SET available_at = now() + interval '1 hour' WHERE id = $1", &[&later]).await;
    for (stopping, seconds) in [(false, 5.0), (true, 5.0), (false, 50.0)] {
        let insert = "INSERT INTO workers (id, host, pid, version, permits, stopping, seen_at)
            VALUES (gen_random_uuid(), 'here', 1, '1', 1, $1, now() - make_interval(secs => $2))";
        service.execute(insert, &[&stopping, &seconds]).await;
    }
    let client = store::client(&service.pool).await.unwrap();
    let load = load::load(&client).await.unwrap();
    assert_eq!((load.bulk.ready, load.bulk.running, load.interactive.ready), (8, 1, 0));
    assert!((100.0..200.0).contains(&load.bulk.oldest_seconds), "{}", load.bulk.oldest_seconds);
    assert_eq!((load.pending, load.in_progress, load.paused, load.parked), (0, 1, 0, 0));
    assert_eq!((load.unpublished, load.workers), (8, 1));
    assert_eq!(load.desired_workers(4), 3);
}
