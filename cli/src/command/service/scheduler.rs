//! `pinksync scheduler`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use pinksync_api::Needs;
use pinksync_common::backoff;
use pinksync_common::queue::{Inspector, Publisher};
use pinksync_common::settings::Role;
use pinksync_common::store;
use pinksync_scheduler::{CONNECTIONS, Limits};

use super::start::Process;
use crate::exit::Exit;
use crate::failure::Failure;

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Keeps sessions within their limits and starts planned ones; of several schedulers one leads
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pinksync scheduler")]
pub struct Scheduler {}

impl Scheduler {
    pub async fn carry_out(self) -> Result<Exit, Failure> {
        let process = Process::start(Role::Scheduler, "pinksync scheduler").await?;
        let scheduler = scheduler(&process)?;
        let (stop, asked) = (process.stop.clone(), Arc::clone(&scheduler));
        let health = super::health::serve(&process, Arc::new(move || asked.reaches_queue()), Needs::Database);
        let work = async move {
            tokio::select! {
                ended = pinksync_scheduler::run(scheduler, stop) => ended.map_err(stopped),
                ended = health => ended,
            }
        };
        process.run(work).await
    }
}

pub fn stopped(error: pinksync_scheduler::Error) -> Failure {
    Failure::failed("the scheduler stopped").because(&error)
}

/// What the scheduler stands on. Its pool is its own: nobody else may keep it from renewing its lease.
pub fn scheduler(process: &Process) -> Result<Arc<pinksync_scheduler::Scheduler>, Failure> {
    let (broker, topology) = process.queue()?;
    let (database, limits) = (&process.settings.database, &process.settings.limits);
    let limits = Limits {
        sessions_per_account: limits.sessions_per_account.into(),
        session_duration: limits.session,
        pause_duration: limits.pause,
        task_attempts: backoff::MOST_ATTEMPTS,
        journal_kept: Duration::from_secs(u64::from(limits.journal_days) * SECONDS_A_DAY),
        tasks_per_worker: process.settings.scheduler.tasks_per_worker,
    };
    let pool = store::connect(database.url.expose(), database.authority.as_deref(), "pinksync scheduler", CONNECTIONS)
        .map_err(|error| Failure::failed("the metadata database cannot be used").because(&error))?;
    let publisher = Publisher::start(broker.clone(), topology.clone());
    Ok(Arc::new(pinksync_scheduler::Scheduler::new(pool, publisher, Inspector::new(broker, topology), limits)))
}
