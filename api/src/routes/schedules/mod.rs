//! Schedules: when sessions of a sync start by themselves, and when they may work.

mod shape;
mod trigger;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pinksync_common::ids::ScheduleId;
use pinksync_common::store::schedules::{self, Contents};
use pinksync_common::store::scheduling::Times;
use pinksync_common::store::{Transaction, syncs};
use pinksync_common::time::Utc;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::access::Caller;
use crate::answer::{Answer, Instead, Shown};
use crate::app::App;
use crate::change::{Change, Nothing};
use crate::etag::IfMatch;
use crate::input::{PathOf, QueryOf};
use crate::page::{Page, PageQuery, Wanted};
use crate::problem::{Code, Problem};
use shape::{NewSchedule, ScheduleView, calendar};

/// How many times to come are told.
const TIMES_TO_COME: usize = 10;
const MOST_TIMES_TO_COME: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NextQuery {
    /// How many times.
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct TimesToCome {
    #[schema(value_type = Vec<String>)]
    data: Vec<Utc>,
}

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, replace, delete))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(next))
        .routes(routes!(trigger::trigger))
}

/// Make a schedule
#[utoipa::path(post, path = "/v1/schedules", tag = "schedules", operation_id = "create_schedule",
    security(("token" = ["sync:write"])), request_body = NewSchedule, responses((status = 201, body = ScheduleView)))]
async fn create(State(app): State<Arc<App>>, change: Change<NewSchedule>) -> Result<Answer, Instead> {
    let contents = change.body.contents()?;
    let account = change.caller.account;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    hold_sync(&work.sql, &change.caller, &contents).await?;
    let next_at = next_at(&work.sql, &contents.times).await?;
    let row = schedules::insert(&work.sql, account, &contents, next_at).await?;
    let (id, view) = (row.id, ScheduleView::from(row));
    let answer = Answer::created(format!("/v1/schedules/{id}"), &view)?.at_revision(view.revision);
    work.finish(&app, "schedule.create", &id.to_string(), answer).await
}

/// List schedules, the newest first
#[utoipa::path(get, path = "/v1/schedules", tag = "schedules", operation_id = "list_schedules",
    security(("token" = ["sync:read"])), params(PageQuery), responses((status = 200, body = Page<ScheduleView>)))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<ScheduleView>> {
    let wanted: Wanted<Uuid> = query.wanted()?;
    let client = app.client().await?;
    let rows = schedules::list(&client, caller.account, wanted.after.map(ScheduleId), wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id.0, ScheduleView::from)))
}

/// Get a schedule
#[utoipa::path(get, path = "/v1/schedules/{schedule_id}", tag = "schedules", operation_id = "get_schedule",
    security(("token" = ["sync:read"])), params(("schedule_id" = Uuid, Path)),
    responses((status = 200, body = ScheduleView)))]
async fn get(State(app): State<Arc<App>>, caller: Caller, PathOf(id): PathOf<ScheduleId>) -> Result<Answer, Problem> {
    let client = app.client().await?;
    let row = schedules::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    let view = ScheduleView::from(row);
    Ok(Answer::ok(&view)?.at_revision(view.revision))
}

/// Change a schedule
#[utoipa::path(put, path = "/v1/schedules/{schedule_id}", tag = "schedules", operation_id = "replace_schedule",
    security(("token" = ["sync:write"])), params(("schedule_id" = Uuid, Path)), request_body = NewSchedule,
    responses((status = 200, body = ScheduleView)))]
async fn replace(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ScheduleId>,
    if_match: IfMatch,
    change: Change<NewSchedule>,
) -> Result<Answer, Instead> {
    let contents = change.body.contents()?;
    let account = change.caller.account;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let before = schedules::lock(&work.sql, account, id).await?.ok_or_else(missing)?;
    if_match.check(before.revision)?;
    hold_sync(&work.sql, &change.caller, &contents).await?;
    let next_at = if before.paused { None } else { next_at(&work.sql, &contents.times).await? };
    let row = schedules::update(&work.sql, account, id, &contents, next_at).await?.ok_or_else(missing)?;
    let view = ScheduleView::from(row);
    let answer = Answer::ok(&view)?.at_revision(view.revision);
    work.finish(&app, "schedule.replace", &id.to_string(), answer).await
}

