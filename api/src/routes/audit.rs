//! Who did what.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pinksync_common::store::audit::{self, AuditRow};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::access::Caller;
use crate::answer::Shown;
use crate::app::App;
use crate::input::QueryOf;
use crate::page::{Page, PageQuery, Wanted};

#[derive(Debug, Serialize, ToSchema)]
struct AuditEntry {
    id: i64,
    /// Who did it; null: the operator, from the command line.
    api_key_id: Option<Uuid>,
    /// What was done, such as `connection.create`.
    action: String,
    /// What it was done to.
    object: String,
    /// The request by which it was done.
    request_id: Option<String>,
    #[schema(format = DateTime)]
    at: String,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            api_key_id: row.api_key.map(|key| key.0),
            action: row.action,
            object: row.object,
            request_id: row.request,
            at: row.at.to_string(),
        }
    }
}

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List what was done, the latest first
#[utoipa::path(get, path = "/v1/audit", tag = "system", operation_id = "list_audit", security(("token" = ["admin"])),
    params(PageQuery), responses((status = 200, body = Page<AuditEntry>)))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<AuditEntry>> {
    let wanted: Wanted<i64> = query.wanted()?;
    let client = app.client().await?;
    let rows = audit::page(&client, caller.account, wanted.after, wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id, AuditEntry::from)))
}
