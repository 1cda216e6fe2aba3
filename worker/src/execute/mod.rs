//! A claimed task is carried out, and what came of it is put into the books.

mod advance;
mod resolve;
mod segment;
mod survey;
mod undo;
mod work;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use metrics::histogram;
use pinksync_common::store::tasks::{self, Claimed, Outcome, TaskKind};
use pinksync_common::store::{Result, StoreError};
use pinksync_common::telemetry::names;
use pinksync_model::chain;

use crate::lease::Lease;
use crate::outcome;
use crate::request;
use crate::service::Service;

/// Carries a task out. An error of the metadata database is logged: the lease runs out, and another worker begins again.
pub async fn run(service: &Arc<Service>, claimed: Claimed, lease: &Arc<Lease>) {
    let (task, attempts, since) = (claimed.id, claimed.attempts, Instant::now());
    tracing::debug!(%task, kind = claimed.kind.as_str(), attempts, "begun");
    let done = AssertUnwindSafe(dispatch(service, &claimed, lease)).catch_unwind().await;
    let ended = match done {
        Ok(ended) => ended,
        Err(panic) => end(service, &claimed, outcome::of_panic(&message(&*panic), attempts)).await,
    };
    histogram!(names::TASK_SECONDS, "kind" => claimed.kind.as_str()).record(since.elapsed());
    if let Err(error) = ended {
        tracing::warn!(%task, error = chain(&error), "what came of a task could not be put into the books");
    }
}

async fn dispatch(service: &Arc<Service>, claimed: &Claimed, lease: &Arc<Lease>) -> Result<()> {
    match claimed.kind {
        TaskKind::Advance => advance::run(service, claimed, lease).await,
        TaskKind::Segment => segment::run(service, claimed, lease).await,
        TaskKind::Resolve => resolve::run(service, claimed, lease).await,
        TaskKind::Check => request::answer(service, claimed, request::check(service, claimed)).await,
        TaskKind::Discover => request::answer(service, claimed, request::discover(service, claimed)).await,
        TaskKind::Validate => request::answer(service, claimed, request::validate(service, claimed)).await,
        TaskKind::Changes => request::answer(service, claimed, request::changes(service, claimed)).await,
    }
}

/// Ends a task with an outcome, and lets its session follow.
pub(crate) async fn end(service: &Service, claimed: &Claimed, outcome: Outcome) -> Result<()> {
    match claimed.session {
        Some(session) => work::end_task(service, claimed, session, &outcome).await,
        None => {
            let client = service.pool.get().await?;
            work::count(claimed, outcome.as_str());
            tasks::end(&client, claimed.id, claimed.generation, &outcome).await.map(|_| ())
        }
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it says nothing".to_owned())
}

/// A payload that is not understood is nobody's to carry out.
pub(crate) fn bad_payload(error: &pinksync_common::request::BadPayload) -> Outcome {
    let (code, detail) = ("payload".to_owned(), error.to_string());
    Outcome::Parked { code, detail, remedy: "let workers of one version run at a time".to_owned() }
}

pub(crate) fn unreadable(what: &'static str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unreadable(what, error.to_string())
}
