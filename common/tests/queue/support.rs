//! What each test of the queue begins with.

use lapin::options::{BasicPublishOptions, QueueDeleteOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use pinksync_common::ids::TaskId;
use pinksync_common::queue::{Broker, Class, Consumer, Delivery, Inspector, Publisher, Wake};
use pinksync_test_support::{VirtualHost, soon, topology};
use tokio_util::sync::CancellationToken;

pub fn wake() -> Wake {
    Wake::of(TaskId::new())
}

/// A virtual host, and all sides of its queue.
pub struct Queue {
    pub vhost: VirtualHost,
    pub publisher: Publisher,
    pub inspector: Inspector,
}

impl Queue {
    pub async fn make() -> Self {
        let vhost = VirtualHost::make();
        let broker = Broker::new(&vhost.url).unwrap();
        let publisher = Publisher::start(broker.clone(), topology());
        soon(publisher.ready()).await;
        Self { publisher, inspector: Inspector::new(broker, topology()), vhost }
    }

    pub fn consumer(&self, prefetch: u16, shutdown: &CancellationToken) -> Consumer {
        consumer(&self.vhost.url, prefetch, shutdown)
    }

    pub async fn publish(&self, class: Class) -> Wake {
        let wake = wake();
        self.publisher.publish(class, &wake).await.unwrap();
        wake
    }

    /// What waits in the queue of a class.
    pub async fn ready(&self, class: Class) -> u32 {
        let depths = self.inspector.depths().await.unwrap();
        depths.iter().find(|depth| depth.class == class).unwrap().ready
    }

    pub async fn delete(&self, queue: &str) {
        let (_connection, channel) = self.administer().await;
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    }

    /// Makes queues that are missing, as any other process of the service does when it connects.
    pub async fn declare(&self) {
        let (_connection, channel) = self.administer().await;
        topology().declare(&channel).await.unwrap();
    }

    /// Puts bytes into a queue that no publisher of ours would.
    pub async fn smuggle(&self, class: Class, body: &[u8]) {
        let (_connection, channel) = self.administer().await;
        channel.confirm_select(Default::default()).await.unwrap();
        let (queue, options) = (topology().queue(class).into(), BasicPublishOptions::default());
        let publish = channel.basic_publish("".into(), queue, options, body, BasicProperties::default());
        publish.await.unwrap().await.unwrap();
    }

    /// What lies in the dead-letter queue, the oldest first; it stays there.
    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        let (_connection, channel) = self.administer().await;
        let mut letters = Vec::new();
        while let Some(letter) = channel.basic_get(topology().dead().into(), Default::default()).await.unwrap() {
            letters.push(DeadLetter::of(letter.delivery));
        }
        letters
    }

    async fn administer(&self) -> (Connection, Channel) {
        let connection = Connection::connect(&self.vhost.url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }
}

pub struct DeadLetter {
    pub body: Vec<u8>,
    /// The queue in which it died.
    pub queue: String,
    /// Why it died, in the broker's words.
    pub reason: String,
}

impl DeadLetter {
    fn of(delivery: lapin::message::Delivery) -> Self {
        let headers = delivery.properties.headers().clone().unwrap();
        let text = |name: &str| headers.inner()[name].as_long_string().unwrap().to_string();
        Self { queue: text("x-first-death-queue"), reason: text("x-first-death-reason"), body: delivery.data }
    }
}

pub fn consumer(url: &str, prefetch: u16, shutdown: &CancellationToken) -> Consumer {
    Consumer::start(Broker::new(url).unwrap(), topology(), &Class::ALL, prefetch, shutdown.clone())
}

pub async fn take(consumer: &mut Consumer) -> Delivery {
    soon(consumer.next()).await.expect("a delivery")
}
