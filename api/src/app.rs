//! The API put together: what handlers share, and the router with its layers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use pinksync_common::auth::{KeyStates, TokenKeys, Verifier};
use pinksync_common::dispatch::Dispatcher;
use pinksync_common::queue::Inspector;
use pinksync_common::sealing::KeyRing;
use pinksync_common::store::{Client, Pool, StoreError};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;

use crate::access::{Gate, Undeclared, guard};
use crate::follow::Seats;
use crate::limit::RateLimit;
use crate::problem::{Code, Problem};
use crate::{docs, openapi, request_id, routes};

/// Gives the metrics of this process in Prometheus' text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the API is made of.
pub struct Parts {
    pub pool: Pool,
    pub ring: Arc<KeyRing>,
    pub key_states: Arc<KeyStates>,
    pub verifier: Arc<Verifier>,
    /// None: no limit.
    pub rate_limit: Option<RateLimit>,
    /// Largest body that is read, in bytes.
    pub body_limit: usize,
    /// After this time a request is given up.
    pub time_limit: Duration,
    /// Whether clients come by HTTPS, here or at a proxy before it.
    pub https: bool,
    pub metrics: Metrics,
    /// Publishes what handlers have stored.
    pub dispatcher: Dispatcher,
    /// Sessions of an account in progress at once.
    pub session_cap: i64,
    /// Looks into the queues.
    pub inspector: Inspector,
    /// By how many tasks one more worker is desired.
    pub tasks_per_worker: u32,
    /// Answers without an end come to theirs.
    pub stopping: CancellationToken,
}

/// What handlers share.
pub struct App {
    pub pool: Pool,
    pub ring: Arc<KeyRing>,
    pub tokens: TokenKeys,
    pub key_states: Arc<KeyStates>,
    pub verifier: Arc<Verifier>,
    pub rate_limit: Option<RateLimit>,
    pub gate: Gate,
    pub metrics: Metrics,
    pub dispatcher: Dispatcher,
    pub session_cap: i64,
    pub inspector: Inspector,
    pub tasks_per_worker: u32,
    pub stopping: CancellationToken,
    pub seats: Arc<Seats>,
    /// `/openapi.json`.
    pub document: Bytes,
    /// `/docs`.
    pub docs: Bytes,
    time_limit: Duration,
    https: bool,
}

/// A mistake of ours in the description of the routes.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    #[error(transparent)]
    Undeclared(#[from] Undeclared),
    #[error("the OpenAPI document cannot be written")]
    Document(#[from] serde_json::Error),
}

impl App {
    /// A connection to the metadata database.
    ///
    /// # Errors
    /// None can be had in time.
    pub async fn client(&self) -> Result<Client, Problem> {
        Ok(self.pool.get().await.map_err(StoreError::from)?)
    }
}

/// The routes, and their description as it was gathered and as it is served.
fn described() -> Result<(Router<Arc<App>>, OpenApi, Value), AssemblyError> {
    let (routes, mut gathered) = routes::all().split_for_parts();
    openapi::complete(&mut gathered);
    let document = openapi::to_json(&gathered)?;
    Ok((routes, gathered, document))
}

/// The OpenAPI document of the whole API.
///
/// # Errors
/// It cannot be written as JSON.
pub fn document() -> Result<Value, AssemblyError> {
    Ok(described()?.2)
}

/// The whole API as a service.
///
/// # Errors
/// An operation does not declare what it needs.
pub fn router(parts: Parts) -> Result<Router, AssemblyError> {
    let (routes, gathered, document) = described()?;
    let app = Arc::new(App {
        tokens: TokenKeys::new(&parts.ring),
        gate: Gate::of_document(&gathered)?,
        document: serde_json::to_vec(&document)?.into(),
        docs: docs::page(&document).into(),
        pool: parts.pool,
        ring: parts.ring,
        key_states: parts.key_states,
        verifier: parts.verifier,
        rate_limit: parts.rate_limit,
        metrics: parts.metrics,
        dispatcher: parts.dispatcher,
        session_cap: parts.session_cap,
        inspector: parts.inspector,
        tasks_per_worker: parts.tasks_per_worker,
        stopping: parts.stopping,
        seats: Arc::default(),
        time_limit: parts.time_limit,
        https: parts.https,
    });
    Ok(routes
        .fallback(nothing_here)
        .layer(from_fn_with_state(app.clone(), guard))
        .layer(DefaultBodyLimit::max(parts.body_limit))
        .layer(from_fn_with_state(app.clone(), in_time))
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(from_fn_with_state(app.clone(), over_https))
        .layer(from_fn(request_id::answer))
        .with_state(app))
}

async fn nothing_here() -> Problem {
    Problem::new(Code::NotFound, "there is nothing at this address; /docs lists what there is")
}

/// What was said in the panic stays in the log, where the hook of panics has put it.
fn panicked() -> Response {
    Problem::internal(&std::io::Error::other("a handler panicked")).into_response()
}

async fn in_time(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let detail = "the request was given up; whether it took effect is not known";
    match tokio::time::timeout(app.time_limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::TimedOut, detail).retry_after(1).into_response(),
    }
}

/// Browsers that came by HTTPS once are asked never to come without.
async fn over_https(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if app.https {
        let a_year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(axum::http::header::STRICT_TRANSPORT_SECURITY, a_year);
    }
    response
}
