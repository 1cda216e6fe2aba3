//! A session is followed.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use pinksync_common::auth::Claims;
use pinksync_common::ids::SessionId;
use pinksync_common::store::sessions;
use serde::Deserialize;
use utoipa::IntoParams;

use super::look::missing;
use crate::app::App;
use crate::follow::{Follower, Form};
use crate::input::{PathOf, QueryOf};
use crate::negotiate::preferred;
use crate::problem::{Code, Problem};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Proxies that would gather answers are asked not to.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// The last event that is known already: what came after it is sent. The header `Last-Event-ID` comes before it.
    #[param(minimum = 0, default = 0)]
    after: Option<i64>,
}

/// Follow a session
///
/// All its events from the first one on, then each as it happens, until the session has ended: `session` (its status and
/// why), `phase`, `progress`. As server-sent events, or with `Accept: application/x-ndjson` as a JSON object each line
/// (`{id, event, data}`; an empty line only says that the connection lives). Ends with the token.
#[utoipa::path(get, path = "/v1/sessions/{session_id}/events", tag = "sessions", operation_id = "follow_session",
    security(("token" = ["sync:read"])),
    params(("session_id" = Uuid, Path), EventsQuery,
        ("Last-Event-ID" = Option<i64>, Header, description = "The last event that is known already.")),
    responses((status = 200, content((String = "text/event-stream"), (String = "application/x-ndjson")))))]
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Extension(claims): Extension<Claims>,
    PathOf(session): PathOf<SessionId>,
    QueryOf(query): QueryOf<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = last_event(&headers)?.or(query.after).unwrap_or(0);
    let row = sessions::get(&app.client().await?, claims.acct, session).await?.ok_or_else(missing)?;
    let seat = app.seats.take(claims.sub)?;
    let forms = [Form::Sse, Form::Lines];
    let form = forms[preferred(&headers, &forms.map(Form::content_type))];
    let over = row.status.is_terminal();
    let told = [
        (CONTENT_TYPE, HeaderValue::from_static(form.content_type())),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((told, Follower { app, session, claims, after, form, over }.body(seat)).into_response())
}

fn last_event(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| {
        let problem = Problem::new(Code::InvalidHeader, "the `Last-Event-ID` is none of this service");
        problem.at("Last-Event-ID", "this is no number", "send the `id` of the last event that came")
    })
}
