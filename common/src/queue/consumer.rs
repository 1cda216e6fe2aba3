//! Takes wake-ups from a connection of its own, and connects and subscribes again for as long as nobody ends it.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::Connection;
use pinksync_model::chain;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::broker::{Pauses, pauses};
use super::subscription::Subscription;
use super::{Broker, Class, Delivery, Result, Topology};

/// So many interactive wake-ups in a row, and a bulk one that waits comes before the next.
const INTERACTIVE_RUN: u32 = 4;

/// After so long without a wake-up all is subscribed anew. Where a queue is deleted and soon made again by somebody
/// else, a broker may move the subscription by itself, count wake-ups as given out, and send nothing (3.10 does).
const QUIET_LIMIT: Duration = Duration::from_secs(20);

/// Yields wake-ups one at a time; interactive ones first, but bulk ones never starve.
///
/// While it is subscribed, the broker hands out wake-ups ahead, so that one that comes is taken at once. Whoever can
/// take no more lets it `rest`: then nothing lies here while another worker is idle, and the next wake-ups are asked for
/// one by one until none waits. So a wake-up goes back, which the broker counts, only if it came in the moment before.
pub struct Consumer {
    source: Source,
    link: Link,
    /// Interactive wake-ups since the last bulk one.
    run: u32,
    /// Wake-ups are asked for, until none waits.
    rested: bool,
    ready: watch::Sender<bool>,
    /// Before what failed is tried again; they grow until something is received.
    pauses: Pauses,
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
    /// Connects with the first `next`. `prefetch` is how many unsettled wake-ups of each class the broker hands out
    /// to a subscription.
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
        let (ready, pauses) = (watch::Sender::new(false), pauses("consumer"));
        Self { source, link: Link::default(), run: 0, rested: false, ready, pauses, shutdown }
    }

    /// True while connected to all queues. It is `next` that notices a loss, and mends it.
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    /// The next wake-up, however long that takes; None after shutdown. What the broker has handed out and nobody has
    /// taken goes back then, while deliveries in hand can still be settled. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Delivery> {
        let shutdown = self.shutdown.clone();
        let delivery = shutdown.run_until_cancelled(self.take()).await;
        if delivery.is_none() {
            self.ready.send_replace(false);
            self.rest().await;
            self.link = Link::default();
        }
        delivery
    }

    /// Holds nothing until the next `next`: what was handed out and not taken goes back. Before a delivery is settled,
    /// that is at most what the prefetch leaves.
    pub async fn rest(&mut self) {
        self.rested = true;
        let mut kept = Vec::new();
        for mut subscription in std::mem::take(&mut self.link.subscriptions) {
            match subscription.rest().await {
                Ok(()) => kept.push(subscription),
                Err(error) => {
                    warn!(error = chain(&error), "wake-ups that were not taken go back with the channel only")
                }
            }
        }
        self.link.subscriptions = kept;
    }

    async fn take(&mut self) -> Delivery {
        loop {
            self.connect().await;
            let Some((subscription, raw)) = self.receive().await else { continue };
            // What came by a connection that is lost by now comes again.
            if raw.acker.usable()
                && let Some(delivery) = self.link.subscriptions[subscription].read(raw).await
            {
                self.pauses = pauses("consumer");
                self.run = if delivery.class == Class::Interactive { self.run + 1 } else { 0 };
                return delivery;
            }
        }
    }

    /// Connects and subscribes to all, as often as it takes; or connects only, after a rest.
    async fn connect(&mut self) {
        while let Err(error) = self.link.mend(&self.source, !self.rested).await {
            self.ready.send_replace(false);
            self.pauses.after(&error).await;
        }
        if !self.ready.send_replace(true) {
            info!("the consumer is connected");
        }
    }

    /// A wake-up, and by which subscription it came. `None`: something is to be mended, or to be subscribed to.
    async fn receive(&mut self) -> Option<(usize, lapin::message::Delivery)> {
        let bulk_first = self.run >= INTERACTIVE_RUN;
        if self.rested {
            return match self.link.ask(bulk_first).await {
                Ok(waiting) => {
                    self.rested = waiting.is_some();
                    waiting
                }
                Err(error) => {
                    self.ready.send_replace(false);
                    self.pauses.after(&error).await;
                    None
                }
            };
        }
        let Ok((index, delivery)) = timeout(QUIET_LIMIT, self.link.poll(bulk_first)).await else {
            self.link.subscriptions.clear();
            return None;
        };
        match delivery {
            Some(Ok(delivery)) => Some((index, delivery)),
            ended => {
                let class = self.link.subscriptions.remove(index).class;
                let error = ended.and_then(|delivery| delivery.err()).map(|error| chain(&error));
                warn!(%class, error, "a subscription has ended");
                self.ready.send_replace(false);
                self.pauses.next().await;
                None
            }
        }
    }
}

impl Link {
    fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.status().connected())
    }

    /// Makes what is missing.
    async fn mend(&mut self, source: &Source, subscribed: bool) -> Result<()> {
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
        for subscription in self.subscriptions.iter_mut().filter(|one| subscribed && one.deliveries.is_none()) {
            subscription.subscribe().await?;
        }
        Ok(())
    }

    /// What waits in the first queue that has something. A subscription that cannot be asked is given up.
    async fn ask(&mut self, last_first: bool) -> Result<Option<(usize, lapin::message::Delivery)>> {
        for place in 0..self.subscriptions.len() {
            let index = place_of(place, self.subscriptions.len(), last_first);
            // Where nobody waits for the answer any longer, what it brings goes back with the channel.
            let subscription = self.subscriptions.remove(index);
            let delivery = subscription.ask().await?;
            self.subscriptions.insert(index, subscription);
            if let Some(delivery) = delivery {
                return Ok(Some((index, delivery)));
            }
        }
        Ok(None)
    }

    /// What the first subscription that has something says, and which one that is.
    async fn poll(&mut self, last_first: bool) -> (usize, Option<lapin::Result<lapin::message::Delivery>>) {
        let count = self.subscriptions.len();
        poll_fn(|context| {
            for place in 0..count {
                let index = place_of(place, count, last_first);
                let deliveries = self.subscriptions[index].deliveries.as_mut();
                if let Some(Poll::Ready(delivery)) = deliveries.map(|deliveries| deliveries.poll_next_unpin(context)) {
                    return Poll::Ready((index, delivery));
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn place_of(place: usize, count: usize, last_first: bool) -> usize {
    if last_first { count - 1 - place } else { place }
}
