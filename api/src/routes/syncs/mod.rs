//! Saved syncs: the sync file as JSON, with all its revisions.

mod reach;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pinksync_common::definition::{Stored, open_secrets};
use pinksync_common::ids::{ApiKeyId, SyncId};
use pinksync_common::store::syncs::{self, Contents, Revision, Sync, User};
use pinksync_common::store::{StoreError, Transaction};
use pinksync_common::time::Utc;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::access::Caller;
use crate::answer::{Answer, Instead, Shown};
use crate::app::App;
use crate::change::{Change, Nothing};
use crate::definition::{Checked, check, sync_name};
use crate::etag::IfMatch;
use crate::input::{Body, PathOf, QueryOf};
use crate::page::{Page, PageQuery, Wanted};
use crate::problem::{Code, Problem, ProblemError};

/// How many of those that are in the way are named.
const NAMED_USERS: i64 = 10;

#[derive(Serialize, ToSchema)]
struct SyncView {
    #[schema(value_type = Uuid)]
    id: SyncId,
    /// Null: it stands for an inline definition of sessions.
    name: Option<String>,
    /// One more with each change; the `ETag`.
    revision: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Utc,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Utc,
    /// The sync file, with `***` in the place of each secret. Sent back in a PUT, `***` keeps the secret.
    definition: Value,
}

#[derive(Serialize, ToSchema)]
struct RevisionEntry {
    revision: i64,
    /// The API key that made it.
    #[schema(value_type = Option<Uuid>)]
    created_by: Option<ApiKeyId>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Utc,
}

#[derive(Serialize, ToSchema)]
struct RevisionView {
    #[serde(flatten)]
    entry: RevisionEntry,
    /// The sync file as it was then, with `***` in the place of each secret.
    definition: Value,
}

#[derive(Serialize, ToSchema)]
struct Validation {
    valid: bool,
    /// Every mistake with its place; empty for a valid definition.
    errors: Vec<ProblemError>,
}

impl From<Sync> for SyncView {
    fn from(row: Sync) -> Self {
        let Sync { id, name, revision, document, created_at, updated_at, .. } = row;
        Self { id, name, revision, created_at, updated_at, definition: document }
    }
}

impl From<Revision> for RevisionEntry {
    fn from(row: Revision) -> Self {
        Self { revision: row.revision, created_by: row.created_by, created_at: row.created_at }
    }
}

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(validate))
        .routes(routes!(get, replace, delete))
        .routes(routes!(revisions))
        .routes(routes!(revision))
        .routes(routes!(reach::validate))
}

/// Save a sync
#[utoipa::path(post, path = "/v1/syncs", tag = "syncs", operation_id = "create_sync",
    security(("token" = ["sync:write"])),
    request_body(content = ref("#/components/schemas/SyncDefinition"), content_type = "application/json"),
    responses((status = 201, body = SyncView)))]
async fn create(State(app): State<Arc<App>>, change: Change<Value>) -> Result<Answer, Instead> {
    let name = sync_name(&change.body)?;
    let (caller, id) = (&change.caller, SyncId::new());
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let checked = check(&work.sql, &app.ring, caller.account, change.body.clone(), None).await?;
    let sealed = checked.sealed(&app.ring, caller.account, id)?;
    let contents = contents(&checked, sealed.as_deref(), caller);
    syncs::insert(&work.sql, caller.account, id, name, contents).await.map_err(|error| taken(error, name))?;
    let row = syncs::get(&work.sql, caller.account, id).await?.ok_or_else(missing)?;
    let answer = Answer::created(format!("/v1/syncs/{id}"), &SyncView::from(row))?.at_revision(1);
    work.finish(&app, "sync.create", &id.to_string(), answer).await
}

/// List saved syncs, the newest first
#[utoipa::path(get, path = "/v1/syncs", tag = "syncs", operation_id = "list_syncs",
    security(("token" = ["sync:read"])), params(PageQuery), responses((status = 200, body = Page<SyncView>)))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<SyncView>> {
    let wanted: Wanted<Uuid> = query.wanted()?;
    let client = app.client().await?;
    let rows = syncs::list(&client, caller.account, wanted.after.map(SyncId), wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id.0, SyncView::from)))
}

/// Check a sync file without saving it
///
/// Looks at the file and at the connections that it names, not at the systems behind them. Nothing is changed by it, so
/// that the `Idempotency-Key` has no effect.
#[utoipa::path(post, path = "/v1/syncs/validate", tag = "syncs", operation_id = "validate_sync",
    security(("token" = ["sync:read"])),
    request_body(content = ref("#/components/schemas/SyncDefinition"), content_type = "application/json"),
    responses((status = 200, body = Validation)))]
async fn validate(State(app): State<Arc<App>>, caller: Caller, Body(document): Body<Value>) -> Shown<Validation> {
    let client = app.client().await?;
    let errors = match check(&client, &app.ring, caller.account, document, None).await {
        Ok(_) => Vec::new(),
        Err(problem) if problem.code == Code::InvalidDefinition => problem.errors,
        Err(problem) => return Err(problem),
    };
    Ok(Json(Validation { valid: errors.is_empty(), errors }))
}

/// Get a sync
#[utoipa::path(get, path = "/v1/syncs/{sync_id}", tag = "syncs", operation_id = "get_sync",
    security(("token" = ["sync:read"])), params(("sync_id" = Uuid, Path)), responses((status = 200, body = SyncView)))]
