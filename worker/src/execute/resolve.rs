//! Carries out a person's decision on a conflict, in a session of its own, so that it can be undone like any other.

use std::sync::Arc;

use pinksync_common::ids::SessionId;
use pinksync_common::request::{Resolve, unpack};
use pinksync_common::store::tasks::{Claimed, Outcome};
use pinksync_common::store::{Result, reports};
use pinksync_engine::home::Home;
use pinksync_engine::resolve::{self, Resolution};
use pinksync_engine::session::{Ending, Finished, guard_reason};
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::{Reason, SessionStatus};
use serde_json::json;

use super::segment::stopped;
use super::{bad_payload, work};
use crate::begin::{self, Begun, Ready};
use crate::home::JournalView;
use crate::lease::Lease;
use crate::outcome::{Verdict, judge, reason};
use crate::service::Service;

/// The reason code of sessions that settled a conflict.
const RESOLVE: &str = "resolve";

pub async fn run(service: &Arc<Service>, claimed: &Claimed, lease: &Arc<Lease>) -> Result<()> {
    let Some(id) = claimed.session else { return super::end(service, claimed, Outcome::Withdrawn).await };
    let asked: Resolve = match unpack(&claimed.payload) {
        Ok(asked) => asked,
        Err(error) => return work::end_task(service, claimed, id, &bad_payload(&error)).await,
    };
    let begun = match begin::session(service, claimed, id, lease, JournalView::Task).await? {
        Begun::Ready(begun) => begun,
        Begun::Unwanted => return work::end_task(service, claimed, id, &Outcome::Withdrawn).await,
        Begun::Failed(error) => return failed(service, claimed, id, lease, &error).await,
    };
    match carry_out(&begun, &asked).await {
        Ok((dataset, resolution)) => settle(service, claimed, &begun, &asked, &dataset, resolution).await,
        Err(error) => failed(service, claimed, id, lease, &error).await,
    }
}

/// The conflict's dataset, and what came of the decision.
async fn carry_out(begun: &Ready, asked: &Resolve) -> pinksync_engine::Result<(String, Resolution)> {
    let conflict = begun.home.conflict(asked.conflict).await?.ok_or_else(|| {
        Error::new(ErrorKind::Definition, "resolve the conflict", format!("there is no conflict {}", asked.conflict))
            .with_remedy("list the conflicts anew")
    })?;
    let (choice, value) = (asked.choice, asked.value.as_ref());
    let mut resolution = resolve::resolve(&begun.session, &conflict, choice, value, &asked.decided_by).await?;
    if let Resolution::Done(report) = &mut resolution {
        report.conflicts.open = begun.home.count_open(&conflict.dataset).await?;
    }
    Ok((conflict.dataset, resolution))
}

async fn settle(
    service: &Service,
    claimed: &Claimed,
    begun: &Ready,
    asked: &Resolve,
    dataset: &str,
    resolution: Resolution,
) -> Result<()> {
    let conflict = asked.conflict;
    let because = |detail: String| Some(Reason { code: RESOLVE.to_owned(), detail });
    let (status, reason, datasets, guards, result) = match resolution {
        Resolution::Done(report) => {
            let detail = format!("conflict {conflict}: {} took {}", asked.decided_by, asked.choice.as_str());
            let told = json!({"outcome": "resolved"});
            (SessionStatus::Completed, because(detail), vec![reports::named(report, dataset)], Vec::new(), told)
        }
        Resolution::Guarded(guards) => {
            let reason = guard_reason(&guards);
            let told = json!({"outcome": "guarded", "reason": reason});
            (SessionStatus::Failed, Some(reason), Vec::new(), guards, told)
        }
        Resolution::Moved { source, target } => {
            let detail = format!("conflict {conflict}: the record changed since it was found");
            let told = json!({"outcome": "moved", "source": source, "target": target});
            (SessionStatus::Failed, because(detail), Vec::new(), Vec::new(), told)
        }
    };
    let finished = Finished { ending: Ending::Completed, datasets, guards, warnings: Vec::new() };
    let report = begin::report(service, begun, status, reason.clone(), finished).await?;
    let end = work::End { status, reason, report: Some(report), result: Some(result) };
    work::end_session(service, claimed, begun.row.id, end).await
}

/// A decision that failed is made again by a person: there is nothing to go on with. What passes is tried a few times.
async fn failed(service: &Service, claimed: &Claimed, id: SessionId, lease: &Lease, error: &Error) -> Result<()> {
    let outcome = match judge(error, claimed.attempts) {
        Verdict::Stopped => return stopped(service, claimed, id, lease).await,
        Verdict::Task(outcome @ Outcome::Again { .. }) => outcome,
        Verdict::Task(_) | Verdict::Session(_) => {
            let reason = reason(error);
            let told = json!({"outcome": "failed", "reason": reason});
            let report = begin::report_so_far(service, claimed.account, id).await?;
            let end = work::End { status: SessionStatus::Failed, reason: Some(reason), report, result: Some(told) };
            return work::end_session(service, claimed, id, end).await;
        }
    };
    work::end_task(service, claimed, id, &outcome).await
}
