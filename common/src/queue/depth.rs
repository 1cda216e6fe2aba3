//! How much waits in the queues. Asked for by the scheduler's gauge, and by whoever looks at the service.

use lapin::options::QueueDeclareOptions;
use lapin::protocol::constants::REPLY_SUCCESS;
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use tokio::sync::{Mutex, MutexGuard};

use super::broker::{CALL_LIMIT, within};
use super::{Broker, Class, Result, Topology};

/// What waits in the queue of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    pub class: Class,
    /// Wake-ups that nobody has been given.
    pub ready: u32,
    /// Subscriptions.
    pub consumers: u32,
}

/// Looks into the queues, on a connection that is made when it is first needed and anew after any failure.
pub struct Inspector {
    broker: Broker,
    topology: Topology,
    connection: Mutex<Option<Connection>>,
}

impl Inspector {
    pub fn new(broker: Broker, topology: Topology) -> Self {
        Self { broker, topology, connection: Mutex::new(None) }
    }

    /// The depth of each class's queue, in the order of `Class::ALL`.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn depths(&self) -> Result<Vec<Depth>> {
        let look = self.look().await?;
        let mut depths = Vec::with_capacity(Class::ALL.len());
        for class in Class::ALL {
            let (ready, consumers) = count(&look.channel, &self.topology.queue(class)).await?;
            depths.push(Depth { class, ready, consumers });
        }
        look.end().await?;
        Ok(depths)
    }

    /// How many dead letters there are.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn dead_count(&self) -> Result<u32> {
        let look = self.look().await?;
        let (ready, _) = count(&look.channel, &self.topology.dead()).await?;
        look.end().await?;
        Ok(ready)
    }

    /// One look at a time.
    async fn look(&self) -> Result<Look<'_>> {
        let mut kept = self.connection.lock().await;
        let connection = match kept.take().filter(|connection| connection.status().connected()) {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let channel = within("open a channel", CALL_LIMIT, connection.create_channel()).await?;
        Ok(Look { kept, connection, channel })
    }

    async fn connect(&self) -> Result<Connection> {
        let connection = self.broker.connect("inspector").await?;
        let channel = within("open a channel", CALL_LIMIT, connection.create_channel()).await?;
        self.topology.declare(&channel).await?;
        Ok(connection)
    }
}

/// A channel for one job. What the job has taken and not settled goes back when it ends.
struct Look<'a> {
    kept: MutexGuard<'a, Option<Connection>>,
    connection: Connection,
    channel: Channel,
}

impl Look<'_> {
    /// After success only, keeps the connection for the next job.
    async fn end(mut self) -> Result<()> {
        within("close a channel", CALL_LIMIT, self.channel.close(REPLY_SUCCESS, "".into())).await?;
        *self.kept = Some(self.connection);
        Ok(())
    }
}

/// Ready messages and consumers.
async fn count(channel: &Channel, queue: &str) -> Result<(u32, u32)> {
    let passive = QueueDeclareOptions::default().passive();
    let look = channel.queue_declare(queue.into(), passive, FieldTable::default());
    let state = within("look at a queue", CALL_LIMIT, look).await?;
    Ok((state.message_count(), state.consumer_count()))
}
