//! The queue: wake-ups for workers on RabbitMQ. PostgreSQL stays the truth; a message that is lost costs a delay.
//!
//! `message` is what travels, `topology` where it waits, `publisher` and `consumer` keep a connection each alive, and
//! `depth` looks at what waits and what has died.

mod broker;
mod consumer;
mod delivery;
mod depth;
mod error;
mod message;
mod publisher;
mod subscription;
mod topology;

pub use broker::Broker;
pub use consumer::Consumer;
pub use delivery::Delivery;
pub use depth::{Depth, Inspector};
pub use error::{QueueError, Result};
pub use message::Wake;
pub use publisher::Publisher;
pub use topology::{Class, DEFAULT_PREFIX, DELIVERY_LIMIT, Topology};
