//! The way to the broker: its URL, connections, a time-out around every call, and how often to try again.

use std::fmt;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use pinksync_model::chain;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::{QueueError, Result};

/// How long the broker may take to answer a call.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(5);

/// How long it may take until a connection is open: name, TCP, TLS, password, virtual host.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A connection that has been silent for twice as long is lost.
const HEARTBEAT_SECONDS: u16 = 10;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// Where the broker is, and who we are there. Shown without the password.
#[derive(Clone)]
pub struct Broker {
    uri: AMQPUri,
}

impl fmt::Debug for Broker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.uri.authority;
        let (scheme, host, port, vhost) = (&self.uri.scheme, &authority.host, authority.port, &self.uri.vhost);
        write!(out, "Broker({scheme}://{host}:{port}, vhost {vhost:?})")
    }
}

impl Broker {
    /// `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://…`; the virtual host `/` is `%2f`. Connects nothing yet.
    ///
    /// # Errors
    /// It is no such URL.
    pub fn new(url: &str) -> Result<Self> {
        // What the parser says may repeat the URL, and with it the password.
        let mut uri: AMQPUri = url.parse().map_err(|_| QueueError::Url)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        Ok(Self { uri })
    }

    /// A connection that the broker shows as `pinksync ROLE`. It does not mend itself: whoever has it makes a new one.
    pub(super) async fn connect(&self, role: &str) -> Result<Connection> {
        let properties = ConnectionProperties::default().with_connection_name(format!("pinksync {role}").into());
        within("connect", CONNECT_LIMIT, Connection::connect_uri(self.uri.clone(), properties)).await
    }
}

/// lapin has no time-outs of its own.
pub(super) async fn within<T>(
    call: &'static str,
    limit: Duration,
    answer: impl Future<Output = lapin::Result<T>>,
) -> Result<T> {
    match timeout(limit, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(QueueError::Broker { call, source }),
        Err(_) => Err(QueueError::TimedOut { call, limit }),
    }
}

/// The pauses between attempts to connect: they grow, and a random part of each is waited (full jitter), so that the
/// clients of a broker that comes back do not all come at once.
pub(super) struct Pauses {
    role: &'static str,
    longest: Box<dyn Iterator<Item = Duration> + Send>,
}

pub(super) fn pauses(role: &'static str) -> Pauses {
    Pauses { role, longest: Box::new(delays()) }
}

impl Pauses {
    pub async fn after(&mut self, error: &QueueError) {
        warn!(role = self.role, error = chain(error), "not connected to the broker");
        self.next().await;
    }

    pub async fn next(&mut self) {
        let longest = self.longest.next().unwrap_or(LONGEST_DELAY);
        sleep(longest.mul_f64(rand::random())).await;
    }
}

fn delays() -> impl Iterator<Item = Duration> {
    let growing = ExponentialBuilder::new().with_min_delay(FIRST_DELAY).with_max_delay(LONGEST_DELAY);
    growing.without_max_times().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_broker_nor_the_error_of_a_wrong_url_shows_the_password() {
        let broker = Broker::new("amqps://pink:geheim@mq.example:5671/%2f").unwrap();
        assert_eq!(format!("{broker:?}"), r#"Broker(amqps://mq.example:5671, vhost "/")"#);
        for wrong in ["amqp:geheim", "http://pink:geheim@mq.example", "amqp://pink:geheim@mq.example:port", "geheim"] {
            let error = Broker::new(wrong).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("geheim"), "{wrong}");
        }
    }

    #[test]
    fn delays_grow_up_to_a_bound_and_never_end() {
        let delays: Vec<_> = delays().take(1000).collect();
        assert_eq!(delays[0], FIRST_DELAY);
        assert!(delays.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(*delays.last().unwrap(), LONGEST_DELAY);
    }
}
