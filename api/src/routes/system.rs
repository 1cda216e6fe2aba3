//! How the service is, and its own description.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Shown;
use crate::app::App;
use crate::health::{Liveness, Needs, Readiness, exposition};
use crate::problem::Problem;

/// The page holds its own style and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(openapi_json))
        .routes(routes!(docs))
}

/// Whether the process lives
#[utoipa::path(get, path = "/livez", tag = "system", security(()), responses((status = 200, body = Liveness)))]
async fn livez() -> Json<Liveness> {
    Json(Liveness::here())
}

/// Whether the process can serve
///
/// Its database answers, and has the tables that this version works with. That the queue is away is said, and is no reason
/// to ask another process: what is accepted begins once it is back.
#[utoipa::path(get, path = "/readyz", tag = "system", security(()), responses((status = 200, body = Readiness)))]
async fn readyz(State(app): State<Arc<App>>) -> Shown<Readiness> {
    let readiness = Readiness::of(&app.pool, app.dispatcher.reaches_queue(), Needs::Database).await;
    if readiness.is_ready() {
        Ok(Json(readiness))
    } else {
        Err(Problem::unavailable("the metadata database is not ready"))
    }
}

/// The metrics of this process
#[utoipa::path(get, path = "/metrics", tag = "system", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    exposition(&app.metrics)
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
