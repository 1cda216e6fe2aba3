//! A worker from its start to its end.

use std::path::PathBuf;
use std::sync::Arc;

use metrics::gauge;
use pinksync_common::definition::HostPolicy;
use pinksync_common::dispatch::Dispatcher;
use pinksync_common::ids::WorkerId;
use pinksync_common::queue::{Broker, Class, Consumer, Publisher, Topology};
use pinksync_common::sealing::KeyRing;
use pinksync_common::store::workers;
use pinksync_common::store::{Pool, StoreError};
use pinksync_common::telemetry::names;
use pinksync_model::chain;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::consume;
use crate::lease::Leases;
use crate::service::{Limits, Service};
use crate::systems::Systems;

/// What a worker stands on.
pub struct Deps {
    pub pool: Pool,
    pub broker: Broker,
    pub topology: Topology,
    pub keys: Arc<KeyRing>,
    pub hosts: HostPolicy,
    pub file_roots: Vec<PathBuf>,
    pub limits: Limits,
}

/// A worker that has not begun.
pub struct Worker {
    service: Arc<Service>,
    consumer: Consumer,
    /// Ends what must outlive the last task.
    ended: CancellationToken,
}

impl Worker {
    /// Connects in the background; takes nothing before it runs.
    pub fn new(deps: Deps, shutdown: CancellationToken) -> Self {
        let id = WorkerId::new();
        let ended = CancellationToken::new();
        let publisher = Arc::new(Publisher::start(deps.broker.clone(), deps.topology.clone()));
        let dispatcher = Dispatcher::start(deps.pool.clone(), publisher, ended.clone());
        let leases = Leases::new(id, deps.limits.lease);
        let service = Arc::new(Service {
            id,
            pool: deps.pool,
            keys: deps.keys,
            hosts: deps.hosts,
            file_roots: deps.file_roots,
            dispatcher,
            limits: deps.limits,
            leases,
            systems: Systems::default(),
            stopping: shutdown.clone(),
        });
        let classes = [Class::Interactive, Class::Bulk];
        Self { service, consumer: Consumer::start(deps.broker, deps.topology, &classes, 1, shutdown), ended }
    }

    /// True while tasks are heard of.
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.consumer.readiness()
    }

    /// Works until `shutdown`, then lets tasks come to their next checkpoint, at most for the grace period.
    ///
    /// # Errors
    /// A part of the worker broke off.
    pub async fn run(self) -> Result<(), Broken> {
        let Self { service, consumer, ended } = self;
        tracing::info!(worker = %service.id, permits = service.limits.permits, "ready for tasks");
        let beating = tokio::spawn(beat(Arc::clone(&service), ended.clone()));
        let present = tokio::spawn(stay_present(Arc::clone(&service), ended.clone()));
        let mut taking = tokio::spawn(consume::run(Arc::clone(&service), consumer));
        let working = async {
            let done = tokio::select! {
                done = &mut taking => done,
                () = grace_is_over(&service) => Ok(()),
            };
            ended.cancel();
            done
        };
        let done = tokio::try_join!(working, beating, present);
        ended.cancel();
        done.map(|_| ()).map_err(Broken)
    }
}

/// A part of the worker broke off, by a mistake in it. Its tasks go to others when their leases run out.
#[derive(Debug, thiserror::Error)]
#[error("a part of the worker broke off")]
pub struct Broken(#[source] JoinError);

/// Some time after the worker was asked to stop; tasks are told at once.
async fn grace_is_over(service: &Service) {
    service.stopping.cancelled().await;
    tracing::info!(worker = %service.id, running = service.leases.len(), "stopping");
    service.leases.stop_all();
    tokio::time::sleep(service.limits.grace).await;
    tracing::warn!(running = service.leases.len(), "tasks did not end in time; their leases run out");
}

async fn beat(service: Arc<Service>, ended: CancellationToken) {
    service.leases.keep(&service.pool, service.limits.heartbeat, ended).await;
}

async fn stay_present(service: Arc<Service>, ended: CancellationToken) {
    let mut ticks = tokio::time::interval(workers::SEEN_EVERY);
    loop {
        tokio::select! {
            () = ended.cancelled() => break,
            _ = ticks.tick() => {}
        }
        service.systems.close_idle();
        if let Err(error) = say_present(&service).await {
            tracing::debug!(error = chain(&error), "the worker's presence is not noted");
        }
    }
    let gone = async { workers::gone(&service.pool.get().await?, service.id).await };
    if let Err(error) = gone.await {
        tracing::debug!(error = chain(&error), "the worker's end is not noted");
    }
}

async fn say_present(service: &Service) -> Result<(), StoreError> {
    gauge!(names::WORKER_PERMITS).set(service.limits.permits as f64);
    gauge!(names::WORKER_BUSY).set(service.leases.len() as f64);
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let worker = workers::Worker {
        id: service.id,
        host: host(),
        pid: i32::try_from(std::process::id()).unwrap_or(0),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        permits: count(service.limits.permits),
        running: count(service.leases.len()),
        stopping: service.stopping.is_cancelled(),
    };
    workers::seen(&service.pool.get().await?, &worker).await
}

fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname");
    named.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}
