//! What everything in a worker shares.

use std::sync::Arc;
use std::time::Duration;

use pinksync_common::definition::HostPolicy;
use pinksync_common::dispatch::Dispatcher;
use pinksync_common::ids::WorkerId;
use pinksync_common::sealing::KeyRing;
use pinksync_common::store::Pool;
use tokio_util::sync::CancellationToken;

use crate::lease::Leases;
use crate::systems::Systems;

/// How a worker goes about its work.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Tasks at once.
    pub permits: usize,
    /// Segments that one task works on at once, where it does not share them.
    pub segments_at_once: usize,
    /// Segments of one session in flight at once, over all workers.
    pub window: usize,
    pub lease: Duration,
    pub heartbeat: Duration,
    /// How long work may go on after the worker was asked to stop.
    pub grace: Duration,
    /// A task that takes longer gives way to others at its next checkpoint.
    pub slice: Duration,
    /// Tasks at once on a connection that names no limit itself.
    pub tasks_per_connection: i64,
    /// Sessions of an account in progress at once.
    pub session_cap: i64,
}

/// Everything a task needs.
pub struct Service {
    pub id: WorkerId,
    pub pool: Pool,
    pub keys: Arc<KeyRing>,
    pub hosts: HostPolicy,
    pub file_roots: Vec<std::path::PathBuf>,
    pub dispatcher: Dispatcher,
    pub limits: Limits,
    pub leases: Leases,
    pub systems: Systems,
    /// No task is taken any more; those at work end at their next checkpoint.
    pub stopping: CancellationToken,
}
