//! What a publisher promises.

use std::sync::Arc;
use std::time::Instant;

use lapin::uri::AMQPUri;
use pinksync_common::ids::TaskId;
use pinksync_common::queue::{Broker, Class, Inspector, Publisher, QueueError, Topology, Wake};
use pinksync_test_support::{VirtualHost, soon, topology};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::{Queue, take, wake};

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_wake_up_reaches_a_consumer() {
    let queue = Queue::make().await;
    let mut consumer = queue.consumer(1, &CancellationToken::new());
    for class in Class::ALL {
        let trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
        let wake = Wake { task: TaskId::new(), trace };
        queue.publisher.publish(class, &wake).await.unwrap();
        let delivery = take(&mut consumer).await;
        assert_eq!((&delivery.wake, delivery.class, delivery.redelivered), (&wake, class, false));
        delivery.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_that_no_queue_takes_is_an_error() {
    let queue = Queue::make().await;
    queue.delete(&topology().queue(Class::Bulk)).await;
    let error = queue.publisher.publish(Class::Bulk, &wake()).await.unwrap_err();
    assert!(matches!(&error, QueueError::Unroutable(name) if name == "pinksync.bulk"), "{error:?}");
    // The publisher is as good as before.
    queue.publish(Class::Interactive).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_callers_wait_for_their_confirms_at_once() {
    const CALLERS: u32 = 5000;
    let queue = Arc::new(Queue::make().await);
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let queue = queue.clone();
        callers.spawn(async move { queue.publish(Class::Bulk).await });
    }
    soon(callers.join_all()).await;
    println!("{:.0} confirmed publishes per second", f64::from(CALLERS) / began.elapsed().as_secs_f64());
    assert_eq!(queue.ready(Class::Bulk).await, CALLERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn installations_with_prefixes_of_their_own_share_a_virtual_host() {
    let queue = Queue::make().await;
    let broker = Broker::new(&queue.vhost.url).unwrap();
    let other = Topology::new("other").unwrap();
    let publisher = Publisher::start(broker.clone(), other.clone());
    soon(publisher.ready()).await;
    publisher.publish(Class::Bulk, &wake()).await.unwrap();
    let inspector = Inspector::new(broker, other);
    let depths = tokio::spawn(async move { inspector.depths().await }).await.unwrap().unwrap();
    assert_eq!(depths.iter().map(|depth| depth.ready).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(queue.ready(Class::Bulk).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_of_a_wrong_password_does_not_show_it() {
    let vhost = VirtualHost::make();
    let mut url: AMQPUri = vhost.url.parse().unwrap();
    url.authority.userinfo.password = "open-sesame".to_owned();
    let inspector = Inspector::new(Broker::new(&url.to_string()).unwrap(), topology());
    let error = soon(inspector.depths()).await.unwrap_err();
    assert!(matches!(error, QueueError::Broker { call: "connect", .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("sesame"));
}
