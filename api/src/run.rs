//! The API as a process: from settings to a served router, until it is told to stop.

use std::net::TcpListener;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use pinksync_common::auth::{KeyStates, Verifier};
use pinksync_common::dispatch::Dispatcher;
use pinksync_common::queue::{Inspector, Publisher};
use pinksync_common::settings::Settings;
use pinksync_common::store::Pool;
use pinksync_model::Mistakes;
use tokio_util::sync::CancellationToken;

use crate::app::{AssemblyError, Metrics, Parts, router};
use crate::limit::RateLimit;
use crate::serve::{ServeError, serve};

/// After this time a request is given up. Longer than any statement on the metadata database may take.
const TIME_LIMIT: Duration = Duration::from_secs(40);

/// The rate limit is one of a second.
const RATE_WINDOW: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Settings(#[from] Mistakes),
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves the API until `stop`. `metrics` gives those of this process in Prometheus' text format.
///
/// # Errors
/// The settings lack a master key, or the address or the certificate cannot be used.
pub async fn run(
    settings: &Settings,
    pool: Pool,
    publisher: Arc<Publisher>,
    inspector: Inspector,
    metrics: Metrics,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let api = &settings.api;
    let listener = TcpListener::bind(api.listen).map_err(ServeError::Listen)?;
    // Port 0 stands for any that is free.
    let address = listener.local_addr().map_err(ServeError::Listen)?;
    let key_states = Arc::new(KeyStates::new(pool.clone()));
    let ended = CancellationToken::new();
    let dispatcher = Dispatcher::start(pool.clone(), publisher, ended.clone());
    let router = router(Parts {
        pool,
        ring: Arc::new(settings.master_keys()?.clone()),
        key_states: key_states.clone(),
        verifier: Arc::new(Verifier::new(api.bcrypt_cost, hashes_at_once())),
        rate_limit: api.rate_limit.map(|requests| RateLimit::new(requests, RATE_WINDOW)),
        body_limit: api.body_limit,
        time_limit: TIME_LIMIT,
        https: api.public_url.starts_with("https:"),
        metrics,
        dispatcher,
        session_cap: settings.limits.sessions_per_account.into(),
        inspector,
        tasks_per_worker: settings.scheduler.tasks_per_worker,
        stopping: stop.clone(),
    })?;
    tracing::info!(%address, "the API listens");
    let fresh = CancellationToken::new();
    let refreshing = tokio::spawn({
        let fresh = fresh.clone();
        async move { key_states.keep_fresh(fresh).await }
    });
    let served = serve(router, listener, api.tls.as_ref(), stop).await;
    fresh.cancel();
    ended.cancel();
    if refreshing.await.is_err() {
        tracing::error!("the state of API keys was not kept fresh to the end");
    }
    Ok(served?)
}

/// Hashing secrets takes processors for long: half of them stay free for requests.
fn hashes_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2)
}
