//! Whether a session of a saved sync could begin, as only a worker can tell.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use pinksync_common::ids::SyncId;
use pinksync_common::request;
use pinksync_common::store::syncs;
use pinksync_common::store::tasks::TaskKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::missing;
use crate::access::Caller;
use crate::answer::Shown;
use crate::app::App;
use crate::ask::{Question, Reply, ask};
use crate::input::PathOf;
use crate::problem::{Problem, ProblemError};

/// Both systems are looked at.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Looked {
    valid: bool,
    /// What is in the way of a session, with the way to mend it.
    errors: Vec<ProblemError>,
    /// What would be synchronised.
    datasets: Vec<DatasetLooked>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct DatasetLooked {
    source: String,
    target: String,
    /// Fields that would be synchronised, by their names on the source.
    fields: Vec<String>,
    warnings: Vec<String>,
}

/// What a worker says.
#[derive(Debug, Deserialize)]
struct Told {
    datasets: Vec<DatasetLooked>,
}

/// Check a saved sync against both systems
///
/// A worker connects to both sides and compares what they hold with the definition; no record is read. Nothing is changed
/// by it, so that the `Idempotency-Key` has no effect.
#[utoipa::path(post, path = "/v1/syncs/{sync_id}/validate", tag = "syncs", operation_id = "validate_saved_sync",
    security(("token" = ["sync:read"])), params(("sync_id" = Uuid, Path)), responses((status = 200, body = Looked)))]
pub(super) async fn validate(State(app): State<Arc<App>>, caller: Caller, PathOf(id): PathOf<SyncId>) -> Shown<Looked> {
    let row = syncs::get(&app.client().await?, caller.account, id).await?.ok_or_else(missing)?;
    let question = Question { kind: TaskKind::Validate, sync: Some(id), connections: &[], patience: PATIENCE };
    let asked = request::Validate { sync: id, revision: row.revision };
    Ok(Json(match ask(&app, caller.account, question, &asked).await? {
        Reply::Done(told) => {
            let told: Told = serde_json::from_value(told).map_err(|error| Problem::internal(&error))?;
            Looked { valid: true, errors: Vec::new(), datasets: told.datasets }
        }
        Reply::Failed { detail, remedy, .. } => {
            let error = ProblemError { pointer: String::new(), message: detail, remedy };
            Looked { valid: false, errors: vec![error], datasets: Vec::new() }
        }
    }))
}
