//! Takes wake-ups from a connection of its own, and connects and subscribes again for as long as nobody ends it.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::Connection;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::broker::pauses;
use super::error::chain;
use super::subscription::Subscription;
use super::{Broker, Class, Delivery, Result, Topology};

/// So many interactive wake-ups in a row, and a bulk one that waits comes before the next.
const INTERACTIVE_RUN: u32 = 4;

/// After so long without a wake-up all is subscribed anew. Where a queue is deleted and soon made again by somebody
/// else, a broker may move the subscription by itself, count wake-ups as given out, and send nothing (3.10 does).
const QUIET_LIMIT: Duration = Duration::from_secs(20);

/// Yields wake-ups one at a time; interactive ones first, but bulk ones never starve.
pub struct Consumer {
    source: Source,
    link: Link,
    /// Interactive wake-ups since the last bulk one.
    run: u32,
    ready: watch::Sender<bool>,
    shutdown: CancellationToken,
}

/// What to subscribe to, and where.
struct Source {
    broker: Broker,
    topology: Topology,
    classes: Vec<Class>,
    prefetch: u16,
}

#[derive(Default)]
struct Link {
    connection: Option<Connection>,
    /// In the order of the classes. One that has ended is missing until it is made anew.
    subscriptions: Vec<Subscription>,
}

impl Consumer {
    /// Connects with the first `next`. `prefetch` is how many unsettled wake-ups of each class the broker hands out:
    /// as many as the worker has permits, so that none waits here while another worker is idle.
    pub fn start(
        broker: Broker,
        topology: Topology,
        classes: &[Class],
        prefetch: u16,
        shutdown: CancellationToken,
    ) -> Self {
        let mut classes = classes.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let source = Source { broker, topology, classes, prefetch };
        Self { source, link: Link::default(), run: 0, ready: watch::Sender::new(false), shutdown }
    }

    /// True while subscribed. It is `next` that notices a loss, and mends it.
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    /// The next wake-up, however long that takes; None after shutdown. What the broker has handed out and nobody has
    /// taken goes back then, while deliveries in hand can still be settled. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Delivery> {
        let shutdown = self.shutdown.clone();
        let delivery = shutdown.run_until_cancelled(self.take()).await;
        if delivery.is_none() {
            self.end().await;
        }
        delivery
    }

    async fn take(&mut self) -> Delivery {
        loop {
            self.subscribe().await;
            let next = timeout(QUIET_LIMIT, self.link.poll(self.run >= INTERACTIVE_RUN)).await;
            let Ok((index, delivery)) = next else {
                self.link.subscriptions.clear();
                continue;
            };
            match delivery {
                // What came by a connection that is lost by now comes again.
                Some(Ok(delivery)) if !delivery.acker.usable() => {}
                Some(Ok(delivery)) => {
                    if let Some(delivery) = self.link.subscriptions[index].read(delivery).await {
                        self.run = if delivery.class == Class::Interactive { self.run + 1 } else { 0 };
                        return delivery;
                    }
                }
                ended => {
                    let class = self.link.subscriptions.remove(index).class;
                    let error = ended.and_then(|delivery| delivery.err()).map(|error| chain(&error));
                    warn!(%class, error, "a subscription has ended");
                    self.ready.send_replace(false);
                }
            }
        }
    }

    /// As often as it takes.
    async fn subscribe(&mut self) {
        if self.link.is_whole(&self.source) {
            return;
        }
        let mut pauses = pauses("consumer");
        while let Err(error) = self.link.mend(&self.source).await {
            self.ready.send_replace(false);
            pauses.after(&error).await;
        }
        if !self.ready.send_replace(true) {
            info!("the consumer is subscribed");
        }
    }

    async fn end(&mut self) {
        self.ready.send_replace(false);
        for subscription in std::mem::take(&mut self.link).subscriptions {
            if let Err(error) = subscription.end().await {
                warn!(error = chain(&error), "wake-ups that were not taken go back with the connection only");
            }
        }
    }
}

impl Link {
    fn is_whole(&self, source: &Source) -> bool {
        self.is_connected() && self.subscriptions.len() == source.classes.len()
    }

    fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.status().connected())
    }

    async fn mend(&mut self, source: &Source) -> Result<()> {
        if !self.is_connected() {
            *self = Self::default();
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(source.broker.connect("consumer").await?),
        };
        for class in &source.classes {
            if !self.subscriptions.iter().any(|subscription| subscription.class == *class) {
                let subscription = Subscription::open(connection, &source.topology, *class, source.prefetch).await?;
                self.subscriptions.push(subscription);
            }
        }
        self.subscriptions.sort_unstable_by_key(|subscription| subscription.class);
        Ok(())
    }

    /// What the first subscription that has something says, and which one that is.
    async fn poll(&mut self, last_first: bool) -> (usize, Option<lapin::Result<lapin::message::Delivery>>) {
        let count = self.subscriptions.len();
        poll_fn(|context| {
            for place in 0..count {
                let index = if last_first { count - 1 - place } else { place };
                if let Poll::Ready(delivery) = self.subscriptions[index].deliveries.poll_next_unpin(context) {
                    return Poll::Ready((index, delivery));
                }
            }
            Poll::Pending
        })
        .await
    }
}
