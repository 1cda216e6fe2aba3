//! Takes a session's steps, until it has ended, is cut into segments, or gives way to others.

use std::sync::Arc;
use std::time::Instant;

use pinksync_common::ids::SessionId;
use pinksync_common::request::{Advance, pack, unpack};
use pinksync_common::store::tasks::{Claimed, Outcome};
use pinksync_common::store::{Result, sessions, workers};
use pinksync_engine::session::{self, Ending, Finished, Opened, Progress, Session, Share, SharedSegment, Step};
use pinksync_model::{Mode, Reason, SessionStatus};

use super::segment::{Segment, failed, stopped};
use super::{survey, undo, unreadable, work};
use crate::begin::{self, Begun, Ready};
use crate::home::JournalView;
use crate::lease::Lease;
use crate::service::Service;

pub async fn run(service: &Arc<Service>, claimed: &Claimed, lease: &Arc<Lease>) -> Result<()> {
    let Some(id) = claimed.session else { return super::end(service, claimed, Outcome::Withdrawn).await };
    let begun = match begin::session(service, claimed, id, lease, JournalView::Sync).await? {
        Begun::Ready(begun) => begun,
        Begun::Unwanted => return work::end_task(service, claimed, id, &Outcome::Withdrawn).await,
        Begun::Failed(error) => return failed(service, claimed, id, lease, &error).await,
    };
    let done = match begun.row.mode {
        Mode::Sync => sync(service, claimed, &begun).await,
        Mode::Plan => survey::plan(service, claimed, &begun).await,
        Mode::Verify => survey::verify(service, claimed, &begun).await,
        Mode::Undo => undo::run(service, claimed, &begun).await,
    };
    match done {
        Ok(Came::To(finished)) => end(service, claimed, id, lease, &begun, finished).await,
        Ok(Came::Booked) => Ok(()),
        Err(Failure::Engine(error)) => failed(service, claimed, id, lease, &error).await,
        Err(Failure::Store(error)) => Err(error),
    }
}

/// What a mode's work came to.
pub(super) enum Came {
    To(Finished),
    /// It is in the books already.
    Booked,
}

/// What broke it: the systems, or our own database.
pub(super) enum Failure {
    Engine(pinksync_engine::Error),
    Store(pinksync_common::store::StoreError),
}

impl From<pinksync_engine::Error> for Failure {
    fn from(error: pinksync_engine::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<pinksync_common::store::StoreError> for Failure {
    fn from(error: pinksync_common::store::StoreError) -> Self {
        Self::Store(error)
    }
}

async fn sync(service: &Service, claimed: &Claimed, begun: &Ready) -> std::result::Result<Came, Failure> {
    let session = &begun.session;
    let mut open = match session::open(session).await? {
        Opened::Open(open) => open,
        Opened::Guarded(finished) => return Ok(Came::To(finished)),
    };
    let mut progress = begun.progress()?;
    let mut again = may_be_begun(claimed, begun);
    let share = share(service, session).await?;
    let since = Instant::now();
    loop {
        match session::advance(session, &mut open, progress, share, again).await? {
            Step::Ended(finished) => return Ok(Came::To(finished)),
            Step::Compared(next) if since.elapsed() < service.limits.slice => (progress, again) = (next, false),
            Step::Compared(next) => {
                give_way(service, claimed, begun.row.id, next).await?;
                return Ok(Came::Booked);
            }
            Step::Shared { dataset, segments, next } => {
                // Segments in this worker go on with the pair that is open.
                let pair = open.pairs.into_iter().find(|pair| pair.name() == dataset);
                *begun.sides.shared.lock().await = pair.map(|pair| (claimed.id, pair));
                hand_out(service, claimed, begun.row.id, dataset, segments, progress, next).await?;
                return Ok(Came::Booked);
            }
        }
    }
}

/// Whether another process may have begun this step: this task was taken over, or the session goes on after a pause.
fn may_be_begun(claimed: &Claimed, begun: &Ready) -> bool {
    let follows = unpack::<Advance>(&claimed.payload).is_ok_and(|step| step.follows);
    claimed.attempts > 1 || (!follows && begun.row.progress.is_some())
}

/// A session under a limit of records per second has its limit in one process. Others are cut for all that could take
/// part now; workers that come later find something to do, too, until the smaller segments of the end.
async fn share(service: &Service, session: &Session) -> Result<Share> {
    if session.definition.options.records_per_second.is_some() {
        return Ok(Share::Nothing);
    }
    let permits = workers::permits(&service.pool.get().await?).await?;
    // This worker may not be noted yet.
    Ok(Share::Segments { hands: permits.max(service.limits.permits) })
}

async fn hand_out(
    service: &Service,
    claimed: &Claimed,
    id: SessionId,
    dataset: String,
    segments: Vec<SharedSegment>,
    progress: Progress,
    next: Progress,
) -> Result<()> {
    let mut payloads = Vec::with_capacity(segments.len());
    for shared in segments {
        payloads.push(packed(&Segment { dataset: dataset.clone(), shared_by: claimed.id, shared })?);
    }
    let (progress, next) = (packed(&progress)?, packed(&next)?);
    let mut client = service.pool.get().await?;
    let transaction = client.transaction().await?;
    let held = work::held(claimed, id);
    let ended = sessions::share(&transaction, held, payloads, &progress, &next, service.limits.window).await?;
    work::commit(service, claimed, transaction, ended).await.map(|_| ())
}

async fn give_way(service: &Service, claimed: &Claimed, id: SessionId, progress: Progress) -> Result<()> {
    let progress = packed(&progress)?;
    let mut client = service.pool.get().await?;
    let transaction = client.transaction().await?;
    let ended = sessions::step(&transaction, work::held(claimed, id), &progress).await?;
    work::commit(service, claimed, transaction, ended).await.map(|_| ())
}

fn packed(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    pack(value).map_err(|error| unreadable("a task", &error))
}

/// Puts the end of a session into the books.
async fn end(
    service: &Service,
    claimed: &Claimed,
    id: SessionId,
    lease: &Lease,
    begun: &Ready,
    finished: Finished,
) -> Result<()> {
    let (status, reason) = match finished.ending {
        Ending::Completed => (SessionStatus::Completed, completed(begun)),
        Ending::Guarded => (SessionStatus::Failed, Some(session::guard_reason(&finished.guards))),
        Ending::Paused => return stopped(service, claimed, id, lease).await,
    };
    let report = begin::report(service, begun, status, reason.clone(), finished).await?;
    service.systems.forget(id);
    work::end_session(service, claimed, id, work::End { status, reason, report: Some(report), result: None }).await
}

fn completed(begun: &Ready) -> Option<Reason> {
    let of = begun.row.undo_of?;
    Some(Reason { code: "undo".to_owned(), detail: format!("takes back session {of}") })
}
