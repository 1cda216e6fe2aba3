//! A person decides on a conflict. The decision is stored as a session with one task; a worker carries it out, and the
//! request waits a moment for what comes of it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use pinksync_common::ids::{AccountId, ConflictId, SessionId};
use pinksync_common::queue::Class;
use pinksync_common::request::Resolve;
use pinksync_common::store::sessions::{self, Decider};
use pinksync_common::store::tasks::ToPublish;
use pinksync_common::store::{StoreError, Transaction, conflicts, syncs, tasks};
use pinksync_model::{Choice, ConflictStatus, SessionStatus};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::look::missing;
use super::view::ConflictView;
use crate::access::Caller;
use crate::answer::{Answer, Instead};
use crate::app::App;
use crate::ask::{Reply, somebody_is_there, wait};
use crate::change::Change;
use crate::etag::IfMatch;
use crate::input::PathOf;
use crate::problem::{Code, Problem};
use crate::routes::sessions::SessionView;

/// How long the request waits; what takes longer goes on by itself.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    /// `source` or `target`: that side's record stands; `value`: both get what is sent; `delete`: both lose it; `skip`:
    /// both stay as they are.
    #[schema(value_type = String, example = "source")]
    choice: Choice,
    /// Of the choice `value`: fields by the names of the source, laid over what the source holds (or the target, where
    /// the source has no such record).
    #[schema(value_type = Option<Object>)]
    value: Option<Map<String, Value>>,
}

/// Decide on a conflict
///
/// Carried out by a worker, which writes only if both sides still are what the conflict shows: 200 with the conflict once
/// that is done, 409 `conflict_moved` with what the sides hold now if one has moved (the conflict stays open, refreshed).
/// What takes longer than a few seconds is answered by 202 with the session in which it is carried out; sent again with the
/// same `Idempotency-Key`, the request tells what has become of it.
#[utoipa::path(post, path = "/v1/conflicts/{conflict_id}/resolve", tag = "conflicts", operation_id = "resolve_conflict",
    security(("token" = ["conflicts:write"])),
    params(("conflict_id" = Uuid, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the conflict that was looked at.")),
    request_body = Decision,
    responses((status = 200, body = ConflictView), (status = 202, body = SessionView)))]
pub(super) async fn resolve(
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<ConflictId>,
    if_match: Option<IfMatch>,
    change: Change<Decision>,
) -> Result<Answer, Instead> {
    let account = change.caller.account;
    check(&change.body)?;
    // What is kept under an Idempotency-Key is that the decision was taken: what came of it is looked up each time.
    let taken = match decide(&app, id, if_match, &change).await {
        Ok((taken, to_publish)) => {
            app.dispatcher.dispatch(to_publish);
            taken
        }
        Err(Instead::Before(taken)) => taken,
        Err(Instead::Problem(problem)) => return Err(problem.into()),
    };
    match come_of_it(&app, account, &taken).await? {
        Some(reply) => Ok(told(&app, account, id, reply).await?),
        None => Ok(taken),
    }
}

