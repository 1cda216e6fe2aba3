//! Conflicts are looked at.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pinksync_common::ids::{ConflictId, SessionId, SyncId};
use pinksync_common::store::conflicts::{self, Filter};
use pinksync_common::store::syncs;
use pinksync_model::{ConflictKind, ConflictStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::view::{ConflictDetail, ConflictView};
use crate::access::Caller;
use crate::answer::{Answer, Shown};
use crate::app::App;
use crate::input::{PathOf, QueryOf};
use crate::page::{Page, Wanted};
use crate::problem::Problem;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ConflictsQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Of this sync alone.
    #[param(value_type = Option<Uuid>)]
    sync_id: Option<SyncId>,
    /// Those that this session found or settled.
    #[param(value_type = Option<Uuid>)]
    session_id: Option<SessionId>,
    /// By its name on the source.
    dataset: Option<String>,
    /// Such as `update/update`.
    #[param(value_type = Option<String>)]
    kind: Option<ConflictKind>,
    /// `open` (default), `resolved` or `superseded`.
    #[param(value_type = Option<String>)]
    status: Option<ConflictStatus>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CountsQuery {
    /// Of this sync alone.
    #[param(value_type = Option<Uuid>)]
    sync_id: Option<SyncId>,
    /// Those that this session found or settled.
    #[param(value_type = Option<Uuid>)]
    session_id: Option<SessionId>,
    /// By its name on the source.
    dataset: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Counts {
    data: Vec<Count>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Count {
    status: String,
    kind: String,
    count: i64,
}

pub(super) fn missing() -> Problem {
    Problem::not_found("conflict")
}

/// List conflicts, the newest first
///
/// Without a `status`, those that are open.
#[utoipa::path(get, path = "/v1/conflicts", tag = "conflicts", operation_id = "list_conflicts",
    security(("token" = ["conflicts:read"])), params(ConflictsQuery),
    responses((status = 200, body = Page<ConflictView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(query): QueryOf<ConflictsQuery>,
) -> Shown<Page<ConflictView>> {
    let wanted: Wanted<Uuid> = Wanted::new(query.limit, query.cursor.as_deref())?;
    let filter = Filter {
        sync: query.sync_id,
        session: query.session_id,
        dataset: query.dataset,
        kind: query.kind,
        status: Some(query.status.unwrap_or(ConflictStatus::Open)),
    };
    let client = app.client().await?;
    let before = wanted.after.map(ConflictId);
    let rows = conflicts::list(&client, caller.account, &filter, before, wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id.0, ConflictView::from)))
}

/// Count conflicts by status and kind
#[utoipa::path(get, path = "/v1/conflicts/counts", tag = "conflicts", operation_id = "count_conflicts",
    security(("token" = ["conflicts:read"])), params(CountsQuery), responses((status = 200, body = Counts)))]
pub(super) async fn counts(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(query): QueryOf<CountsQuery>,
) -> Shown<Counts> {
    let CountsQuery { sync_id: sync, session_id: session, dataset } = query;
    let filter = Filter { sync, session, dataset, ..Filter::default() };
    let client = app.client().await?;
    let counts = conflicts::counts(&client, caller.account, &filter).await?;
    let data = counts.into_iter().map(|(status, kind, count)| Count { status, kind, count }).collect();
    Ok(Json(Counts { data }))
}

/// Get a conflict, field by field
///
/// With what may be decided, and why.
#[utoipa::path(get, path = "/v1/conflicts/{conflict_id}", tag = "conflicts", operation_id = "get_conflict",
    security(("token" = ["conflicts:read"])), params(("conflict_id" = Uuid, Path)),
    responses((status = 200, body = ConflictDetail)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConflictId>,
) -> Result<Answer, Problem> {
    let client = app.client().await?;
    let row = conflicts::show(&client, caller.account, id).await?.ok_or_else(missing)?;
    let revision = row.revision;
    let sync = syncs::get(&client, caller.account, row.sync).await?;
    let definition = sync.map(|sync| sync.document).unwrap_or_default();
    let detail = ConflictDetail::new(ConflictView::from(row), &definition);
    Ok(Answer::ok(&detail)?.at_revision(revision))
}
