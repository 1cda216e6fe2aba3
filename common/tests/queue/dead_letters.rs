//! What becomes of messages that nobody can work with.

use pinksync_common::queue::{Class, DELIVERY_LIMIT, Wake};
use pinksync_test_support::eventually;
use tokio_util::sync::CancellationToken;

use crate::support::{Queue, take};

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_version_and_rubbish_are_put_aside_where_they_can_be_listed() {
    let queue = Queue::make().await;
    let later = rmp_serde::to_vec_named(&serde_json::json!({"v": 2, "task": "…"})).unwrap();
    queue.smuggle(Class::Bulk, &later).await;
    queue.smuggle(Class::Bulk, b"rubbish").await;
    let good = queue.publish(Class::Bulk).await;

    let mut consumer = queue.consumer(1, &CancellationToken::new());
    let delivery = take(&mut consumer).await;
    assert_eq!(delivery.wake, good);
    delivery.ack().await.unwrap();
    eventually(async || queue.inspector.dead_count().await.unwrap() == 2).await;

    // Looking takes nothing away.
    for _ in 0..3 {
        let letters = queue.dead_letters().await;
        assert_eq!(letters.len(), 2);
        assert_eq!((&letters[0].body[..], &letters[1].body[..]), (&later[..], &b"rubbish"[..]));
        assert_eq!(letters[0].queue, "pinksync.bulk");
        assert_eq!(letters[0].reason, "rejected");
        eventually(async || queue.inspector.dead_count().await.unwrap() == 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_that_comes_back_too_often_is_put_aside() {
    let queue = Queue::make().await;
    let poison = queue.publish(Class::Bulk).await;
    let mut consumer = queue.consumer(1, &CancellationToken::new());
    for _ in 0..=DELIVERY_LIMIT {
        let delivery = take(&mut consumer).await;
        assert_eq!(delivery.wake, poison);
        delivery.hand_back().await.unwrap();
    }
    eventually(async || queue.inspector.dead_count().await.unwrap() == 1).await;
    let letters = queue.dead_letters().await;
    assert_eq!(Wake::decode(&letters[0].body).unwrap(), poison);
    assert_eq!(letters[0].reason, "delivery_limit");
    // Others go on.
    let good = queue.publish(Class::Bulk).await;
    assert_eq!(take(&mut consumer).await.wake, good);
}
