//! Health and metrics of a process that serves nothing else.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use pinksync_common::store::{self, Pool};
use tokio_util::sync::CancellationToken;

use crate::app::Metrics;
use crate::serve::{ServeError, serve};

/// How long the database may take before the process is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// Answers `/livez`, `/readyz` and `/metrics` for as long as it is polled.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve_health(listen: SocketAddr, pool: Pool, metrics: Metrics) -> Result<(), ServeError> {
    let listener = TcpListener::bind(listen).map_err(ServeError::Listen)?;
    let router = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(|State((_, metrics)): State<(Pool, Metrics)>| async move { metrics() }))
        .with_state((pool, Arc::clone(&metrics)));
    serve(router, listener, None, CancellationToken::new()).await
}

async fn ready(State((pool, _)): State<(Pool, Metrics)>) -> (StatusCode, &'static str) {
    let asked = async { store::require_current(&pool.get().await?).await };
    match tokio::time::timeout(READY_WITHIN, asked).await {
        Ok(Ok(())) => (StatusCode::OK, "ok"),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the metadata database is not ready"),
    }
}
