//! Publishes wake-ups on a connection of its own, which a task keeps alive. A message counts as published once the
//! broker has confirmed it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Event};
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use super::broker::{CALL_LIMIT, pauses, within};
use super::{Broker, Class, QueueError, Result, Topology, Wake};

/// How long a message may take from here into the queue, replicated and confirmed.
const PUBLISH_LIMIT: Duration = Duration::from_secs(5);

/// `delivery_mode` of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// Publishes for as many callers as there are: their messages share one channel and wait for their confirms at once.
/// Its connection ends when it is dropped.
pub struct Publisher {
    topology: Topology,
    link: watch::Receiver<Link>,
    broken: Arc<Notify>,
    _end: DropGuard,
}

/// What a message could be given to at the moment.
enum Link {
    Down,
    /// The broker is short of memory or disk: a publish would hang, without an answer, until that is over.
    Blocked(String),
    Up(Channel),
}

impl Publisher {
    /// Returns before there is a connection; `is_ready` and `ready` say when there is one.
    pub fn start(broker: Broker, topology: Topology) -> Self {
        let (report, link) = watch::channel(Link::Down);
        let (broken, end) = (Arc::new(Notify::new()), CancellationToken::new());
        let supervisor = Supervisor { broker, topology: topology.clone(), report, broken: broken.clone() };
        let ended = end.clone();
        tokio::spawn(async move { ended.run_until_cancelled(supervisor.run()).await });
        Self { topology, link, broken, _end: end.drop_guard() }
    }

    /// Whether a message could be published now: connected, and the broker takes messages.
    pub fn is_ready(&self) -> bool {
        matches!(*self.link.borrow(), Link::Up(_))
    }

    /// Waits until `is_ready`, however long that takes.
    pub async fn ready(&self) {
        let mut link = self.link.clone();
        // The supervisor ends after this publisher only.
        let _ = link.wait_for(|link| matches!(link, Link::Up(_))).await;
    }

    /// Puts a wake-up into the queue of its class. After an error it may be there or not: a wake-up that comes twice
    /// does no harm.
    ///
    /// # Errors
    /// At once where there is no connection or the broker takes nothing; within a bounded time in any other case: the
    /// broker does not confirm, cannot keep the message, or has no such queue.
    pub async fn publish(&self, class: Class, wake: &Wake) -> Result<()> {
        let channel = self.channel()?;
        let queue = self.topology.queue(class);
        let outcome = within("publish", PUBLISH_LIMIT, send(&channel, &queue, &wake.encode()?)).await;
        if !channel.status().connected() {
            self.broken.notify_one();
        }
        match outcome? {
            Confirmation::Ack(None) => Ok(()),
            // Unroutable messages are acknowledged, and returned.
            Confirmation::Ack(Some(_)) => Err(QueueError::Unroutable(queue)),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err(QueueError::Refused),
        }
    }

    fn channel(&self) -> Result<Channel> {
        match &*self.link.borrow() {
            Link::Up(channel) => Ok(channel.clone()),
            Link::Down => Err(QueueError::Disconnected),
            Link::Blocked(reason) => Err(QueueError::Blocked(reason.clone())),
        }
    }
}

async fn send(channel: &Channel, queue: &str, body: &[u8]) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties =
        BasicProperties::default().with_delivery_mode(PERSISTENT).with_content_type("application/vnd.msgpack".into());
    // The default exchange leads to the queue of that name.
    channel.basic_publish("".into(), queue.into(), options, body, properties).await?.await
}

struct Supervisor {
    broker: Broker,
    topology: Topology,
    report: watch::Sender<Link>,
    /// A publish has found its channel closed.
    broken: Arc<Notify>,
}

impl Supervisor {
    async fn run(self) {
        loop {
            let (connection, channel) = self.connect().await;
            info!("the publisher is connected");
            self.watch_over(connection, channel).await;
            self.report.send_replace(Link::Down);
            warn!("the publisher has lost the broker");
        }
    }

    /// As often as it takes.
    async fn connect(&self) -> (Connection, Channel) {
        let mut pauses = pauses("publisher");
        loop {
            match self.open().await {
                Ok(link) => return link,
                Err(error) => pauses.after(&error).await,
            }
        }
    }

    async fn open(&self) -> Result<(Connection, Channel)> {
        let connection = self.broker.connect("publisher").await?;
        let channel = within("open a channel", CALL_LIMIT, connection.create_channel()).await?;
        self.topology.declare(&channel).await?;
        let confirm = channel.confirm_select(ConfirmSelectOptions::default());
        within("ask for confirms", CALL_LIMIT, confirm).await?;
        Ok((connection, channel))
    }

    /// Returns once the connection or the channel is lost.
    async fn watch_over(&self, connection: Connection, channel: Channel) {
        let mut events = Box::pin(connection.events_listener());
        // Events from before there was a listener are lost; the state is not.
        if connection.status().blocked() {
            self.report.send_replace(Link::Blocked("it was short of resources before".to_owned()));
        } else {
            self.report.send_replace(Link::Up(channel.clone()));
        }
        while connection.status().connected() && channel.status().connected() {
            let event = tokio::select! {
                event = events.next() => event,
                () = self.broken.notified() => continue,
            };
            match event {
                None | Some(Event::Error(_)) => return,
                Some(Event::ConnectionBlocked(reason)) => {
                    warn!(reason, "the broker takes no messages");
                    self.report.send_replace(Link::Blocked(reason));
                }
                Some(Event::ConnectionUnblocked) => {
                    info!("the broker takes messages again");
                    self.report.send_replace(Link::Up(channel.clone()));
                }
                Some(_) => {}
            }
        }
    }
}
