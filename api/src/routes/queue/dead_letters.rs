//! Tasks of an account that failed for good, each with its remedy, and driven again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pinksync_common::ids::{AccountId, SessionId, TaskId};
use pinksync_common::store::Transaction;
use pinksync_common::store::sessions::{self, Moved};
use pinksync_common::store::tasks::{self, Parked, ToPublish};
use pinksync_common::time::Utc;
use pinksync_model::SessionStatus;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Caller;
use crate::answer::{Answer, Instead, Shown};
use crate::app::App;
use crate::change::{Change, Nothing};
use crate::input::{PathOf, QueryOf};
use crate::page::{Page, PageQuery, Wanted};
use crate::problem::{Code, Problem};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetter {
    #[schema(value_type = Uuid)]
    task_id: TaskId,
    #[schema(value_type = Option<Uuid>)]
    session_id: Option<SessionId>,
    /// Its session is paused for it: driving it again resumes that.
    pauses_session: bool,
    kind: &'static str,
    attempts: i32,
    code: String,
    detail: String,
    /// What to do before it is driven again.
    remedy: String,
    #[schema(value_type = String, format = DateTime)]
    parked_at: Utc,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DrivenAgain {
    #[schema(value_type = Uuid)]
    task_id: TaskId,
    /// The session that goes on.
    #[schema(value_type = Option<Uuid>)]
    session_id: Option<SessionId>,
}

impl From<Parked> for DeadLetter {
    fn from(task: Parked) -> Self {
        let Parked { id, session, pauses, kind, attempts, code, detail, remedy, parked_at } = task;
        Self {
            task_id: id,
            session_id: session,
            pauses_session: pauses,
            kind: kind.as_str(),
            attempts,
            code,
            detail,
            remedy,
            parked_at,
        }
    }
}

/// List tasks that failed for good, the oldest first
#[utoipa::path(get, path = "/v1/queue/dead-letters", tag = "system", operation_id = "list_dead_letters",
    security(("token" = ["sync:read"])), params(PageQuery), responses((status = 200, body = Page<DeadLetter>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Shown<Page<DeadLetter>> {
    let wanted: Wanted<Uuid> = query.wanted()?;
    let client = app.client().await?;
    let rows = tasks::parked(&client, caller.account, wanted.after.map(TaskId), wanted.fetch()).await?;
    Ok(Json(wanted.page(rows, |row| row.id.0, DeadLetter::from)))
}

/// Drive a task again that failed for good
///
/// As if it had never been begun. Where its session is paused for it, that is resumed, and does the task's work afresh.
#[utoipa::path(post, path = "/v1/queue/dead-letters/{task_id}/retry", tag = "system",
    operation_id = "retry_dead_letter", security(("token" = ["sync:write"])), params(("task_id" = Uuid, Path)),
    responses((status = 202, body = DrivenAgain)))]
pub(super) async fn retry(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<TaskId>,
    change: Change<Nothing>,
) -> Result<Answer, Instead> {
    let account = change.caller.account;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let found = tasks::parked_one(&work.sql, account, id).await?.ok_or_else(missing)?;
    let to_publish = match found.session {
        Some(session) => of_session(&app, &work.sql, account, session, id).await?,
        None => tasks::drive_again(&work.sql, account, id).await?.map(|wake| vec![wake]).ok_or_else(missing)?,
    };
    let answer = Answer::accepted(&DrivenAgain { task_id: id, session_id: found.session })?;
    let answer = work.finish(&app, "task.retry", &id.to_string(), answer).await?;
    app.dispatcher.dispatch(to_publish);
    Ok(answer)
}

async fn of_session(
    app: &App,
    sql: &Transaction<'_>,
    account: AccountId,
    session: SessionId,
    task: TaskId,
) -> Result<Vec<ToPublish>, Problem> {
    let row = sessions::lock(sql, account, session).await?.ok_or_else(missing)?;
    if row.status != SessionStatus::Paused {
        let wake = tasks::drive_again(sql, account, task).await?;
        return wake.map(|wake| vec![wake]).ok_or_else(missing);
    }
    if row.resolves.is_some() {
        return Err(Problem::new(Code::WrongState, "a decision does not go on: cancel its session, and decide again"));
    }
    match sessions::want_slot(sql, account, session).await? {
        Moved::Done => Ok(sessions::admit_one(sql, account, session, app.session_cap).await?),
        Moved::NotFrom(_) | Moved::Unknown => Err(missing()),
    }
}

fn missing() -> Problem {
    Problem::not_found("task that failed for good")
}
