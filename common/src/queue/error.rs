//! What can go wrong with the queue. No error holds the broker's URL: it has a password in it.

use std::time::Duration;

pub type Result<T> = std::result::Result<T, QueueError>;

#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("the broker's URL is not one: amqp://USER:PASSWORD@HOST:PORT/VHOST is expected, or amqps://…")]
    Url,
    #[error("a queue prefix is 1 to 64 letters, digits, dots, hyphens or underscores, not {0:?}")]
    Prefix(String),
    #[error("a class of tasks is interactive or bulk, not {0:?}")]
    Class(String),
    #[error("{call}: the broker refused it, or the connection is lost")]
    Broker {
        call: &'static str,
        #[source]
        source: lapin::Error,
    },
    #[error("{call}: the broker did not answer within {limit:?}")]
    TimedOut { call: &'static str, limit: Duration },
    #[error("there is no connection to the broker at the moment")]
    Disconnected,
    #[error("the broker takes no messages at the moment: {0}")]
    Blocked(String),
    #[error("there is no queue {0}")]
    Unroutable(String),
    #[error("the broker could not keep the message")]
    Refused,
    /// The connection that a delivery came by is lost, or it was settled before: the broker gives it out again.
    #[error("the delivery is no longer ours")]
    Lapsed,
    #[error("a message of version {0} is not known here")]
    UnknownVersion(u64),
    #[error("a message is not understood")]
    Unreadable(#[source] rmp_serde::decode::Error),
    #[error("a message cannot be written")]
    Unwritable(#[source] rmp_serde::encode::Error),
}

impl QueueError {
    /// Whether the same may succeed a moment later: the broker restarts, or takes nothing for a while.
    pub fn passes(&self) -> bool {
        match self {
            Self::Broker { .. }
            | Self::TimedOut { .. }
            | Self::Disconnected
            | Self::Blocked(_)
            | Self::Unroutable(_)
            | Self::Refused
            | Self::Lapsed => true,
            Self::Url
            | Self::Prefix(_)
            | Self::Class(_)
            | Self::UnknownVersion(_)
            | Self::Unreadable(_)
            | Self::Unwritable(_) => false,
        }
    }
}
