//! A permit first, then a delivery; the task is claimed in the database, and the message acknowledged: from then on its
//! lease carries it.

use std::sync::Arc;
use std::time::Duration;

use pinksync_common::queue::{Consumer, Delivery};
use pinksync_common::store::tasks::{self, Claim, Claimed};
use pinksync_common::store::{Result, StoreError};
use pinksync_model::chain;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::execute;
use crate::lease::Lease;
use crate::service::Service;

/// How long to leave the database alone that does not let a task be claimed.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the database may take to let a task be claimed.
const CLAIM_LIMIT: Duration = Duration::from_secs(15);

/// Takes and carries out tasks until the service is stopping, and waits for those at work.
pub async fn run(service: Arc<Service>, mut consumer: Consumer) {
    let permits = Arc::new(Semaphore::new(service.limits.permits));
    let tracker = TaskTracker::new();
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Some(delivery) = consumer.next().await else { break };
        let Some(taken) = take(&service, &delivery).await else {
            hand_back(delivery).await;
            break;
        };
        if let Some((claimed, lease)) = taken {
            let service = Arc::clone(&service);
            tracker.spawn(async move {
                execute::run(&service, *claimed, &lease).await;
                service.leases.remove(lease.task);
                drop(permit);
            });
            // Before the acknowledgement, which the broker answers with the next delivery.
            if permits.available_permits() == 0 {
                consumer.rest().await;
            }
        }
        acknowledge(delivery).await;
    }
    consumer.rest().await;
    tracker.close();
    tracker.wait().await;
}

async fn hand_back(delivery: Delivery) {
    if let Err(error) = delivery.hand_back().await {
        tracing::debug!(error = chain(&error), "a delivery was not handed back");
    }
}

/// What was not acknowledged comes again, and is found to be taken.
async fn acknowledge(delivery: Delivery) {
    if let Err(error) = delivery.ack().await {
        tracing::debug!(error = chain(&error), "a delivery was not acknowledged");
    }
}

/// What a delivery led to: a task, or nothing (to be done now).
type Taken = Option<(Box<Claimed>, Arc<Lease>)>;

/// Claims the task of a delivery, as often as it takes: the broker would count a delivery that is handed back, and put it
/// to the dead letters after some. `None`: the service is stopping.
async fn take(service: &Service, delivery: &Delivery) -> Option<Taken> {
    loop {
        let error = match tokio::time::timeout(CLAIM_LIMIT, claim(service, delivery)).await {
            Ok(Ok(taken)) => return Some(taken),
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("the database has not answered for {CLAIM_LIMIT:?}"),
        };
        tracing::warn!(error, "a task could not be claimed");
        service.stopping.run_until_cancelled(tokio::time::sleep(PAUSE)).await?;
    }
}

async fn claim(service: &Service, delivery: &Delivery) -> Result<Taken> {
    let task = delivery.wake.task;
    if service.leases.has(task) {
        return Ok(None);
    }
    let deadline = service.leases.deadline();
    let mut client = service.pool.get().await?;
    let transaction = client.transaction().await?;
    let limits = &service.limits;
    let claim = tasks::claim(&transaction, task, service.id, limits.lease, limits.tasks_per_connection).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    let Claim::Taken(claimed) = claim else { return Ok(None) };
    let lease = service.leases.add(task, claimed.generation, deadline);
    // Whoever asked all work to stop may have done so before this lease was there.
    if service.stopping.is_cancelled() {
        lease.stop.request();
    }
    Ok(Some((claimed, lease)))
}
