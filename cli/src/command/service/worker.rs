//! `pinksync worker`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use pinksync_api::Needs;
use pinksync_common::settings::{Role, Settings};
use pinksync_worker::{Deps, Limits};

use super::start::{Process, wrong_settings};
use crate::exit::Exit;
use crate::failure::Failure;

/// Segments of one session in flight at once, over all workers: enough for all of them, and few enough that other sessions
/// get their turn soon.
const WINDOW: usize = 32;
/// A task that takes longer gives way to others at its next checkpoint.
const SLICE: Duration = Duration::from_secs(60);

/// Carries out sessions: any number of workers share them
///
/// Settings come from PINKSYNC_* variables or from the TOML file that PINKSYNC_CONFIG names; docs/operations.md lists them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pinksync worker\n  PINKSYNC_WORKER_PERMITS=8 pinksync worker")]
pub struct Worker {}

impl Worker {
    pub async fn carry_out(self) -> Result<Exit, Failure> {
        let process = Process::start(Role::Worker, "pinksync worker").await?;
        let worker = pinksync_worker::Worker::new(deps(&process)?, process.stop.clone());
        let listening = worker.readiness();
        let health = super::health::serve(&process, Arc::new(move || *listening.borrow()), Needs::DatabaseAndQueue);
        let work = async move {
            tokio::select! {
                ended = worker.run() => ended.map_err(stopped),
                ended = health => ended,
            }
        };
        process.run(work).await
    }
}

pub fn stopped(broken: pinksync_worker::Broken) -> Failure {
    Failure::failed("the worker stopped").because(&broken)
}

/// What a worker stands on.
pub fn deps(process: &Process) -> Result<Deps, Failure> {
    let settings = &process.settings;
    let (broker, topology) = process.queue()?;
    Ok(Deps {
        pool: process.pool.clone(),
        broker,
        topology,
        keys: Arc::new(settings.master_keys().map_err(wrong_settings)?.clone()),
        hosts: settings.access.hosts.clone(),
        file_roots: settings.access.file_roots.clone(),
        limits: limits(settings),
    })
}

fn limits(settings: &Settings) -> Limits {
    let worker = &settings.worker;
    Limits {
        permits: worker.permits,
        segments_at_once: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        window: WINDOW,
        lease: worker.lease,
        heartbeat: worker.heartbeat,
        grace: worker.grace,
        slice: SLICE,
        tasks_per_connection: settings.limits.tasks_per_connection.into(),
        session_cap: settings.limits.sessions_per_account.into(),
    }
}
