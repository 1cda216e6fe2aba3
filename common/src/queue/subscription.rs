//! A subscription to the queue of one class, on a channel of its own: what closes it leaves the others alone.

use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use tokio::time::timeout;
use tracing::error;

use super::broker::{CALL_LIMIT, within};
use super::delivery::reject;
use super::error::chain;
use super::{Class, Delivery, QueueError, Result, Topology, Wake};

pub(super) struct Subscription {
    pub class: Class,
    channel: Channel,
    pub deliveries: lapin::Consumer,
}

impl Subscription {
    pub async fn open(connection: &Connection, topology: &Topology, class: Class, prefetch: u16) -> Result<Self> {
        let channel = within("open a channel", CALL_LIMIT, connection.create_channel()).await?;
        topology.declare(&channel).await?;
        within("limit the prefetch", CALL_LIMIT, channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let (queue, tag) = (topology.queue(class).into(), "".into());
        let consume = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default());
        let deliveries = within("subscribe", CALL_LIMIT, consume).await?;
        Ok(Self { class, channel, deliveries })
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
    pub async fn end(mut self) -> Result<()> {
        let cancel = self.channel.basic_cancel(self.deliveries.tag(), BasicCancelOptions::default());
        within("end a subscription", CALL_LIMIT, cancel).await?;
        let hand_back = async {
            while let Some(Ok(delivery)) = self.deliveries.next().await {
                reject(&delivery.acker, true).await?;
            }
            Ok(())
        };
        let late = QueueError::TimedOut { call: "hand back", limit: CALL_LIMIT };
        timeout(CALL_LIMIT, hand_back).await.unwrap_or(Err(late))
    }
}
