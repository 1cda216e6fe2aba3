//! Saved connections: what stands under `source:` in a sync file, with a name.

mod reach;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pinksync_common::definition::{Secrets, Stored, check_connection, keep_secrets, open_secrets, seal_secrets, split};
use pinksync_common::ids::ConnectionId;
use pinksync_common::store::connections::{self, Connection, Contents, User};
use pinksync_common::store::{StoreError, Transaction};
use pinksync_common::time::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::access::Caller;
use crate::answer::{Answer, Instead, Shown};
use crate::app::App;
use crate::change::{Change, Nothing};
use crate::etag::IfMatch;
use crate::input::{PathOf, QueryOf, check_name};
use crate::page::{Page, PageQuery, Wanted};
use crate::problem::{Code, Problem};

/// How many of those that are in the way are named.
const NAMED_USERS: i64 = 10;

/// What is posted; described by `NewConnection` of the document.
#[derive(Debug, Deserialize)]
struct Given {
    name: String,
    max_tasks: Option<i32>,
    #[serde(flatten)]
    settings: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
struct ConnectionView {
    #[schema(value_type = Uuid)]
    id: ConnectionId,
    name: String,
    /// Tasks that may work on it at once; null: as the service's settings say.
    max_tasks: Option<i32>,
    /// One more with each change; the `ETag`.
    revision: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Utc,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Utc,
    /// `type` and the other settings of the connection, with `***` in the place of each secret. Sent back in a PUT, `***`
    /// keeps the secret.
    #[serde(flatten)]
    settings: Value,
}

impl From<Connection> for ConnectionView {
    fn from(row: Connection) -> Self {
        let Connection { id, name, document, max_tasks, revision, created_at, updated_at, .. } = row;
        Self { id, name, max_tasks, revision, created_at, updated_at, settings: document }
    }
}

impl Given {
    /// The checked settings without their secrets, and those.
    fn checked(&self, stored: Option<Stored<'_>>) -> Result<(Value, Secrets), Problem> {
        check_name(&self.name)?;
        if self.max_tasks.is_some_and(|most| most < 1) {
            return Err(Problem::of_field("/max_tasks", "this is less than 1", "write 1 or more, or leave it out"));
        }
        let whole = keep_secrets(Value::Object(self.settings.clone()), stored);
        let whole = whole.map_err(|mistakes| Problem::of_mistakes(&mistakes))?;
        check_connection(&whole).map_err(|mistakes| Problem::of_mistakes(&mistakes))?;
        Ok(split(whole))
    }
}

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, replace, delete))
        .routes(routes!(reach::test))
        .routes(routes!(reach::datasets))
}

/// Save a connection
#[utoipa::path(post, path = "/v1/connections", tag = "connections", operation_id = "create_connection",
    security(("token" = ["sync:write"])),
    request_body(content = ref("#/components/schemas/NewConnection"), content_type = "application/json"),
    responses((status = 201, body = ConnectionView)))]
async fn create(State(app): State<Arc<App>>, change: Change<Given>) -> Result<Answer, Instead> {
    let (document, secrets) = change.body.checked(None)?;
    let (account, id) = (change.caller.account, ConnectionId::new());
    let sealed = seal_secrets(&app.ring, account, id.0, &secrets)?;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let Given { name, max_tasks, .. } = &change.body;
    let contents = Contents { name, document: &document, sealed: sealed.as_deref(), max_tasks: *max_tasks };
    let row = connections::insert(&work.sql, account, id, contents).await.map_err(|error| taken(error, name))?;
    let view = ConnectionView::from(row);
    let answer = Answer::created(format!("/v1/connections/{id}"), &view)?.at_revision(view.revision);
    work.finish(&app, "connection.create", &id.to_string(), answer).await
}

/// List connections, the newest first
#[utoipa::path(get, path = "/v1/connections", tag = "connections", operation_id = "list_connections",
    security(("token" = ["sync:read"])), params(PageQuery), responses((status = 200, body = Page<ConnectionView>)))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<ConnectionView>> {
    let wanted: Wanted<Uuid> = query.wanted()?;
    let client = app.client().await?;
    let rows = connections::list(&client, caller.account, wanted.after.map(ConnectionId), wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id.0, ConnectionView::from)))
}

