//! A channel to the queue of one class, which is subscribed to or asked: what closes it leaves the others alone.

use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use pinksync_model::chain;
use tokio::time::timeout;
use tracing::error;

use super::broker::{CALL_LIMIT, within};
use super::delivery::reject;
use super::{Class, Delivery, QueueError, Result, Topology, Wake};

pub(super) struct Subscription {
    pub class: Class,
    queue: String,
    channel: Channel,
    /// None while it rests.
    pub deliveries: Option<lapin::Consumer>,
}

impl Subscription {
    /// Not subscribed yet.
    pub async fn open(connection: &Connection, topology: &Topology, class: Class, prefetch: u16) -> Result<Self> {
        let channel = within("open a channel", CALL_LIMIT, connection.create_channel()).await?;
        topology.declare(&channel).await?;
        within("limit the prefetch", CALL_LIMIT, channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        Ok(Self { class, queue: topology.queue(class), channel, deliveries: None })
    }

    pub async fn subscribe(&mut self) -> Result<()> {
        let (queue, tag) = (self.queue.as_str().into(), "".into());
        let consume = self.channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default());
        self.deliveries = Some(within("subscribe", CALL_LIMIT, consume).await?);
        Ok(())
    }

    /// The first wake-up that waits. One whose answer is not waited for goes back when the channel is closed.
    pub async fn ask(&self) -> Result<Option<lapin::message::Delivery>> {
        let get = self.channel.basic_get(self.queue.as_str().into(), BasicGetOptions::default());
        Ok(within("ask for a wake-up", CALL_LIMIT, get).await?.map(|message| message.delivery))
    }

    /// What is not understood goes to the dead letters, where somebody can look at it.
    pub async fn read(&self, raw: lapin::message::Delivery) -> Option<Delivery> {
        let (class, redelivered, acker) = (self.class, raw.redelivered, raw.acker);
        match Wake::decode(&raw.data) {
            Ok(wake) => Some(Delivery { wake, class, redelivered, acker, _channel: self.channel.clone() }),
            Err(reason) => {
                error!(%class, bytes = raw.data.len(), reason = chain(&reason), "a wake-up goes to the dead letters");
                if let Err(failure) = reject(&acker, false).await {
                    error!(error = chain(&failure), "it could not be put there and comes again");
                }
                None
            }
        }
    }

    /// Takes nothing more, and hands back what nobody has taken.
    pub async fn rest(&mut self) -> Result<()> {
        let Some(mut deliveries) = self.deliveries.take() else { return Ok(()) };
        let cancel = self.channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default());
        within("end a subscription", CALL_LIMIT, cancel).await?;
        let hand_back = async {
            while let Some(Ok(delivery)) = deliveries.next().await {
                reject(&delivery.acker, true).await?;
            }
            Ok(())
        };
        let late = QueueError::TimedOut { call: "hand back", limit: CALL_LIMIT };
        timeout(CALL_LIMIT, hand_back).await.unwrap_or(Err(late))
    }
}
