//! What only a worker can tell of a connection: whether the system behind it can be reached, and what it holds.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use pinksync_common::ids::{AccountId, ConnectionId};
use pinksync_common::request::OnConnection;
use pinksync_common::store::connections;
use pinksync_common::store::tasks::TaskKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::missing;
use crate::access::Caller;
use crate::answer::Shown;
use crate::app::App;
use crate::ask::{Question, Reply, ask};
use crate::input::{Body, PathOf};
use crate::problem::Problem;

/// A server that does not answer is given up by its worker within this time.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// Whether records are to be written there, too.
    #[serde(default = "yes")]
    #[schema(default = true)]
    writes: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Tested {
    /// Every step went well.
    ok: bool,
    /// In their order; those after one that failed may be missing.
    steps: Vec<TestStep>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct TestStep {
    /// Such as `resolve`, `tcp`, `tls`, `auth`, `read`, `write`.
    name: String,
    ok: bool,
    detail: Option<String>,
    /// What to do where it failed.
    hint: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Datasets {
    datasets: Vec<DatasetView>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct DatasetView {
    name: String,
    /// Fields of its primary key; empty where it declares none.
    key: Vec<String>,
    columns: Vec<ColumnView>,
    estimated_records: Option<u64>,
    writable: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ColumnView {
    name: String,
    /// As the system calls it.
    r#type: String,
    nullable: bool,
}

fn yes() -> bool {
    true
}

/// Test a connection
///
/// A worker connects, and says step by step how far it came. Nothing is changed by it, so that the `Idempotency-Key` has
/// no effect.
#[utoipa::path(post, path = "/v1/connections/{connection_id}/test", tag = "connections",
    operation_id = "test_connection", security(("token" = ["sync:write"])),
    params(("connection_id" = Uuid, Path)), request_body = Test, responses((status = 200, body = Tested)))]
pub(super) async fn test(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConnectionId>,
    Body(Test { writes }): Body<Test>,
) -> Shown<Tested> {
    Ok(Json(on_connection(&app, caller.account, TaskKind::Check, id, writes).await?.done()?))
}

/// List what a connection leads to
///
/// Tables, collections or files, with their fields. Read by a worker.
#[utoipa::path(get, path = "/v1/connections/{connection_id}/datasets", tag = "connections",
    operation_id = "list_datasets", security(("token" = ["sync:read"])),
    params(("connection_id" = Uuid, Path)), responses((status = 200, body = Datasets)))]
pub(super) async fn datasets(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConnectionId>,
) -> Shown<Datasets> {
    Ok(Json(on_connection(&app, caller.account, TaskKind::Discover, id, false).await?.done()?))
}

async fn on_connection(
    app: &App,
    account: AccountId,
    kind: TaskKind,
    id: ConnectionId,
    writes: bool,
) -> Result<Reply, Problem> {
    connections::get(&app.client().await?, account, id).await?.ok_or_else(missing)?;
    let question = Question { kind, sync: None, connections: &[id.0], patience: PATIENCE };
    ask(app, account, question, &OnConnection { connection: id, writes }).await
}
