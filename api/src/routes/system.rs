//! How the service is, and its own description.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use pinksync_common::store;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Shown;
use crate::app::App;
use crate::problem::Problem;

/// How long the database may take before this process is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// The page holds its own style and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`; anything else is a problem.
    status: &'static str,
}

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(openapi_json))
        .routes(routes!(docs))
}

/// Whether the process lives
#[utoipa::path(get, path = "/livez", tag = "system", security(()), responses((status = 200, body = Health)))]
async fn livez() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether the process can serve
///
/// Its database answers, and has the tables that this version works with.
#[utoipa::path(get, path = "/readyz", tag = "system", security(()), responses((status = 200, body = Health)))]
async fn readyz(State(app): State<Arc<App>>) -> Shown<Health> {
    let asked = async {
        let client = app.client().await?;
        Ok::<_, Problem>(store::require_current(&client).await?)
    };
    match tokio::time::timeout(READY_WITHIN, asked).await {
        Ok(Ok(())) => Ok(Json(Health { status: "ok" })),
        Ok(Err(_)) => Err(Problem::unavailable("the metadata database is not ready")),
        Err(_) => Err(Problem::unavailable("the metadata database does not answer")),
    }
}

/// The metrics of this process
#[utoipa::path(get, path = "/metrics", tag = "system", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (app.metrics)())
}

/// This description
#[utoipa::path(get, path = "/openapi.json", tag = "system", security(()),
    responses((status = 200, content_type = "application/json", body = serde_json::Value)))]
async fn openapi_json(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], app.document.clone())
}

/// This description for people
#[utoipa::path(get, path = "/docs", tag = "system", security(()),
    responses((status = 200, body = String, content_type = "text/html")))]
async fn docs(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, PAGE_POLICY)], app.docs.clone())
}
