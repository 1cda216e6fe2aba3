//! Where wake-ups wait: a quorum queue per class, and one for what has died.
//!
//! Redeclaring a queue with other arguments closes the channel, so arguments are few and fixed. What an operator may
//! want to tune is left to policies: `delivery-limit` (only downwards), `max-length`, `overflow`, `message-ttl`,
//! `dead-letter-strategy`, and `consumer-timeout` where the broker knows it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongLongInt};
use lapin::{Channel, ExchangeKind};

use super::broker::within;
use super::{QueueError, Result};

/// What the names of queues begin with where nobody says otherwise.
pub const DEFAULT_PREFIX: &str = "pinksync";

/// How often the broker gives a wake-up out again before it counts as poison. Attempts at a task are counted in
/// PostgreSQL; this only ends a message that kills each consumer. Always positive: brokers differ in what less means.
pub const DELIVERY_LIMIT: u32 = 20;

/// Looking at dead letters gives them back, which brokers may count; nothing dies twice.
const DEAD_DELIVERY_LIMIT: u32 = 1_000_000_000;

/// Longer names would not fit into the broker's short strings.
const PREFIX_BYTES: usize = 64;

/// How long declaring everything may take: a new quorum queue elects a leader first.
const DECLARE_LIMIT: Duration = Duration::from_secs(15);

/// Who waits for a task: a person, or nobody in particular. `class` of `tasks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Interactive,
    Bulk,
}

impl Class {
    /// All classes, the one that is served first in front.
    pub const ALL: [Self; 2] = [Self::Interactive, Self::Bulk];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Class {
    type Err = QueueError;

    fn from_str(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|class| class.as_str() == text);
        known.ok_or_else(|| QueueError::Class(text.to_owned()))
    }
}

/// The names of an installation's queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    prefix: String,
}

impl Topology {
    /// Installations that share a virtual host take a prefix each. Names of queues become atoms of the broker, which
    /// it never forgets: a prefix is for an installation, not for an account.
    ///
    /// # Errors
    /// The prefix is empty, too long, or has characters that names of queues should not have.
    pub fn new(prefix: &str) -> Result<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if prefix.is_empty() || prefix.len() > PREFIX_BYTES || !prefix.bytes().all(fits) {
            return Err(QueueError::Prefix(prefix.to_owned()));
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    /// The queue of a class.
    pub fn queue(&self, class: Class) -> String {
        format!("{}.{class}", self.prefix)
    }

    /// The dead-letter exchange, and the queue of the same name behind it.
    pub fn dead(&self) -> String {
        format!("{}.dead", self.prefix)
    }

    /// Makes what is missing, and leaves what is there.
    ///
    /// # Errors
    /// The broker refuses, because a queue is there with other arguments (the channel is closed then), or does not
    /// answer.
    pub async fn declare(&self, channel: &Channel) -> Result<()> {
        within("declare queues", DECLARE_LIMIT, async {
            self.declare_dead(channel).await?;
            for class in Class::ALL {
                let mut arguments = quorum(DELIVERY_LIMIT);
                arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString(self.dead().into()));
                let name = self.queue(class).into();
                channel.queue_declare(name, QueueDeclareOptions::durable(), arguments).await?;
            }
            Ok(())
        })
        .await
    }

    async fn declare_dead(&self, channel: &Channel) -> lapin::Result<()> {
        let name = self.dead();
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel.exchange_declare(name.clone().into(), ExchangeKind::Fanout, durable, FieldTable::default()).await?;
        let arguments = quorum(DEAD_DELIVERY_LIMIT);
        channel.queue_declare(name.clone().into(), QueueDeclareOptions::durable(), arguments).await?;
        let (queue, exchange) = (name.clone().into(), name.into());
        channel.queue_bind(queue, exchange, "".into(), QueueBindOptions::default(), FieldTable::default()).await
    }
}

fn quorum(delivery_limit: u32) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(LongLongInt::from(delivery_limit)));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_written_and_read_as_the_database_has_it() {
        for class in Class::ALL {
            assert_eq!(class.as_str().parse::<Class>().unwrap(), class);
        }
        assert!(matches!("Bulk".parse::<Class>(), Err(QueueError::Class(_))));
    }

    #[test]
    fn names_follow_the_prefix_and_odd_prefixes_are_refused() {
        let topology = Topology::new(DEFAULT_PREFIX).unwrap();
        assert_eq!(topology.queue(Class::Interactive), "pinksync.interactive");
        assert_eq!(topology.queue(Class::Bulk), "pinksync.bulk");
        assert_eq!(topology.dead(), "pinksync.dead");
        for odd in ["", "a b", "ä", "a/b", &"x".repeat(PREFIX_BYTES + 1)] {
            assert!(matches!(Topology::new(odd), Err(QueueError::Prefix(_))), "{odd:?}");
        }
    }
}
