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

/// How long to leave the queue alone where the database does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes and carries out tasks until the service is stopping, and waits for those at work.
pub async fn run(service: Arc<Service>, mut consumer: Consumer) {
    let permits = Arc::new(Semaphore::new(service.limits.permits));
    let tracker = TaskTracker::new();
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Some(delivery) = consumer.next().await else { break };
        match take(&service, &delivery).await {
            Ok(taken) => {
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
            Err(error) => {
                tracing::warn!(error = chain(&error), "a task could not be claimed");
                hand_back(delivery).await;
                service.stopping.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
    }
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

/// Claims the task of a delivery. `None`: there is nothing to do, or not now.
async fn take(service: &Service, delivery: &Delivery) -> Result<Option<(Box<Claimed>, Arc<Lease>)>> {
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
    match claim {
        Claim::Taken(claimed) => {
            let lease = service.leases.add(task, claimed.generation, deadline);
            Ok(Some((claimed, lease)))
        }
        Claim::Nothing | Claim::Later => Ok(None),
    }
}
