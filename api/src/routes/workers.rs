//! The workers that are alive.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pinksync_common::ids::WorkerId;
use pinksync_common::store::workers::{self, Worker};
use pinksync_common::time::Utc;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Shown;
use crate::app::App;

#[derive(Debug, Serialize, ToSchema)]
struct Workers {
    /// Those that were heard of lately, the oldest first.
    data: Vec<WorkerView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct WorkerView {
    #[schema(value_type = Uuid)]
    id: WorkerId,
    host: String,
    pid: i32,
    version: String,
    /// Tasks that it takes at once.
    permits: i32,
    /// Tasks that it has at work.
    running: i32,
    /// It takes no more tasks, and ends those at work.
    stopping: bool,
    #[schema(value_type = String, format = DateTime)]
    started_at: Utc,
    #[schema(value_type = String, format = DateTime)]
    seen_at: Utc,
}

impl From<(Worker, Utc, Utc)> for WorkerView {
    fn from((worker, started_at, seen_at): (Worker, Utc, Utc)) -> Self {
        let Worker { id, host, pid, version, permits, running, stopping } = worker;
        Self { id, host, pid, version, permits, running, stopping, started_at, seen_at }
    }
}

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List the workers that are alive
///
/// Workers serve all accounts.
#[utoipa::path(get, path = "/v1/workers", tag = "system", operation_id = "list_workers",
    security(("token" = ["admin"])), responses((status = 200, body = Workers)))]
async fn list(State(app): State<Arc<App>>) -> Shown<Workers> {
    let alive = workers::alive(&app.client().await?).await?;
    Ok(Json(Workers { data: alive.into_iter().map(WorkerView::from).collect() }))
}
