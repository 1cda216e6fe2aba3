//! What every process of the service does at its start and its end.

use std::future::Future;
use std::sync::Arc;

use pinksync_common::queue::{Broker, Topology};
use pinksync_common::settings::{Role, Settings};
use pinksync_common::shutdown::{Ended, Signals};
use pinksync_common::store::{self, Pool};
use pinksync_common::telemetry::{self, Metrics};
use pinksync_model::Mistakes;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::failure::Failure;

/// The settings of a process.
pub fn settings(role: Role) -> Result<Settings, Failure> {
    Settings::from_environment(role).map_err(wrong_settings)
}

pub fn wrong_settings(mistakes: Mistakes) -> Failure {
    Failure::usage("the settings cannot be used").with_mistakes(mistakes)
}

/// What to do where the metadata database is not as it should be.
pub const DATABASE_HELP: &str = "check PINKSYNC_DATABASE_URL, and run `pinksync migrate` if the database is new";

/// The pool of the metadata database; nothing is connected yet.
pub fn pool(settings: &Settings, application: &str) -> Result<Pool, Failure> {
    let database = &settings.database;
    store::connect(database.url.expose(), database.authority.as_deref(), application, database.pool)
        .map_err(|error| Failure::failed("the metadata database cannot be used").because(&error))
}

/// A process that serves: its database is of this version's shape, its logs and metrics are on.
pub struct Process {
    pub settings: Settings,
    pub pool: Pool,
    pub metrics: Arc<Metrics>,
    pub stop: CancellationToken,
    signals: Signals,
}

impl Process {
    pub async fn start(role: Role, application: &str) -> Result<Self, Failure> {
        let settings = settings(role)?;
        let failed = |what: &str, error: &(dyn std::error::Error + 'static)| Failure::failed(what).because(error);
        telemetry::start_log(&settings.log).map_err(|error| failed("the log cannot be started", &error))?;
        let metrics = Metrics::start().map_err(|error| failed("metrics cannot be started", &error))?;
        let signals = Signals::catch().map_err(|error| failed("signals cannot be caught", &error))?;
        let pool = pool(&settings, application)?;
        let checked = async { store::require_current(&pool.get().await?).await };
        checked.await.map_err(|error| failed("the metadata database cannot be used", &error).help(DATABASE_HELP))?;
        let metrics = Arc::new(metrics);
        let stop = CancellationToken::new();
        let (keeping, kept) = (Arc::clone(&metrics), stop.clone());
        tokio::spawn(async move { keeping.keep_up(kept).await });
        Ok(Self { settings, pool, metrics, stop, signals })
    }

    /// The broker, and the names of its queues.
    pub fn queue(&self) -> Result<(Broker, Topology), Failure> {
        let url = self.settings.amqp_url().map_err(wrong_settings)?;
        let failed = |error| Failure::failed("the broker cannot be used").because(&error);
        let broker = Broker::new(url.expose()).map_err(failed)?;
        Ok((broker, Topology::new(&self.settings.queue.prefix).map_err(failed)?))
    }

    /// Runs until the work has ended, by itself or since a signal asked for it.
    pub async fn run(self, work: impl Future<Output = Result<(), Failure>>) -> Result<Exit, Failure> {
        match self.signals.run(self.stop, work).await {
            Ended::Done(done) => done.map(|()| Exit::Done),
            Ended::Dropped => Ok(Exit::Interrupted),
        }
    }
}
