//! Brokers that crash, stop and run short.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pinksync_common::ids::TaskId;
use pinksync_common::queue::{Broker, Class, Publisher, QueueError};
use pinksync_test_support::{OwnBroker, eventually, soon, topology};
use tokio_util::sync::CancellationToken;

use crate::support::{consumer, take, wake};

/// More than the bound within which a publish answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(7);

fn publisher(broker: &OwnBroker) -> Publisher {
    Publisher::start(Broker::new(&broker.url).unwrap(), topology())
}

/// Publishes one after the other until told to stop, and remembers what was confirmed.
async fn publish_on(publisher: &Publisher, confirmed: &Mutex<HashSet<TaskId>>, enough: &AtomicBool) {
    while !enough.load(Ordering::Relaxed) {
        let wake = wake();
        match publisher.publish(Class::Bulk, &wake).await {
            Ok(()) => {
                confirmed.lock().unwrap().insert(wake.task);
            }
            Err(error) => {
                assert!(error.passes(), "{error:?}");
                soon(publisher.ready()).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publisher_and_consumer_outlive_a_crash_of_the_broker_and_lose_nothing_confirmed() {
    const ENOUGH: usize = 100;
    let broker = OwnBroker::start().await;
    let publisher = publisher(&broker);
    soon(publisher.ready()).await;
    let (shutdown, enough) = (CancellationToken::new(), AtomicBool::new(false));
    let (confirmed, taken) = (Mutex::new(HashSet::new()), Arc::new(Mutex::new(HashSet::new())));

    let mut consumer = consumer(&broker.url, 10, &shutdown);
    let consuming = tokio::spawn({
        let taken = taken.clone();
        async move {
            while let Some(delivery) = consumer.next().await {
                let task = delivery.wake.task;
                // Where the acknowledgement fails, it comes again.
                if delivery.ack().await.is_ok() {
                    taken.lock().unwrap().insert(task);
                }
            }
        }
    });
    let crashing = async {
        let more_than = |count: usize| confirmed.lock().unwrap().len() > count;
        eventually(async || more_than(ENOUGH)).await;
        broker.kill(&topology().queue(Class::Bulk)).await;
        broker.start_again().await;
        let before = confirmed.lock().unwrap().len();
        eventually(async || more_than(before + ENOUGH)).await;
        enough.store(true, Ordering::Relaxed);
    };
    tokio::join!(publish_on(&publisher, &confirmed, &enough), crashing);

    let confirmed = confirmed.into_inner().unwrap();
    eventually(async || confirmed.is_subset(&taken.lock().unwrap())).await;
    shutdown.cancel();
    soon(consuming).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_fails_in_time_where_the_broker_has_stopped_or_takes_nothing() {
    let broker = OwnBroker::start().await;
    let publisher = publisher(&broker);
    soon(publisher.ready()).await;

    broker.stop().await;
    fails_in_time(&publisher, |error| matches!(error, QueueError::Disconnected | QueueError::Broker { .. })).await;
    eventually(async || !publisher.is_ready()).await;

    // From its start on it is short of memory; it says so once somebody publishes.
    broker.start_with("vm_memory_high_watermark.absolute = 1").await;
    eventually(async || {
        let outcome = publisher.publish(Class::Bulk, &wake()).await;
        matches!(outcome, Err(QueueError::Blocked(_)))
    })
    .await;
    fails_in_time(&publisher, |error| matches!(error, QueueError::Blocked(_))).await;
    assert!(!publisher.is_ready());

    broker.kill(&topology().queue(Class::Bulk)).await;
    broker.start_with("").await;
    soon(publisher.ready()).await;
    publisher.publish(Class::Bulk, &wake()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_whose_connection_is_lost_cannot_be_settled_and_comes_again() {
    let broker = OwnBroker::start().await;
    let publisher = publisher(&broker);
    soon(publisher.ready()).await;
    let wake = wake();
    publisher.publish(Class::Interactive, &wake).await.unwrap();
    let mut consumer = consumer(&broker.url, 1, &CancellationToken::new());
    let held = take(&mut consumer).await;

    broker.kill(&topology().queue(Class::Bulk)).await;
    let error = soon(held.ack()).await.unwrap_err();
    assert!(matches!(error, QueueError::Lapsed | QueueError::Broker { .. }), "{error:?}");
    broker.start_again().await;
    let again = take(&mut consumer).await;
    assert!(again.redelivered && again.wake == wake);
    again.ack().await.unwrap();
}

async fn fails_in_time(publisher: &Publisher, expected: impl Fn(&QueueError) -> bool) {
    let began = Instant::now();
    let error = soon(publisher.publish(Class::Bulk, &wake())).await.unwrap_err();
    assert!(expected(&error), "{error:?}");
    assert!(began.elapsed() < ANSWER_LIMIT, "{:?}", began.elapsed());
}