/// Get a connection
#[utoipa::path(get, path = "/v1/connections/{connection_id}", tag = "connections", operation_id = "get_connection",
    security(("token" = ["sync:read"])), params(("connection_id" = Uuid, Path)),
    responses((status = 200, body = ConnectionView)))]
async fn get(State(app): State<Arc<App>>, caller: Caller, PathOf(id): PathOf<ConnectionId>) -> Result<Answer, Problem> {
    let client = app.client().await?;
    let row = connections::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    let view = ConnectionView::from(row);
    Ok(Answer::ok(&view)?.at_revision(view.revision))
}

/// Change a connection
///
/// The body takes the place of the whole connection; only `***` keeps a secret, as long as it goes to the same host.
#[utoipa::path(put, path = "/v1/connections/{connection_id}", tag = "connections", operation_id = "replace_connection",
    security(("token" = ["sync:write"])), params(("connection_id" = Uuid, Path)),
    request_body(content = ref("#/components/schemas/NewConnection"), content_type = "application/json"),
    responses((status = 200, body = ConnectionView)))]
async fn replace(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ConnectionId>,
    if_match: IfMatch,
    change: Change<Given>,
) -> Result<Answer, Instead> {
    let account = change.caller.account;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let before = connections::lock(&work.sql, account, id).await?.ok_or_else(missing)?;
    if_match.check(before.revision)?;
    let kept = open_secrets(&app.ring, account, id.0, before.sealed.as_deref())?;
    let (document, secrets) = change.body.checked(Some(Stored { public: &before.document, secrets: &kept }))?;
    let sealed = seal_secrets(&app.ring, account, id.0, &secrets)?;
    let Given { name, max_tasks, .. } = &change.body;
    if *name != before.name {
        refuse_if_used(&work.sql, &change.caller, &before, Some(&before.name)).await?;
    }
    let contents = Contents { name, document: &document, sealed: sealed.as_deref(), max_tasks: *max_tasks };
    let row = connections::update(&work.sql, account, id, contents).await.map_err(|error| taken(error, name))?;
    let row = row.ok_or_else(missing)?;
    let view = ConnectionView::from(row);
    let answer = Answer::ok(&view)?.at_revision(view.revision);
    work.finish(&app, "connection.replace", &id.to_string(), answer).await
}

/// Delete a connection that no sync names
#[utoipa::path(delete, path = "/v1/connections/{connection_id}", tag = "connections",
    operation_id = "delete_connection", security(("token" = ["sync:write"])),
    params(("connection_id" = Uuid, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ConnectionId>,
    if_match: IfMatch,
    change: Change<Nothing>,
) -> Result<Answer, Instead> {
    let account = change.caller.account;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let row = connections::lock(&work.sql, account, id).await?.ok_or_else(missing)?;
    if_match.check(row.revision)?;
    refuse_if_used(&work.sql, &change.caller, &row, None).await?;
    connections::delete(&work.sql, account, id).await?;
    work.finish(&app, "connection.delete", &id.to_string(), Answer::nothing()).await
}

async fn refuse_if_used(
    sql: &Transaction<'_>,
    caller: &Caller,
    connection: &Connection,
    by_name: Option<&str>,
) -> Result<(), Problem> {
    let users = connections::users(sql, caller.account, connection.id, by_name, NAMED_USERS).await?;
    if users.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(Code::InUse, "syncs name this connection");
    Err(users.into_iter().fold(problem, |problem, User { id, name }| {
        let message = match name {
            Some(name) => format!("the sync `{name}` names it"),
            None => "an inline definition names it, and a session of that has not ended".to_owned(),
        };
        problem.at(format!("/v1/syncs/{id}"), message, "change the sync, or end its session, then try again")
    }))
}

fn taken(error: StoreError, name: &str) -> Problem {
    if error.violated() == Some("connections_account_id_name_key") {
        let problem = Problem::new(Code::NameTaken, format!("there is a connection `{name}` already"));
        return problem.at("/name", "this name is taken", "take another one, or change that connection");
    }
    error.into()
}

fn missing() -> Problem {
    Problem::not_found("connection")
}
