//! How a process is: what `/readyz` answers, and health and metrics of a process that serves nothing else.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use pinksync_common::store::{self, Pool};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::app::Metrics;
use crate::serve::{ServeError, serve};

/// How long the database may take before the process is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

const OK: &str = "ok";

/// Whether the queue is reached at the moment.
pub type QueueState = Arc<dyn Fn() -> bool + Send + Sync>;

/// Without what a process cannot do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Database,
    DatabaseAndQueue,
}

/// What a process stands on, as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ok`; from a worker or scheduler `unavailable` where it cannot do its work.
    status: &'static str,
    /// `ok`, or `unreachable`: it does not answer, or lacks the tables that this version works with.
    database: &'static str,
    /// `ok`, or `unreachable`: no message is taken there or comes from it. Sessions are accepted all the same, and begin once
    /// it is back.
    queue: &'static str,
}

/// That a process lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Liveness {
    /// `ok`; a process that does not live does not answer.
    status: &'static str,
}

/// What the health of a process is made of.
#[derive(Clone)]
struct Health {
    pool: Pool,
    metrics: Metrics,
    queue: QueueState,
    needs: Needs,
}

impl Liveness {
    pub fn here() -> Self {
        Self { status: OK }
    }
}

impl Readiness {
    /// Asks the database, for a bounded time.
    pub async fn of(pool: &Pool, reaches_queue: bool, needs: Needs) -> Self {
        let asked = async { store::require_current(&store::client(pool).await?).await };
        let has_database = matches!(tokio::time::timeout(READY_WITHIN, asked).await, Ok(Ok(())));
        let is_ready = has_database && (reaches_queue || needs == Needs::Database);
        let word = |reached| if reached { OK } else { "unreachable" };
        Self {
            status: if is_ready { OK } else { "unavailable" },
            database: word(has_database),
            queue: word(reaches_queue),
        }
    }

    pub fn is_ready(&self) -> bool {
        self.status == OK
    }
}

/// Answers `/livez`, `/readyz` and `/metrics` for as long as it is polled.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve_health(
    listen: SocketAddr,
    pool: Pool,
    metrics: Metrics,
    queue: QueueState,
    needs: Needs,
) -> Result<(), ServeError> {
    let listener = TcpListener::bind(listen).map_err(ServeError::Listen)?;
    let address = listener.local_addr().map_err(ServeError::Listen)?;
    tracing::info!(%address, "health and metrics are served");
    let router = Router::new()
        .route("/livez", get(|| async { Json(Liveness::here()) }))
        .route("/readyz", get(ready))
        .route("/metrics", get(|State(health): State<Health>| async move { exposition(&health.metrics) }))
        .with_state(Health { pool, metrics, queue, needs });
    serve(router, listener, None, CancellationToken::new()).await
}

/// The metrics of this process, in the text format of Prometheus.
pub fn exposition(metrics: &Metrics) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics())
}

async fn ready(State(health): State<Health>) -> (StatusCode, Json<Readiness>) {
    let readiness = Readiness::of(&health.pool, (health.queue)(), health.needs).await;
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}