async fn get(State(app): State<Arc<App>>, caller: Caller, PathOf(id): PathOf<SyncId>) -> Result<Answer, Problem> {
    let client = app.client().await?;
    let row = syncs::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    let view = SyncView::from(row);
    Ok(Answer::ok(&view)?.at_revision(view.revision))
}

/// Change a sync, which gives it its next revision
///
/// Sessions that have begun go on by the revision that they began with.
#[utoipa::path(put, path = "/v1/syncs/{sync_id}", tag = "syncs", operation_id = "replace_sync",
    security(("token" = ["sync:write"])), params(("sync_id" = Uuid, Path)),
    request_body(content = ref("#/components/schemas/SyncDefinition"), content_type = "application/json"),
    responses((status = 200, body = SyncView)))]
async fn replace(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<SyncId>,
    if_match: IfMatch,
    change: Change<Value>,
) -> Result<Answer, Instead> {
    let caller = &change.caller;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let before = saved(&work.sql, caller, id).await?;
    if_match.check(before.revision)?;
    let name = sync_name(&change.body)?;
    let kept = open_secrets(&app.ring, caller.account, id.0, before.sealed.as_deref())?;
    let stored = Stored { public: &before.document, secrets: &kept };
    let checked = check(&work.sql, &app.ring, caller.account, change.body.clone(), Some(stored)).await?;
    let sealed = checked.sealed(&app.ring, caller.account, id)?;
    let contents = contents(&checked, sealed.as_deref(), caller);
    let revision =
        syncs::update(&work.sql, caller.account, id, name, contents).await.map_err(|error| taken(error, name))?;
    let row = syncs::get(&work.sql, caller.account, id).await?.ok_or_else(missing)?;
    let answer = Answer::ok(&SyncView::from(row))?.at_revision(revision);
    work.finish(&app, "sync.replace", &id.to_string(), answer).await
}

/// Delete a sync that no schedule and no session needs
///
/// Its sessions and their reports stay.
#[utoipa::path(delete, path = "/v1/syncs/{sync_id}", tag = "syncs", operation_id = "delete_sync",
    security(("token" = ["sync:write"])), params(("sync_id" = Uuid, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<SyncId>,
    if_match: IfMatch,
    change: Change<Nothing>,
) -> Result<Answer, Instead> {
    let caller = &change.caller;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let row = saved(&work.sql, caller, id).await?;
    if_match.check(row.revision)?;
    refuse_if_used(&work.sql, caller, id).await?;
    syncs::delete(&work.sql, caller.account, id).await?;
    work.finish(&app, "sync.delete", &id.to_string(), Answer::nothing()).await
}

/// List the revisions of a sync, the newest first
#[utoipa::path(get, path = "/v1/syncs/{sync_id}/revisions", tag = "syncs", operation_id = "list_sync_revisions",
    security(("token" = ["sync:read"])), params(("sync_id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Page<RevisionEntry>)))]
async fn revisions(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<SyncId>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<RevisionEntry>> {
    let wanted: Wanted<i64> = query.wanted()?;
    let client = app.client().await?;
    syncs::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    let rows = syncs::revisions(&client, caller.account, id, wanted.after, wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.revision, RevisionEntry::from)))
}

/// Get a revision of a sync
#[utoipa::path(get, path = "/v1/syncs/{sync_id}/revisions/{revision}", tag = "syncs", operation_id = "get_sync_revision",
    security(("token" = ["sync:read"])), params(("sync_id" = Uuid, Path), ("revision" = i64, Path)),
    responses((status = 200, body = RevisionView)))]
async fn revision(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf((id, revision)): PathOf<(SyncId, i64)>,
) -> Shown<RevisionView> {
    let client = app.client().await?;
    let row = syncs::revision(&client, caller.account, id, revision).await?;
    let row = row.ok_or_else(|| Problem::not_found("revision of a sync"))?;
    Ok(Json(RevisionView { definition: row.document.clone(), entry: row.into() }))
}

/// A saved sync, locked; an inline one cannot be changed.
async fn saved(sql: &Transaction<'_>, caller: &Caller, id: SyncId) -> Result<Sync, Problem> {
    let row = syncs::lock(sql, caller.account, id).await?;
    row.filter(|row| row.name.is_some()).ok_or_else(|| Problem::not_found("saved sync"))
}

fn contents<'a>(checked: &'a Checked, sealed: Option<&'a [u8]>, caller: &Caller) -> Contents<'a> {
    Contents { document: &checked.document, sealed, connections: &checked.connections, by: caller.key }
}

async fn refuse_if_used(sql: &Transaction<'_>, caller: &Caller, id: SyncId) -> Result<(), Problem> {
    let users = syncs::users(sql, caller.account, id, NAMED_USERS).await?;
    if users.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(Code::InUse, "schedules or sessions need this sync");
    Err(users.into_iter().fold(problem, |problem, user| match user {
        User::Schedule(id) => {
            problem.at(format!("/v1/schedules/{id}"), "this schedule starts it", "delete the schedule first")
        }
        User::Session(id) => {
            problem.at(format!("/v1/sessions/{id}"), "this session has not ended", "wait for it, or cancel it")
        }
    }))
}

fn taken(error: StoreError, name: &str) -> Problem {
    if error.violated() == Some("syncs_by_name") {
        let problem = Problem::new(Code::NameTaken, format!("there is a sync `{name}` already"));
        return problem.at("/name", "this name is taken", "take another one, or change that sync");
    }
    error.into()
}

fn missing() -> Problem {
    Problem::not_found("sync")
}
