//! How much there is to do, for all accounts together.

mod dead_letters;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use pinksync_common::queue::{Class, Depth};
use pinksync_common::store::load;
use pinksync_model::chain;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Shown;
use crate::app::App;

/// How long the broker may take to say what waits in its queues.
const BROKER_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize, ToSchema)]
struct QueueView {
    classes: Vec<ClassView>,
    /// Tasks whose wake-up the broker has not confirmed yet.
    unpublished: i64,
    /// Tasks that failed for good and wait for a person.
    parked: i64,
    /// Workers that take tasks.
    workers: i64,
    /// Workers that ready and running tasks would keep busy.
    desired_workers: u64,
    /// Whether the broker answers; what it says is null otherwise.
    broker_answers: bool,
}

/// What there is to do in a class of tasks.
#[derive(Debug, Serialize, ToSchema)]
struct ClassView {
    /// `interactive`, where somebody waits, or `bulk`.
    class: &'static str,
    /// Tasks that could be begun now.
    ready: i64,
    running: i64,
    /// For how long the oldest ready one could have been begun.
    oldest_seconds: f64,
    /// Wake-ups that wait at the broker.
    waiting_in_broker: Option<u32>,
    /// Subscriptions at the broker.
    consumers: Option<u32>,
}

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(queue)).routes(routes!(dead_letters::list)).routes(routes!(dead_letters::retry))
}

/// Tell how much there is to do
///
/// Of all accounts together.
#[utoipa::path(get, path = "/v1/queue", tag = "system", operation_id = "get_queue", security(("token" = ["admin"])),
    responses((status = 200, body = QueueView)))]
async fn queue(State(app): State<Arc<App>>) -> Shown<QueueView> {
    let load = load::load(&app.client().await?).await?;
    let depths: Option<Vec<Depth>> = match tokio::time::timeout(BROKER_WITHIN, app.inspector.depths()).await {
        Ok(Ok(depths)) => Some(depths),
        Ok(Err(error)) => {
            tracing::warn!(error = chain(&error), "the broker does not say what waits");
            None
        }
        Err(_) => None,
    };
    let class = |class: Class| {
        let (tasks, depth) = (load.of(class), depths.iter().flatten().find(|depth| depth.class == class));
        ClassView {
            class: class.as_str(),
            ready: tasks.ready,
            running: tasks.running,
            oldest_seconds: tasks.oldest_seconds,
            waiting_in_broker: depth.map(|depth| depth.ready),
            consumers: depth.map(|depth| depth.consumers),
        }
    };
    Ok(Json(QueueView {
        classes: Class::ALL.map(class).into(),
        unpublished: load.unpublished,
        parked: load.parked,
        workers: load.workers,
        desired_workers: load.desired_workers(app.tasks_per_worker),
        broker_answers: depths.is_some(),
    }))
}
