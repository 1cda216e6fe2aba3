//! Publishes what a transaction has stored, right after its commit, and notes what the broker has confirmed. What is lost
//! on the way, the scheduler's relay publishes a little later.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use pinksync_model::chain;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::ids::TaskId;
use crate::queue::{Publisher, Wake};
use crate::store::tasks::{self, ToPublish};
use crate::store::{Pool, Result};

/// Wake-ups that wait here; more are left to the relay.
const WAITING: usize = 10_000;
/// Wake-ups published and noted together.
const BATCH: usize = 256;

/// Takes wake-ups from any number of callers, who do not wait.
#[derive(Clone)]
pub struct Dispatcher {
    wakes: mpsc::Sender<ToPublish>,
    publisher: Arc<Publisher>,
}

impl Dispatcher {
    /// Runs until `ended`, and then until what waits is published.
    pub fn start(pool: Pool, publisher: Arc<Publisher>, ended: CancellationToken) -> Self {
        let (wakes, mut receive) = mpsc::channel(WAITING);
        let dispatcher = Self { wakes, publisher: Arc::clone(&publisher) };
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            loop {
                let received = tokio::select! {
                    received = receive.recv_many(&mut batch, BATCH) => received,
                    () = ended.cancelled(), if !receive.is_closed() => {
                        receive.close();
                        continue;
                    }
                };
                if received == 0 {
                    return;
                }
                if let Err(error) = publish(&pool, &publisher, &batch).await {
                    tracing::debug!(
                        error = chain(&error),
                        "published wake-ups are not noted as such; the relay repeats them"
                    );
                }
                batch.clear();
            }
        });
        dispatcher
    }

    /// Whether the broker takes messages at the moment.
    pub fn reaches_queue(&self) -> bool {
        self.publisher.is_ready()
    }

    pub fn dispatch(&self, wakes: impl IntoIterator<Item = ToPublish>) {
        for wake in wakes {
            if self.wakes.try_send(wake).is_err() {
                tracing::debug!(task = %wake.task, "too many wake-ups wait; the relay publishes it");
            }
        }
    }
}

/// Publishes wake-ups at once and notes those that were confirmed. Gives how many were.
pub async fn publish(pool: &Pool, publisher: &Publisher, wakes: &[ToPublish]) -> Result<usize> {
    let began = Instant::now();
    let confirmed = send(publisher, wakes).await;
    if !confirmed.is_empty() {
        let client = pool.get().await?;
        tasks::published(&client, &confirmed, began.elapsed()).await?;
    }
    Ok(confirmed.len())
}

/// Publishes wake-ups at once. Gives those that the broker has confirmed, which are to be noted.
pub async fn send(publisher: &Publisher, wakes: &[ToPublish]) -> Vec<TaskId> {
    // A function and not a closure: the compiler sees that its future may be sent between threads.
    let sent = wakes.iter().map(|wake| send_one(publisher, *wake));
    join_all(sent).await.into_iter().flatten().collect()
}

async fn send_one(publisher: &Publisher, to: ToPublish) -> Option<TaskId> {
    let wake = Wake { task: to.task, trace: None };
    match publisher.publish(to.class, &wake).await {
        Ok(()) => Some(to.task),
        Err(error) => {
            tracing::debug!(task = %to.task, error = chain(&error), "a wake-up was not published");
            None
        }
    }
}
