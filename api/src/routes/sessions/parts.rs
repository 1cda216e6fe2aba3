//! What a session has found, left out and written, record by record.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use pinksync_common::ids::{ConflictId, SessionId};
use pinksync_common::request::Changes;
use pinksync_common::store::conflicts::{self, Filter};
use pinksync_common::store::rejects::{self, RejectRow};
use pinksync_common::store::sessions;
use pinksync_common::store::tasks::TaskKind;
use pinksync_common::time::Utc;
use pinksync_model::ConflictStatus;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::look::missing;
use crate::access::Caller;
use crate::answer::Shown;
use crate::app::App;
use crate::ask::{Question, ask};
use crate::input::{PathOf, QueryOf};
use crate::page::{JournalPlace, Page, PageQuery, Wanted, cursor};
use crate::routes::conflicts::ConflictView;

/// How long a page of changes is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ConflictsQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// `open`, `resolved` or `superseded`; all, if left out.
    #[param(value_type = Option<String>)]
    status: Option<ConflictStatus>,
}

/// A record that a session left out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RejectView {
    id: i64,
    /// By its name on the source.
    dataset: String,
    /// The side that could not be read or that refused it.
    side: String,
    /// The record's key by field names; null where it is not known.
    #[schema(value_type = Option<Object>)]
    key: Option<Value>,
    /// Line of the file, counted from 1.
    line: Option<i64>,
    /// Why, for programs.
    code: String,
    /// Why, for people.
    reason: String,
    #[schema(value_type = String, format = DateTime)]
    at: Utc,
}

impl From<RejectRow> for RejectView {
    fn from(row: RejectRow) -> Self {
        let RejectRow { id, dataset, side, key, line, code, reason, at } = row;
        let dataset = dataset.split_once(" → ").map_or(dataset.as_str(), |(source, _)| source).to_owned();
        Self { id, dataset, side, key, line, code, reason, at }
    }
}

/// A page of a session's journal, as a worker gives it.
#[derive(Debug, Deserialize)]
struct Written {
    changes: Vec<Value>,
    next: Option<JournalPlace>,
}

/// List the conflicts that a session found or settled, the newest first
#[utoipa::path(get, path = "/v1/sessions/{session_id}/conflicts", tag = "sessions",
    operation_id = "list_session_conflicts", security(("token" = ["conflicts:read"])),
    params(("session_id" = Uuid, Path), ConflictsQuery), responses((status = 200, body = Page<ConflictView>)))]
pub(super) async fn conflicts(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<SessionId>,
    QueryOf(query): QueryOf<ConflictsQuery>,
) -> Shown<Page<ConflictView>> {
    let wanted: Wanted<Uuid> = Wanted::new(query.limit, query.cursor.as_deref())?;
    let client = app.client().await?;
    sessions::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    let filter = Filter { session: Some(id), status: query.status, ..Filter::default() };
    let before = wanted.after.map(ConflictId);
    let rows = conflicts::list(&client, caller.account, &filter, before, wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id.0, ConflictView::from)))
}

/// List the records that a session left out, in the order in which it met them
#[utoipa::path(get, path = "/v1/sessions/{session_id}/rejects", tag = "sessions", operation_id = "list_rejects",
    security(("token" = ["sync:read"])), params(("session_id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Page<RejectView>)))]
pub(super) async fn rejects(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<SessionId>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<RejectView>> {
    let wanted: Wanted<i64> = query.wanted()?;
    let client = app.client().await?;
    sessions::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    let rows = rejects::page(&client, caller.account, id, wanted.after.unwrap_or(0), wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id, RejectView::from)))
}

/// List what a session wrote, the latest first
///
/// Record by record and side by side: `{dataset, key, side, action, before, after, decision}`; `after` is null where the base
/// keeps hashes only. Read by a worker.
#[utoipa::path(get, path = "/v1/sessions/{session_id}/changes", tag = "sessions", operation_id = "list_changes",
    security(("token" = ["sync:read"])), params(("session_id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Page<Value>)))]
pub(super) async fn changes(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(session): PathOf<SessionId>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<Value>> {
    let wanted: Wanted<JournalPlace> = query.wanted()?;
    let row = sessions::get(&app.client().await?, caller.account, session).await?.ok_or_else(missing)?;
    if row.started_at.is_none() {
        return Ok(Json(Page { data: Vec::new(), next_cursor: None }));
    }
    let place = wanted.after.unwrap_or(JournalPlace { before: None, skip: 0 });
    let asked = Changes { session, before: place.before, skip: place.skip, limit: wanted.limit.into() };
    let question = Question { kind: TaskKind::Changes, sync: Some(row.sync), connections: &[], patience: PATIENCE };
    let written: Written = ask(&app, caller.account, question, &asked).await?.done()?;
    Ok(Json(Page { data: written.changes, next_cursor: written.next.map(|place| cursor(&place)) }))
}