/// Delete a schedule
///
/// Sessions that it has started go on.
#[utoipa::path(delete, path = "/v1/schedules/{schedule_id}", tag = "schedules", operation_id = "delete_schedule",
    security(("token" = ["sync:write"])), params(("schedule_id" = Uuid, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ScheduleId>,
    if_match: IfMatch,
    change: Change<Nothing>,
) -> Result<Answer, Instead> {
    let account = change.caller.account;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let row = schedules::lock(&work.sql, account, id).await?.ok_or_else(missing)?;
    if_match.check(row.revision)?;
    schedules::delete(&work.sql, account, id).await?;
    work.finish(&app, "schedule.delete", &id.to_string(), Answer::nothing()).await
}

/// Let nothing be due until it is resumed
#[utoipa::path(post, path = "/v1/schedules/{schedule_id}/pause", tag = "schedules", operation_id = "pause_schedule",
    security(("token" = ["sync:write"])), params(("schedule_id" = Uuid, Path)),
    responses((status = 200, body = ScheduleView)))]
async fn pause(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ScheduleId>,
    change: Change<Nothing>,
) -> Result<Answer, Instead> {
    set_paused(&app, id, &change, true).await
}

/// Let it be due again, from now on
///
/// What was due while it was paused is not made up for.
#[utoipa::path(post, path = "/v1/schedules/{schedule_id}/resume", tag = "schedules", operation_id = "resume_schedule",
    security(("token" = ["sync:write"])), params(("schedule_id" = Uuid, Path)),
    responses((status = 200, body = ScheduleView)))]
async fn resume(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ScheduleId>,
    change: Change<Nothing>,
) -> Result<Answer, Instead> {
    set_paused(&app, id, &change, false).await
}

/// Tell when it is due next
#[utoipa::path(get, path = "/v1/schedules/{schedule_id}/next", tag = "schedules", operation_id = "next_of_schedule",
    security(("token" = ["sync:read"])), params(("schedule_id" = Uuid, Path), NextQuery),
    responses((status = 200, body = TimesToCome)))]
async fn next(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ScheduleId>,
    QueryOf(query): QueryOf<NextQuery>,
) -> Shown<TimesToCome> {
    let limit = query.limit.unwrap_or(TIMES_TO_COME);
    if !(1..=MOST_TIMES_TO_COME).contains(&limit) {
        let problem = Problem::new(Code::InvalidQuery, "the number of times is out of range");
        let remedy = format!("ask for 1 to {MOST_TIMES_TO_COME}");
        return Err(problem.at("limit", "this is out of range", remedy));
    }
    let client = app.client().await?;
    let row = schedules::get(&client, caller.account, id).await?.ok_or_else(missing)?;
    let (calendar, now) = (calendar(&row.contents.times)?, schedules::now(&client).await?);
    let times = std::iter::successors(calendar.next_due(now.0), |time| calendar.next_due(*time));
    Ok(Json(TimesToCome { data: times.take(limit).map(Utc).collect() }))
}

async fn set_paused(app: &Arc<App>, id: ScheduleId, change: &Change<Nothing>, paused: bool) -> Result<Answer, Instead> {
    let account = change.caller.account;
    let mut client = app.client().await?;
    let work = change.begin(app, &mut client).await?;
    let before = schedules::lock(&work.sql, account, id).await?.ok_or_else(missing)?;
    let next_at = if paused { None } else { next_at(&work.sql, &before.contents.times).await? };
    let row = schedules::set_paused(&work.sql, account, id, paused, next_at).await?.ok_or_else(missing)?;
    let view = ScheduleView::from(row);
    let answer = Answer::ok(&view)?.at_revision(view.revision);
    let action = if paused { "schedule.pause" } else { "schedule.resume" };
    work.finish(app, action, &id.to_string(), answer).await
}

/// The first due time from now on.
async fn next_at(sql: &Transaction<'_>, times: &Times) -> Result<Option<Utc>, Problem> {
    let now = schedules::now(sql).await?;
    Ok(calendar(times)?.next_due(now.0).map(Utc))
}

/// The sync is there and is not deleted meanwhile.
async fn hold_sync(sql: &Transaction<'_>, caller: &Caller, contents: &Contents) -> Result<(), Problem> {
    if syncs::hold(sql, caller.account, contents.sync).await? {
        return Ok(());
    }
    Err(Problem::of_field("/sync_id", "there is no sync of this id in this account", "name one of GET /v1/syncs"))
}

fn missing() -> Problem {
    Problem::not_found("schedule")
}
