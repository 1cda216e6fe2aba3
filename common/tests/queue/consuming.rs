//! What a consumer promises.

use pinksync_common::queue::Class;
use tokio_util::sync::CancellationToken;

use crate::support::{Queue, eventually, soon, take, topology, wake};

#[tokio::test(flavor = "multi_thread")]
async fn interactive_wake_ups_overtake_bulk_ones_which_do_not_starve() {
    const EACH: usize = 20;
    let queue = Queue::make().await;
    for _ in 0..EACH {
        queue.publish(Class::Bulk).await;
    }
    for _ in 0..EACH {
        queue.publish(Class::Interactive).await;
    }
    let mut consumer = queue.consumer(EACH as u16, &CancellationToken::new());
    let mut taken = vec![take(&mut consumer).await];
    for class in Class::ALL {
        eventually(async || queue.ready(class).await == 0).await;
    }
    while taken.len() < 2 * EACH {
        taken.push(take(&mut consumer).await);
    }
    let order: Vec<_> = taken.iter().map(|delivery| delivery.class).collect();
    let last_interactive = order.iter().rposition(|class| *class == Class::Interactive).unwrap();
    let bulk_before = order[..last_interactive].iter().filter(|class| **class == Class::Bulk).count();
    // One in five; the first ones may have been on their way still.
    assert!((1..=EACH / 4 + 1).contains(&bulk_before), "{order:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_deleted_under_the_consumer_is_made_and_subscribed_again() {
    let queue = Queue::make().await;
    let mut consumer = queue.consumer(1, &CancellationToken::new());
    queue.publish(Class::Interactive).await;
    let held = take(&mut consumer).await;

    queue.delete(&topology().queue(Class::Bulk)).await;
    let wake = wake();
    let published = eventually(async || queue.publisher.publish(Class::Bulk, &wake).await.is_ok());
    let (delivery, ()) = tokio::join!(take(&mut consumer), published);
    assert_eq!(delivery.wake, wake);
    delivery.ack().await.unwrap();
    // The other queue has not noticed.
    held.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_somebody_else_makes_again_at_once_is_served_too() {
    let queue = Queue::make().await;
    let mut consumer = queue.consumer(1, &CancellationToken::new());
    queue.publish(Class::Bulk).await;
    take(&mut consumer).await.ack().await.unwrap();

    queue.delete(&topology().queue(Class::Bulk)).await;
    queue.declare().await;
    let wake = queue.publish(Class::Bulk).await;
    let delivery = take(&mut consumer).await;
    assert_eq!(delivery.wake, wake);
    delivery.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_shutdown_what_was_not_taken_goes_back_and_what_was_can_be_settled() {
    let queue = Queue::make().await;
    for _ in 0..5 {
        queue.publish(Class::Bulk).await;
    }
    let shutdown = CancellationToken::new();
    let mut consumer = queue.consumer(3, &shutdown);
    let held = take(&mut consumer).await;
    eventually(async || queue.ready(Class::Bulk).await == 2).await;

    shutdown.cancel();
    assert!(soon(consumer.next()).await.is_none());
    eventually(async || queue.ready(Class::Bulk).await == 4).await;
    assert!(!*consumer.readiness().borrow());
    drop(consumer);
    held.ack().await.unwrap();

    let mut other = queue.consumer(10, &CancellationToken::new());
    for _ in 0..4 {
        take(&mut other).await.ack().await.unwrap();
    }
    assert_eq!(queue.ready(Class::Bulk).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_a_consumer_that_waits_in_vain() {
    let queue = Queue::make().await;
    let shutdown = CancellationToken::new();
    let mut consumer = queue.consumer(1, &shutdown);
    let mut ready = consumer.readiness();
    let stop = async {
        soon(ready.wait_for(|ready| *ready)).await.unwrap();
        shutdown.cancel();
    };
    let (delivery, ()) = tokio::join!(soon(consumer.next()), stop);
    assert!(delivery.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_handed_back_or_dropped_unsettled_comes_again() {
    let queue = Queue::make().await;
    let wake = queue.publish(Class::Interactive).await;
    let mut consumer = queue.consumer(1, &CancellationToken::new());
    take(&mut consumer).await.hand_back().await.unwrap();
    let delivery = take(&mut consumer).await;
    assert!(delivery.redelivered && delivery.wake == wake);
    drop((delivery, consumer));

    let mut other = queue.consumer(1, &CancellationToken::new());
    let delivery = take(&mut other).await;
    assert_eq!(delivery.wake, wake);
    delivery.ack().await.unwrap();
}
