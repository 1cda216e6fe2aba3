//! `pinksync api`

use std::sync::Arc;

use clap::Args;
use pinksync_common::queue::{Inspector, Publisher};
use pinksync_common::settings::Role;

use super::start::Process;
use crate::exit::Exit;
use crate::failure::Failure;

/// Serves the REST API; /docs shows what it can do
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pinksync api\n  PINKSYNC_API_LISTEN=127.0.0.1:9000 pinksync api")]
pub struct Api {}

impl Api {
    pub async fn carry_out(self) -> Result<Exit, Failure> {
        let process = Process::start(Role::Api, "pinksync api").await?;
        let serving = serve(&process)?;
        process.run(serving).await
    }
}

/// Serves until the process is asked to stop.
pub fn serve(process: &Process) -> Result<impl Future<Output = Result<(), Failure>> + use<>, Failure> {
    let (settings, pool, stop) = (process.settings.clone(), process.pool.clone(), process.stop.clone());
    let metrics = Arc::clone(&process.metrics);
    let (broker, topology) = process.queue()?;
    Ok(async move {
        let metrics = Arc::new(move || metrics.render());
        let inspector = Inspector::new(broker.clone(), topology.clone());
        let publisher = Arc::new(Publisher::start(broker, topology));
        let served = pinksync_api::run(&settings, pool, publisher, inspector, metrics, stop).await;
        served.map_err(|error| Failure::failed("the API stopped").because(&error))
    })
}
