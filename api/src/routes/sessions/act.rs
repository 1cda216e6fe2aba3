//! What is asked of a session: each answers 202 with the session as it stands, and what can be asked of it now.

use std::sync::Arc;

use axum::extract::State;
use pinksync_common::store::sessions::{self, Moved, NewSession, SessionRow};
use pinksync_common::store::tasks::ToPublish;
use pinksync_common::store::{Transaction, plans, syncs};
use pinksync_model::{Mode, Reason, SessionId, SessionStatus};

use super::create::submit;
use super::look::missing;
use super::view::SessionView;
use crate::answer::{Answer, Instead};
use crate::app::App;
use crate::change::{Change, Nothing, Work};
use crate::input::PathOf;
use crate::problem::{Code, Problem};

type OfSession = PathOf<SessionId>;
type Request = (State<Arc<App>>, OfSession, Change<Nothing>);

/// The reason code of what a person asked for.
const BY_REQUEST: &str = "by_request";

/// Start a session that was submitted with `start: false`
#[utoipa::path(post, path = "/v1/sessions/{session_id}/start", tag = "sessions", operation_id = "start_session",
    security(("token" = ["sync:write"])), params(("session_id" = Uuid, Path)),
    responses((status = 202, body = SessionView)))]
pub(super) async fn start(app: State<Arc<App>>, id: OfSession, change: Change<Nothing>) -> Result<Answer, Instead> {
    let_in((app, id, change), SessionStatus::Pending, "session.start", "start").await
}

/// Let a paused session go on
#[utoipa::path(post, path = "/v1/sessions/{session_id}/resume", tag = "sessions", operation_id = "resume_session",
    security(("token" = ["sync:write"])), params(("session_id" = Uuid, Path)),
    responses((status = 202, body = SessionView)))]
pub(super) async fn resume(app: State<Arc<App>>, id: OfSession, change: Change<Nothing>) -> Result<Answer, Instead> {
    let_in((app, id, change), SessionStatus::Paused, "session.resume", "resume").await
}

async fn let_in(
    (State(app), PathOf(id), change): Request,
    from: SessionStatus,
    action: &str,
    verb: &str,
) -> Result<Answer, Instead> {
    let account = change.caller.account;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let row = sessions::lock(&work.sql, account, id).await?.ok_or_else(missing)?;
    if row.status != from {
        return Err(not_from(&row.status, verb).into());
    }
    if row.resolves.is_some() {
        return Err(Problem::new(Code::WrongState, "a decision does not go on: cancel it, and decide again").into());
    }
    let to_publish = match sessions::want_slot(&work.sql, account, id).await? {
        Moved::Done => sessions::admit_one(&work.sql, account, id, app.session_cap).await?,
        Moved::NotFrom(status) => return Err(not_from(&status, verb).into()),
        Moved::Unknown => return Err(missing().into()),
    };
    finish(&app, work, id, action, to_publish).await
}

/// Pause a session at its next checkpoint
///
/// Batches at work are finished; nothing is lost, and nothing is done twice when it goes on.
#[utoipa::path(post, path = "/v1/sessions/{session_id}/pause", tag = "sessions", operation_id = "pause_session",
    security(("token" = ["sync:write"])), params(("session_id" = Uuid, Path)),
    responses((status = 202, body = SessionView)))]
pub(super) async fn pause(app: State<Arc<App>>, id: OfSession, change: Change<Nothing>) -> Result<Answer, Instead> {
    move_to((app, id, change), SessionStatus::Paused, "session.pause", "pause").await
}

/// Cancel a session for good
///
/// What was written stays, and can be undone.
#[utoipa::path(post, path = "/v1/sessions/{session_id}/cancel", tag = "sessions", operation_id = "cancel_session",
    security(("token" = ["sync:write"])), params(("session_id" = Uuid, Path)),
    responses((status = 202, body = SessionView)))]
pub(super) async fn cancel(app: State<Arc<App>>, id: OfSession, change: Change<Nothing>) -> Result<Answer, Instead> {
    move_to((app, id, change), SessionStatus::Cancelled, "session.cancel", "cancel").await
}

async fn move_to(
    (State(app), PathOf(id), change): Request,
    next: SessionStatus,
    action: &str,
    verb: &str,
) -> Result<Answer, Instead> {
    let account = change.caller.account;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let reason = Reason { code: BY_REQUEST.to_owned(), detail: format!("API key {} asked for it", change.caller.key) };
    match sessions::move_to(&work.sql, account, id, next, Some(&reason), None).await? {
        Moved::Done => {}
        Moved::NotFrom(status) => return Err(not_from(&status, verb).into()),
        Moved::Unknown => return Err(missing().into()),
    }
    let to_publish = match next.is_terminal() {
        true => sessions::admit(&work.sql, account, app.session_cap).await?,
        false => Vec::new(),
    };
    finish(&app, work, id, action, to_publish).await
}

