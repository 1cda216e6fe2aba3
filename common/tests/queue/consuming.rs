//! What a consumer promises.

use pinksync_common::queue::Class;
use pinksync_test_support::{eventually, soon, topology};
use tokio_util::sync::CancellationToken;

use crate::support::{Queue, take, wake};

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
async fn a_consumer_that_rests_holds_nothing_and_then_asks_for_what_waits() {
    const EACH: u32 = 9;
    let queue = Queue::make().await;
    let shutdown = CancellationToken::new();
    let mut consumer = queue.consumer(3, &shutdown);
    let first = queue.publish(Class::Bulk).await;
    let held = take(&mut consumer).await;
    assert_eq!(held.wake, first);
    consumer.rest().await;
    let mut sent = Vec::new();
    for class in Class::ALL {
        for _ in 0..EACH {
            sent.push(queue.publish(class).await.task);
        }
    }
    held.ack().await.unwrap();
    for class in Class::ALL {
        assert_eq!(queue.ready(class).await, EACH);
    }

    let mut order = Vec::new();
    let mut taken = Vec::new();
    while taken.len() < sent.len() {
        let delivery = take(&mut consumer).await;
        // Nothing had been handed out to be handed back.
        assert!(!delivery.redelivered);
        order.push(delivery.class);
        taken.push(delivery.wake.task);
        delivery.ack().await.unwrap();
        let waiting = queue.ready(Class::Interactive).await + queue.ready(Class::Bulk).await;
        assert_eq!(waiting as usize, sent.len() - taken.len());
    }
    let bulk: Vec<_> = (0..order.len()).filter(|place| order[*place] == Class::Bulk).collect();
    assert_eq!(bulk[..3], [4, 9, 11], "{order:?}");
    taken.sort_unstable();
    sent.sort_unstable();
    assert_eq!(taken, sent);

    // Where nothing waits it is subscribed again: what comes is handed out ahead.
    let (waited_for, _) = tokio::join!(take(&mut consumer), queue.publish(Class::Interactive));
    queue.publish(Class::Interactive).await;
    eventually(async || queue.ready(Class::Interactive).await == 0).await;
    waited_for.ack().await.unwrap();
    consumer.rest().await;
    assert_eq!(queue.ready(Class::Interactive).await, 1);
    assert!(take(&mut consumer).await.redelivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_that_nobody_waits_for_any_longer_is_not_lost_to_a_consumer_that_asks() {
    let queue = Queue::make().await;
    let mut consumer = queue.consumer(1, &CancellationToken::new());
    for _ in 0..20 {
        let wake = queue.publish(Class::Bulk).await;
        consumer.rest().await;
        // Given up at any moment of its work.
        let micros = rand::random_range(0..3000);
        let early = tokio::time::timeout(std::time::Duration::from_micros(micros), consumer.next()).await;
        let delivery = match early {
            Ok(delivery) => delivery.unwrap(),
            Err(_) => take(&mut consumer).await,
        };
        assert_eq!(delivery.wake, wake);
        delivery.ack().await.unwrap();
    }
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
