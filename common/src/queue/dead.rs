//! Dead letters: what could not be understood, what a worker has given up, and what was given out too often.

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::types::AMQPValue;

use super::broker::{CALL_LIMIT, within};
use super::{Inspector, Result, Wake};

/// A message in the dead-letter queue.
#[derive(Debug)]
pub struct DeadLetter {
    /// What it said, or why it is not understood.
    pub wake: Result<Wake>,
    /// The queue in which it died.
    pub queue: Option<String>,
    /// Why it died, in the broker's words: `rejected`, `delivery_limit`, `expired`, `maxlen`.
    pub reason: Option<String>,
    pub body: Vec<u8>,
}

impl Inspector {
    /// Up to `most` dead letters, the oldest first. They stay where they are.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn dead_letters(&self, most: usize) -> Result<Vec<DeadLetter>> {
        self.read_dead(most, false).await
    }

    /// Removes up to `most` dead letters, the oldest first, and returns them.
    ///
    /// # Errors
    /// The broker does not answer; those that were removed before are lost then, and their tasks stand in PostgreSQL.
    pub async fn drain_dead_letters(&self, most: usize) -> Result<Vec<DeadLetter>> {
        self.read_dead(most, true).await
    }

    async fn read_dead(&self, most: usize, remove: bool) -> Result<Vec<DeadLetter>> {
        let look = self.look().await?;
        let mut letters = Vec::new();
        while letters.len() < most {
            let get = look.channel.basic_get(self.topology.dead().into(), BasicGetOptions::default());
            let Some(message) = within("read a dead letter", CALL_LIMIT, get).await? else { break };
            if remove {
                let ack = message.acker.ack(BasicAckOptions::default());
                within("remove a dead letter", CALL_LIMIT, ack).await?;
            }
            letters.push(DeadLetter::of(message.delivery));
        }
        look.end().await?;
        Ok(letters)
    }
}

impl DeadLetter {
    fn of(delivery: Delivery) -> Self {
        let header = |name: &str| match delivery.properties.headers().as_ref()?.inner().get(name)? {
            AMQPValue::LongString(text) => Some(text.to_string()),
            _ => None,
        };
        let (queue, reason) = (header("x-first-death-queue"), header("x-first-death-reason"));
        Self { wake: Wake::decode(&delivery.data), queue, reason, body: delivery.data }
    }
}