async fn finish(
    app: &App,
    work: Work<'_>,
    id: SessionId,
    action: &str,
    to_publish: Vec<ToPublish>,
) -> Result<Answer, Instead> {
    let answer = Answer::accepted(&SessionView::of(&work.sql, work.account(), id).await?)?;
    let answer = work.finish(app, action, &id.to_string(), answer).await?;
    app.dispatcher.dispatch(to_publish);
    Ok(answer)
}

fn not_from(status: &SessionStatus, verb: &str) -> Problem {
    Problem::new(Code::WrongState, format!("a session that is {status} cannot {verb}; `actions` says what it can"))
}

/// Submit a session again that failed or was cancelled
///
/// A new session, which names the old one and goes on from its base.
#[utoipa::path(post, path = "/v1/sessions/{session_id}/retry", tag = "sessions", operation_id = "retry_session",
    security(("token" = ["sync:write"])), params(("session_id" = Uuid, Path)),
    responses((status = 201, body = SessionView)))]
pub(super) async fn retry(app: State<Arc<App>>, id: OfSession, change: Change<Nothing>) -> Result<Answer, Instead> {
    follow_up((app, id, change), Follow::Retry).await
}

/// Take back what a session wrote
///
/// A session of its own. What somebody has changed since is left alone, and named in its report.
#[utoipa::path(post, path = "/v1/sessions/{session_id}/undo", tag = "sessions", operation_id = "undo_session",
    security(("token" = ["sync:write"])), params(("session_id" = Uuid, Path)),
    responses((status = 201, body = SessionView)))]
pub(super) async fn undo(app: State<Arc<App>>, id: OfSession, change: Change<Nothing>) -> Result<Answer, Instead> {
    follow_up((app, id, change), Follow::Undo).await
}

/// Carry out exactly what a plan says
///
/// A session of its own. What has changed since the plan was made is left alone, and named in its report.
#[utoipa::path(post, path = "/v1/sessions/{session_id}/apply", tag = "sessions", operation_id = "apply_session",
    security(("token" = ["sync:write"])), params(("session_id" = Uuid, Path)),
    responses((status = 201, body = SessionView)))]
pub(super) async fn apply(app: State<Arc<App>>, id: OfSession, change: Change<Nothing>) -> Result<Answer, Instead> {
    follow_up((app, id, change), Follow::Apply).await
}

/// A session that follows from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follow {
    Retry,
    Undo,
    Apply,
}

impl Follow {
    fn verb(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Undo => "undo",
            Self::Apply => "apply",
        }
    }
}

async fn follow_up((State(app), PathOf(id), change): Request, follow: Follow) -> Result<Answer, Instead> {
    let caller = &change.caller;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let of = sessions::lock(&work.sql, caller.account, id).await?.ok_or_else(missing)?;
    check(&work.sql, &of, follow).await?;
    let new =
        NewSession { created_by: Some(caller.key), ..NewSession::of(caller.account, of.sync, of.revision, Mode::Sync) };
    let new = match follow {
        Follow::Retry => NewSession {
            revision: syncs::current_revision(&work.sql, caller.account, of.sync).await?,
            mode: of.mode,
            allowed: of.allowed,
            retry_of: Some(of.id),
            undo_of: of.undo_of,
            apply_of: of.apply_of,
            ..new
        },
        Follow::Undo => NewSession { mode: Mode::Undo, undo_of: Some(of.id), ..new },
        Follow::Apply => NewSession { apply_of: Some(of.id), ..new },
    };
    submit(&app, work, &new, &format!("session.{}", follow.verb())).await
}

/// Whether a session can be followed so.
async fn check(sql: &Transaction<'_>, of: &SessionRow, follow: Follow) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(Code::WrongState, detail));
    match follow {
        Follow::Retry if of.resolves.is_some() => refused("a decision is made again at its conflict"),
        Follow::Retry if !matches!(of.status, SessionStatus::Failed | SessionStatus::Cancelled) => {
            Err(not_from(&of.status, "be tried again"))
        }
        Follow::Undo if of.mode != Mode::Sync => refused("only a session that syncs can be taken back"),
        Follow::Undo if !of.status.is_terminal() => Err(not_from(&of.status, "be taken back; cancel it first")),
        Follow::Undo if of.undone_at.is_some() => refused("it is taken back already"),
        Follow::Apply if of.mode != Mode::Plan || of.status != SessionStatus::Completed => {
            refused("only a plan that is completed can be carried out")
        }
        Follow::Apply if plans::saved(sql, of.account, of.id).await?.is_none() => {
            refused("this plan was stopped by a guard, and cannot be carried out")
        }
        Follow::Apply if sessions::is_applied(sql, of.account, of.id).await? => {
            refused("this plan is carried out already, or about to be")
        }
        Follow::Retry | Follow::Undo | Follow::Apply => Ok(()),
    }
}
