//! Sessions are looked at.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pinksync_common::ids::{ScheduleId, SessionId, SyncId};
use pinksync_common::store::plans;
use pinksync_common::store::sessions::{self, Filter};
use pinksync_model::{Mode, SessionStatus};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use uuid::Uuid;

use super::view::SessionView;
use crate::access::Caller;
use crate::answer::Shown;
use crate::app::App;
use crate::input::{PathOf, QueryOf};
use crate::page::{Page, PageQuery, Wanted};
use crate::problem::Problem;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionsQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Of this sync alone.
    #[param(value_type = Option<Uuid>)]
    sync_id: Option<SyncId>,
    /// Of this schedule alone.
    #[param(value_type = Option<Uuid>)]
    schedule_id: Option<ScheduleId>,
    #[param(value_type = Option<String>)]
    status: Option<SessionStatus>,
    #[param(value_type = Option<String>)]
    mode: Option<Mode>,
}

pub(super) fn missing() -> Problem {
    Problem::not_found("session")
}

/// List sessions, the newest first
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", operation_id = "list_sessions",
    security(("token" = ["sync:read"])), params(SessionsQuery), responses((status = 200, body = Page<SessionView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(query): QueryOf<SessionsQuery>,
) -> Shown<Page<SessionView>> {
    let wanted: Wanted<Uuid> = Wanted::new(query.limit, query.cursor.as_deref())?;
    let filter = Filter { sync: query.sync_id, status: query.status, mode: query.mode, schedule: query.schedule_id };
    let client = app.client().await?;
    let before = wanted.after.map(SessionId);
    let rows = sessions::list(&client, caller.account, &filter, before, wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id.0, SessionView::from)))
}

/// Get a session
#[utoipa::path(get, path = "/v1/sessions/{session_id}", tag = "sessions", operation_id = "get_session",
    security(("token" = ["sync:read"])), params(("session_id" = Uuid, Path)),
    responses((status = 200, body = SessionView)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<SessionId>,
) -> Shown<SessionView> {
    let client = app.client().await?;
    Ok(Json(SessionView::of(&client, caller.account, id).await?))
}

/// List what a plan would do, or what a verification found
///
/// In the order in which it was found: by dataset, and by key.
#[utoipa::path(get, path = "/v1/sessions/{session_id}/plan", tag = "sessions", operation_id = "get_plan",
    security(("token" = ["sync:read"])), params(("session_id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Page<Value>)))]
pub(super) async fn lines(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<SessionId>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<Value>> {
    let wanted: Wanted<i64> = query.wanted()?;
    let client = app.client().await?;
    sessions::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    let lines = plans::lines(&client, caller.account, id, wanted.after.unwrap_or(0), wanted.fetch()).await?;
    Ok(Json(wanted.page(lines, |(number, _)| *number, |(_, line)| line)))
}
