//! One decision on many conflicts: tried first, then taken for exactly as many as were seen.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use pinksync_common::ids::{SessionId, SyncId};
use pinksync_common::queue::Class;
use pinksync_common::store::conflicts::{self, Filter};
use pinksync_common::store::sessions::{self, Decider};
use pinksync_common::store::tasks::ToPublish;
use pinksync_common::store::{Transaction, syncs};
use pinksync_model::{Choice, ConflictKind, ConflictStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::resolve::{order, refused};
use super::view::ConflictView;
use crate::access::Caller;
use crate::answer::{Answer, Instead};
use crate::app::App;
use crate::change::Change;
use crate::problem::{Code, Problem};

/// Most conflicts that one request decides on.
const MOST: i64 = 1000;

/// How many of them are shown.
const SAMPLES: i64 = 5;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decisions {
    filter: OpenConflicts,
    /// `source`, `target`, `delete` or `skip`.
    #[schema(value_type = String, example = "source")]
    choice: Choice,
    /// True: nothing is decided; the answer says how many match, and shows a few.
    #[serde(default)]
    dry_run: bool,
    /// How many the caller has seen to match; needed where it is no dry run.
    #[schema(minimum = 0)]
    expected: Option<i64>,
}

/// Which open conflicts are meant, those left out that somebody's decision is being carried out on.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenConflicts {
    #[schema(value_type = Option<Uuid>)]
    sync_id: Option<SyncId>,
    /// Those that this session found.
    #[schema(value_type = Option<Uuid>)]
    session_id: Option<Uuid>,
    /// By its name on the source.
    dataset: Option<String>,
    #[schema(value_type = Option<String>)]
    kind: Option<ConflictKind>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Matching {
    /// How many match.
    count: i64,
    /// A few of them, the newest.
    samples: Vec<ConflictView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Submitted {
    /// How many matched.
    matched: i64,
    /// On how many of them, the oldest, is decided now: at most 1000.
    submitted: i64,
    remaining: i64,
    /// The sessions in which that is carried out, in the order of the conflicts.
    #[schema(value_type = Vec<Uuid>)]
    session_ids: Vec<SessionId>,
}

/// Decide on many conflicts at once
///
/// Try it with `dry_run` first. Each is carried out by itself, as a decision on one is.
#[utoipa::path(post, path = "/v1/conflicts/resolve", tag = "conflicts", operation_id = "resolve_conflicts",
    security(("token" = ["conflicts:write"])), request_body = Decisions,
    responses((status = 200, body = Matching, description = "Of a dry run"), (status = 202, body = Submitted)))]
pub(super) async fn resolve_many(State(app): State<Arc<App>>, change: Change<Decisions>) -> Result<Answer, Instead> {
    let (caller, body) = (&change.caller, &change.body);
    let filter = checked(body)?;
    let mut client = app.client().await?;
    let work = change.begin(&app, &mut client).await?;
    let matched = conflicts::count_open(&work.sql, caller.account, &filter).await?;
    if body.dry_run {
        let shown = conflicts::list(&work.sql, caller.account, &filter, None, SAMPLES).await?;
        let samples = shown.into_iter().map(ConflictView::from).collect();
        // Nothing is done, so that nothing is kept of it.
        return Ok(Answer::ok(&Matching { count: matched, samples })?);
    }
    if body.expected != Some(matched) {
        let problem = Problem::new(Code::CountChanged, format!("{matched} match now"));
        return Err(problem.at("/expected", "not as many match", "look at them again, then decide").into());
    }
    let (session_ids, to_publish) = decide(&work.sql, caller, &filter, body.choice).await?;
    let submitted = i64::try_from(session_ids.len()).unwrap_or(MOST);
    let answer = Answer::accepted(&Submitted { matched, submitted, remaining: matched - submitted, session_ids })?;
    let answer = work.finish(&app, "conflict.resolve_many", &caller.account.to_string(), answer).await?;
    app.dispatcher.dispatch(to_publish);
    Ok(answer)
}

fn checked(body: &Decisions) -> Result<Filter, Problem> {
    if body.choice == Choice::Value {
        let remedy = "choose `source`, `target`, `delete` or `skip`, or decide on each by itself";
        return Err(Problem::of_field("/choice", "one value does not fit many records", remedy));
    }
    if !body.dry_run && body.expected.is_none() {
        let remedy = "try it with `dry_run` first, and send its `count` as `expected`";
        return Err(Problem::of_field("/expected", "it does not say how many are meant", remedy));
    }
    let OpenConflicts { sync_id: sync, session_id, dataset, kind } = body.filter.clone();
    let status = Some(ConflictStatus::Open);
    Ok(Filter { sync, session: session_id.map(SessionId), dataset, kind, status })
}

async fn decide(
    sql: &Transaction<'_>,
    caller: &Caller,
    filter: &Filter,
    choice: Choice,
) -> Result<(Vec<SessionId>, Vec<ToPublish>), Problem> {
    let mut revisions: HashMap<SyncId, i64> = HashMap::new();
    let (mut session_ids, mut to_publish) = (Vec::new(), Vec::new());
    let account = caller.account;
    for conflict in conflicts::open(sql, account, filter, MOST).await? {
        let revision = match revisions.get(&conflict.sync) {
            Some(revision) => *revision,
            None => syncs::current_revision(sql, account, conflict.sync).await?,
        };
        revisions.insert(conflict.sync, revision);
        let decider = Decider { account, sync: conflict.sync, revision, created_by: caller.key, class: Class::Bulk };
        let decision = order(caller, conflict.id, choice, None);
        let (session, stored) = sessions::decide(sql, decider, &decision).await.map_err(refused)?;
        session_ids.push(session);
        to_publish.extend(stored);
    }
    Ok((session_ids, to_publish))
}
