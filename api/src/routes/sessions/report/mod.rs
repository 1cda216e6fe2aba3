//! The report of a session: as JSON, as a page, and as a table.

mod csv;
mod html;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use pinksync_common::ids::SessionId;
use pinksync_common::store::{reports, sessions};
use pinksync_model::Report;

use super::look::missing;
use crate::access::Caller;
use crate::app::App;
use crate::input::PathOf;
use crate::negotiate::preferred;
use crate::problem::Problem;

/// The page holds its own style and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Get a session's report
///
/// Of a session at work it says what was confirmed so far. With `Accept: text/html` as a page, with `Accept: text/csv` as a
/// table with a line for each dataset.
#[utoipa::path(get, path = "/v1/sessions/{session_id}/report", tag = "sessions", operation_id = "get_report",
    security(("token" = ["sync:read"])), params(("session_id" = Uuid, Path)),
    responses((status = 200,
        content((Value = "application/json"), (String = "text/html"), (String = "text/csv")))))]
pub(in crate::routes) async fn report(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<SessionId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let client = app.client().await?;
    let row = sessions::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    let report = match row.report.clone() {
        Some(report) => Report { session: reports::summary(&row), ..report },
        None => reports::so_far(&client, &row).await?,
    };
    Ok(match preferred(&headers, &["application/json", "text/html", "text/csv"]) {
        1 => {
            let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, PAGE_POLICY)];
            (headers, html::page(&report)).into_response()
        }
        2 => {
            let table = csv::table(&report).map_err(|error| Problem::internal(&error))?;
            ([(CONTENT_TYPE, "text/csv; charset=utf-8")], table).into_response()
        }
        _ => Json(report).into_response(),
    })
}
