//! API keys of an account: made, shown without their secrets, rotated and revoked.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use pinksync_common::auth::{ApiKey, Permission, Permissions};
use pinksync_common::ids::ApiKeyId;
use pinksync_common::store::api_keys::{self, ApiKeyRow, NewApiKey};
use pinksync_common::time::Utc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::auth::not_checked;
use crate::access::Caller;
use crate::answer::{Answer, Instead, Shown};
use crate::app::App;
use crate::change::{Change, Nothing};
use crate::input::{PathOf, QueryOf, check_name};
use crate::page::{Page, PageQuery, Wanted};
use crate::problem::Problem;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// For people, to tell keys apart.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// At least one. `admin` implies all others.
    #[schema(schema_with = permissions_schema)]
    permissions: Vec<Permission>,
    /// From when on it is not let in any more; never, if left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Utc>,
}

#[derive(Serialize, ToSchema)]
struct ApiKeyView {
    #[schema(value_type = Uuid)]
    id: ApiKeyId,
    name: String,
    #[schema(schema_with = permissions_schema)]
    permissions: Permissions,
    /// Counts rotations, from 1.
    generation: i32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Utc,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Utc>,
    /// To the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Utc>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Utc>,
}

/// A key with its secret.
#[derive(Serialize, ToSchema)]
struct ShownOnce {
    #[serde(flatten)]
    key: ApiKeyView,
    /// Shown now and never again.
    api_key: String,
}

fn permissions_schema() -> Schema {
    let names = Permission::ALL.map(Permission::as_str);
    let name = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    ArrayBuilder::new().items(name).min_items(Some(1)).into()
}

impl From<ApiKeyRow> for ApiKeyView {
    fn from(row: ApiKeyRow) -> Self {
        let ApiKeyRow { id, name, permissions, generation, created_at, expires_at, last_used_at, revoked_at, .. } = row;
        Self { id, name, permissions, generation, created_at, expires_at, last_used_at, revoked_at }
    }
}

impl ShownOnce {
    fn new(row: ApiKeyRow, key: &ApiKey) -> Self {
        Self { key: row.into(), api_key: key.text().expose().to_owned() }
    }
}

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get))
        .routes(routes!(rotate))
        .routes(routes!(revoke))
}

/// Make an API key, whose secret is shown once
#[utoipa::path(post, path = "/v1/api-keys", tag = "auth", operation_id = "create_api_key",
    security(("token" = ["admin"])), request_body = NewKey, responses((status = 201, body = ShownOnce)))]
async fn create(State(app): State<Arc<App>>, change: Change<NewKey>) -> Result<Answer, Instead> {
    let NewKey { name, permissions, expires_at } = &change.body;
    check_name(name)?;
    if permissions.is_empty() {
        return Err(Problem::of_field("/permissions", "there is none", "name at least one").into());
    }
    if expires_at.is_some_and(|at| at.0 <= Timestamp::now()) {
        return Err(Problem::of_field("/expires_at", "this is over", "name a time to come, or leave it out").into());
    }
    let permissions = Permissions::from(permissions.clone());
    let key = ApiKey::generate(ApiKeyId::new());
    // Before the transaction: hashing takes a while.
    let secret_hash = app.verifier.hash(&key).await.map_err(not_checked)?;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let account = change.caller.account;
    let new = NewApiKey {
        id: key.id,
        account,
        name,
        secret_hash: &secret_hash,
        permissions: &permissions,
        expires_at: *expires_at,
    };
    let row = api_keys::insert(&work.sql, new).await?;
    let answer = Answer::created(format!("/v1/api-keys/{}", key.id), &ShownOnce::new(row, &key))?;
    work.finish(&app, "api_key.create", &key.id.to_string(), answer).await
}

/// List API keys, the oldest first
#[utoipa::path(get, path = "/v1/api-keys", tag = "auth", operation_id = "list_api_keys",
    security(("token" = ["admin"])), params(PageQuery), responses((status = 200, body = Page<ApiKeyView>)))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<ApiKeyView>> {
    let wanted: Wanted<Uuid> = query.wanted()?;
    let client = app.client().await?;
    let rows = api_keys::list(&client, caller.account, wanted.after.map(ApiKeyId), wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id.0, ApiKeyView::from)))
}

/// Get an API key
#[utoipa::path(get, path = "/v1/api-keys/{key_id}", tag = "auth", operation_id = "get_api_key",
    security(("token" = ["admin"])), params(("key_id" = Uuid, Path)), responses((status = 200, body = ApiKeyView)))]
async fn get(State(app): State<Arc<App>>, caller: Caller, PathOf(id): PathOf<ApiKeyId>) -> Shown<ApiKeyView> {
    let client = app.client().await?;
    let row = api_keys::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    Ok(Json(row.into()))
}

/// Give an API key a new secret, which is shown once
///
/// The old secret and the tokens that were had for it end within seconds.
#[utoipa::path(post, path = "/v1/api-keys/{key_id}/rotate", tag = "auth", operation_id = "rotate_api_key",
    security(("token" = ["admin"])), params(("key_id" = Uuid, Path)), responses((status = 200, body = ShownOnce)))]
async fn rotate(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ApiKeyId>,
    change: Change<Nothing>,
) -> Result<Answer, Instead> {
    let key = ApiKey::generate(id);
    let mut client = app.client().await?;
    api_keys::get(&client, change.caller.account, id).await?.ok_or_else(missing)?;
    let secret_hash = app.verifier.hash(&key).await.map_err(not_checked)?;
    let work = change.begin(&app, &mut client).await?;
    let row = api_keys::rotate(&work.sql, change.caller.account, id, &secret_hash).await?.ok_or_else(missing)?;
    let answer = Answer::ok(&ShownOnce::new(row, &key))?;
    work.finish(&app, "api_key.rotate", &id.to_string(), answer).await
}

/// Revoke an API key for good
///
/// Its tokens end within seconds. A second time changes nothing.
#[utoipa::path(post, path = "/v1/api-keys/{key_id}/revoke", tag = "auth", operation_id = "revoke_api_key",
    security(("token" = ["admin"])), params(("key_id" = Uuid, Path)), responses((status = 200, body = ApiKeyView)))]
async fn revoke(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ApiKeyId>,
    change: Change<Nothing>,
) -> Result<Answer, Instead> {
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let row = api_keys::revoke(&work.sql, change.caller.account, id).await?.ok_or_else(missing)?;
    let answer = Answer::ok(&ApiKeyView::from(row))?;
    work.finish(&app, "api_key.revoke", &id.to_string(), answer).await
}

fn missing() -> Problem {
    Problem::not_found("API key that is not revoked")
}
