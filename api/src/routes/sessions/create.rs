//! A session is submitted.

use std::sync::Arc;

use axum::extract::State;
use pinksync_common::ids::SyncId;
use pinksync_common::store::Transaction;
use pinksync_common::store::sessions::{self, NewSession};
use pinksync_common::store::syncs::{self, Contents};
use pinksync_common::telemetry::names;
use pinksync_model::{GuardName, Mode};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::view::SessionView;
use crate::access::Caller;
use crate::answer::{Answer, Instead};
use crate::app::App;
use crate::change::{Change, Work};
use crate::definition::check;
use crate::problem::Problem;

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSessionBody {
    /// A saved sync; instead of `definition`.
    #[schema(value_type = Option<Uuid>)]
    sync_id: Option<SyncId>,
    /// A whole sync file; instead of `sync_id`. The same one again is the same sync, with the same base.
    #[schema(schema_with = crate::openapi::sync_definition)]
    definition: Option<Value>,
    /// `sync` (default) writes, `plan` only says what would be written, `verify` only compares.
    #[serde(default = "sync")]
    #[schema(value_type = Option<String>, example = "sync")]
    mode: Mode,
    /// False: it stays pending until it is started.
    #[serde(default = "yes")]
    #[schema(default = true)]
    start: bool,
    /// Guards to be overridden in this session.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    allow: Vec<GuardName>,
}

fn sync() -> Mode {
    Mode::Sync
}

fn yes() -> bool {
    true
}

/// Submit a session
///
/// It begins as soon as its account has room for it and no other session of its sync is at work.
#[utoipa::path(post, path = "/v1/sessions", tag = "sessions", operation_id = "create_session",
    security(("token" = ["sync:write"])), request_body = NewSessionBody,
    responses((status = 201, body = SessionView)))]
pub(super) async fn create(State(app): State<Arc<App>>, change: Change<NewSessionBody>) -> Result<Answer, Instead> {
    let (caller, body) = (&change.caller, &change.body);
    if body.mode == Mode::Undo {
        let remedy = "take a session back by POST /v1/sessions/{session_id}/undo";
        return Err(Problem::of_field("/mode", "an undo is asked of the session that it takes back", remedy).into());
    }
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let (sync, revision) = of_which_sync(&app, &work.sql, caller, body).await?;
    let new = NewSession {
        allowed: body.allow.clone(),
        created_by: Some(caller.key),
        start: body.start,
        ..NewSession::of(caller.account, sync, revision, body.mode)
    };
    submit(&app, work, &new, "session.create").await
}

/// Stores a session, lets it in if there is room, commits, and shows it. The audit log names the schedule before its session.
pub async fn submit(app: &App, work: Work<'_>, new: &NewSession, action: &str) -> Result<Answer, Instead> {
    let id = sessions::insert(&work.sql, new).await?;
    let to_publish = match new.start {
        true => sessions::admit_one(&work.sql, new.account, id, app.session_cap).await?,
        false => Vec::new(),
    };
    let view = SessionView::of(&work.sql, new.account, id).await?;
    let answer = Answer::created(format!("/v1/sessions/{id}"), &view)?;
    let object = new.schedule.map_or_else(|| id.to_string(), |schedule| format!("{schedule} {id}"));
    let answer = work.finish(app, action, &object, answer).await?;
    metrics::counter!(names::SESSIONS_SUBMITTED, "mode" => new.mode.as_str()).increment(1);
    app.dispatcher.dispatch(to_publish);
    Ok(answer)
}

async fn of_which_sync(
    app: &App,
    sql: &Transaction<'_>,
    caller: &Caller,
    body: &NewSessionBody,
) -> Result<(SyncId, i64), Problem> {
    match (&body.sync_id, &body.definition) {
        (Some(id), None) => {
            let found = syncs::hold_current(sql, caller.account, *id).await?;
            let revision = found.ok_or_else(|| {
                Problem::of_field("/sync_id", "there is no sync of this id", "GET /v1/syncs lists those that there are")
            })?;
            Ok((*id, revision))
        }
        (None, Some(definition)) => inline(app, sql, caller, definition.clone()).await,
        (Some(_), Some(_)) | (None, None) => {
            let remedy = "send `sync_id` for a saved sync, or `definition` with a whole sync file";
            Err(Problem::of_field("", "exactly one of `sync_id` and `definition` is needed", remedy))
        }
    }
}

/// The sync that an inline definition stands for: the same as before, or a new one.
async fn inline(
    app: &App,
    sql: &Transaction<'_>,
    caller: &Caller,
    definition: Value,
) -> Result<(SyncId, i64), Problem> {
    let checked = check(sql, &app.ring, caller.account, definition.clone(), None).await?;
    let current = pinksync_common::definition::fingerprint(app.ring.current(), caller.account, &definition);
    for key in app.ring.keys() {
        let fingerprint = pinksync_common::definition::fingerprint(key, caller.account, &definition);
        if let Some(known) = syncs::inline(sql, caller.account, &fingerprint).await? {
            return Ok((known.id, known.revision));
        }
    }
    let id = SyncId::new();
    let sealed = checked.sealed(&app.ring, caller.account, id)?;
    let contents = Contents {
        document: &checked.document,
        sealed: sealed.as_deref(),
        connections: &checked.connections,
        by: caller.key,
    };
    if syncs::insert_inline(sql, caller.account, id, &current, contents).await? {
        return Ok((id, 1));
    }
    let other = syncs::inline(sql, caller.account, &current).await?;
    other.map(|known| (known.id, known.revision)).ok_or_else(|| Problem::unavailable("try again"))
}