fn check(decision: &Decision) -> Result<(), Problem> {
    match (decision.choice, &decision.value) {
        (Choice::Value, None) => {
            Err(Problem::of_field("/value", "the choice `value` needs one", "send the fields as an object"))
        }
        (Choice::Value, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => Err(Problem::of_field("/value", "only the choice `value` has one", "leave it out")),
    }
}

async fn decide(
    app: &App,
    id: ConflictId,
    if_match: Option<IfMatch>,
    change: &Change<Decision>,
) -> Result<(Answer, Vec<ToPublish>), Instead> {
    let caller = &change.caller;
    let mut client = app.client().await?;
    let work = change.begin(app, &mut client).await?;
    let row = conflicts::lock(&work.sql, caller.account, id).await?.ok_or_else(missing)?;
    if let Some(if_match) = if_match {
        if_match.check(row.revision)?;
    }
    if row.status != ConflictStatus::Open {
        return Err(Problem::new(Code::WrongState, format!("this conflict is {} already", row.status.as_str())).into());
    }
    if let Some(deciding) = row.deciding {
        return Err(held_by(&work.sql, caller.account, deciding).await?.into());
    }
    let revision = syncs::current_revision(&work.sql, caller.account, row.sync).await?;
    let decider = Decider {
        account: caller.account,
        sync: row.sync,
        revision,
        created_by: caller.key,
        class: Class::Interactive,
    };
    let decision = order(caller, id, change.body.choice, change.body.value.clone());
    let (session, to_publish) = sessions::decide(&work.sql, decider, &decision).await.map_err(refused)?;
    let answer = Answer::accepted(&SessionView::of(&work.sql, caller.account, session).await?)?;
    let answer = work.finish(app, "conflict.resolve", &id.to_string(), answer).await?;
    Ok((answer, to_publish))
}

/// What a worker is told.
pub(super) fn order(
    caller: &Caller,
    conflict: ConflictId,
    choice: Choice,
    value: Option<Map<String, Value>>,
) -> Resolve {
    Resolve { conflict, choice, value, decided_by: format!("API key {}", caller.key) }
}

/// Another decision, in this session, keeps the conflict: for a moment, or until somebody ends it.
async fn held_by(sql: &Transaction<'_>, account: AccountId, session: SessionId) -> Result<Problem, Problem> {
    let row = sessions::get(sql, account, session).await?.ok_or_else(missing)?;
    if row.status != SessionStatus::Paused {
        return Ok(at_work());
    }
    let why = row.reason.map(|reason| format!(": {}", reason.detail)).unwrap_or_default();
    let problem = Problem::new(
        Code::WrongState,
        format!("session {session} is paused, in which another decision on it is made{why}"),
    );
    let remedy = format!("cancel that session (POST /v1/sessions/{session}/cancel), then decide again");
    Ok(problem.at(format!("/v1/sessions/{session}"), "this session holds the conflict", remedy))
}

fn at_work() -> Problem {
    Problem::new(Code::DecisionInProgress, "another decision on this conflict is being carried out").retry_after(1)
}

pub(super) fn refused(error: StoreError) -> Problem {
    if error.violated() == Some("sessions_one_decision") { at_work() } else { error.into() }
}

/// Waits for what comes of a decision, if somebody is there to carry it out.
async fn come_of_it(app: &App, account: AccountId, taken: &Answer) -> Result<Option<Reply>, Problem> {
    let client = app.client().await?;
    let session = taken.id().map(SessionId).ok_or_else(missing)?;
    let Some(task) = tasks::of_decision(&client, account, session).await? else { return Ok(None) };
    let patience = if somebody_is_there(&client).await? { PATIENCE } else { Duration::ZERO };
    drop(client);
    wait(app, account, task, patience).await
}

/// What the worker says, as an answer.
async fn told(app: &App, account: AccountId, id: ConflictId, reply: Reply) -> Result<Answer, Problem> {
    let result = match reply {
        Reply::Done(result) => result,
        Reply::Failed { detail, remedy, .. } if detail.is_empty() => {
            let detail = "the session of this decision was ended before a worker had carried it out";
            return Err(Problem::new(Code::DecisionFailed, format!("{detail}{remedy}")));
        }
        Reply::Failed { code, detail, remedy } => {
            return Err(Problem::new(Code::DecisionFailed, detail.clone()).at(code, detail, remedy));
        }
    };
    let reason = result.pointer("/reason/detail").and_then(Value::as_str).unwrap_or("the worker gave no reason");
    match result["outcome"].as_str() {
        Some("resolved") => {
            let row = conflicts::show(&app.client().await?, account, id).await?.ok_or_else(missing)?;
            let view = ConflictView::from(row);
            Ok(Answer::ok(&view)?.at_revision(view.revision))
        }
        Some("moved") => {
            let detail = "a side has moved since: look at what both hold now, then decide again";
            let fresh = json!({"source": result["source"], "target": result["target"]});
            Err(Problem::new(Code::ConflictMoved, detail).with_fresh(fresh))
        }
        Some("guarded") => Err(Problem::new(Code::DecisionGuarded, reason)),
        _ => Err(Problem::new(Code::DecisionFailed, reason)),
    }
}
