//! `pinksync up`: API, scheduler and a worker in one process.

use std::sync::Arc;

use clap::Args;
use pinksync_api::Needs;
use pinksync_common::settings::Role;

use super::start::Process;
use super::{api, health, scheduler, worker};
use crate::exit::Exit;
use crate::failure::Failure;

/// Runs API, scheduler and a worker in one process, against PostgreSQL and RabbitMQ
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pinksync migrate && pinksync up")]
pub struct Up {}

impl Up {
    pub async fn carry_out(self) -> Result<Exit, Failure> {
        let process = Process::start(Role::Up, "pinksync up").await?;
        let scheduler = scheduler::scheduler(&process)?;
        let working = pinksync_worker::Worker::new(worker::deps(&process)?, process.stop.clone());
        let listening = working.readiness();
        let health = health::serve(&process, Arc::new(move || *listening.borrow()), Needs::DatabaseAndQueue);
        let (serving, stop) = (api::serve(&process)?, process.stop.clone());
        let work = async move {
            let scheduling =
                async { pinksync_scheduler::run(scheduler, stop.clone()).await.map_err(scheduler::stopped) };
            let working = async { working.run().await.map_err(worker::stopped) };
            tokio::select! {
                all = async { tokio::try_join!(serving, scheduling, working) } => all.map(|_| ()),
                ended = health => ended,
            }
        };
        process.run(work).await
    }
}
