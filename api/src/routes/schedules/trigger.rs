//! A schedule is made to start a session at once.

use std::sync::Arc;

use axum::extract::State;
use pinksync_common::ids::ScheduleId;
use pinksync_common::store::sessions::NewSession;
use pinksync_common::store::{schedules, syncs};
use pinksync_model::Mode;

use super::missing;
use crate::answer::{Answer, Instead};
use crate::app::App;
use crate::change::{Change, Nothing};
use crate::input::PathOf;
use crate::problem::Problem;
use crate::routes::sessions::{SessionView, submit};

/// Start a session of a schedule now
///
/// As if it were due, also while it is paused: when it is due next stays as it is. Where the schedule has a window, the
/// session works only while that is open.
#[utoipa::path(post, path = "/v1/schedules/{schedule_id}/trigger", tag = "schedules", operation_id = "trigger_schedule",
    security(("token" = ["sync:write"])), params(("schedule_id" = Uuid, Path)),
    responses((status = 201, body = SessionView)))]
pub(super) async fn trigger(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ScheduleId>,
    change: Change<Nothing>,
) -> Result<Answer, Instead> {
    let caller = &change.caller;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let schedule = schedules::lock(&work.sql, caller.account, id).await?.ok_or_else(missing)?;
    let sync = schedule.contents.sync;
    let revision = syncs::hold_current(&work.sql, caller.account, sync).await?;
    let revision = revision.ok_or_else(|| Problem::not_found("sync"))?;
    let new = NewSession {
        schedule: Some(id),
        created_by: Some(caller.key),
        ..NewSession::of(caller.account, sync, revision, Mode::Sync)
    };
    submit(&app, work, &new, "schedule.trigger").await
}
