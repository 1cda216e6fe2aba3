//! Carries out one segment of a session.

use std::sync::Arc;

use pinksync_common::ids::{SessionId, TaskId};
use pinksync_common::request;
use pinksync_common::store::Result;
use pinksync_common::store::tasks::{Claimed, Outcome};
use pinksync_engine::Error;
use pinksync_engine::pair::Pair;
use pinksync_engine::session::{self, Session, SharedSegment};
use pinksync_model::chain;
use serde::{Deserialize, Serialize};

use super::{bad_payload, work};
use crate::begin::{self, Begun};
use crate::home::JournalView;
use crate::lease::Lease;
use crate::outcome::{Verdict, judge};
use crate::service::Service;
use crate::systems::Sides;

/// What a segment is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Segment {
    pub dataset: String,
    /// The task that has planned and shared it.
    pub shared_by: TaskId,
    pub shared: SharedSegment,
}

pub async fn run(service: &Arc<Service>, claimed: &Claimed, lease: &Arc<Lease>) -> Result<()> {
    let Some(id) = claimed.session else { return super::end(service, claimed, Outcome::Withdrawn).await };
    let segment: Segment = match request::unpack(&claimed.payload) {
        Ok(segment) => segment,
        Err(error) => return work::end_task(service, claimed, id, &bad_payload(&error)).await,
    };
    let result = match begin::session(service, claimed, id, lease, JournalView::Task).await? {
        Begun::Ready(begun) => carry_out(&begun.session, &begun.sides, segment, claimed.attempts > 1).await,
        Begun::Unwanted => return work::end_task(service, claimed, id, &Outcome::Withdrawn).await,
        Begun::Failed(error) => Err(error),
    };
    match result {
        Ok(()) => work::end_task(service, claimed, id, &Outcome::Done { result: None }).await,
        Err(error) => failed(service, claimed, id, lease, &error).await,
    }
}

/// `again`: it was begun before, and what was left of that is reconciled first.
async fn carry_out(session: &Session, sides: &Sides, segment: Segment, again: bool) -> pinksync_engine::Result<()> {
    let mut pair = match again {
        // What is reconciled belongs to this segment alone.
        true => session::open_shared(session, &segment.dataset).await?,
        false => shared(session, sides, &segment).await?,
    };
    session::segment(session, &mut pair, segment.shared, again).await.map(|_| ())
}

/// The pair, opened once in this worker.
async fn shared(session: &Session, sides: &Sides, segment: &Segment) -> pinksync_engine::Result<Arc<Pair>> {
    let mut shared = sides.shared.lock().await;
    if let Some((by, pair)) = &*shared
        && *by == segment.shared_by
    {
        return Ok(Arc::clone(pair));
    }
    let pair = session::open_shared(session, &segment.dataset).await?;
    *shared = Some((segment.shared_by, Arc::clone(&pair)));
    Ok(pair)
}

/// What an error means for a task of a session, and the session.
pub(super) async fn failed(
    service: &Service,
    claimed: &Claimed,
    id: SessionId,
    lease: &Lease,
    error: &Error,
) -> Result<()> {
    match judge(error, claimed.attempts) {
        Verdict::Task(outcome) => {
            tracing::warn!(task = %claimed.id, error = chain(error), "a task failed");
            work::end_task(service, claimed, id, &outcome).await
        }
        Verdict::Session(reason) => {
            let report = begin::report_so_far(service, claimed.account, id).await?;
            let end =
                work::End { status: pinksync_model::SessionStatus::Failed, reason: Some(reason), report, result: None };
            work::end_session(service, claimed, id, end).await
        }
        Verdict::Stopped => stopped(service, claimed, id, lease).await,
    }
}

/// Work that ended at a checkpoint since it was asked to.
pub(super) async fn stopped(service: &Service, claimed: &Claimed, id: SessionId, lease: &Lease) -> Result<()> {
    if lease.is_lost() {
        work::lost(claimed);
        return Ok(());
    }
    let outcome = if lease.is_unwanted() { Outcome::Withdrawn } else { Outcome::HandedBack };
    work::end_task(service, claimed, id, &outcome).await
}
