//! A session as a task works on it: its row, its sides, its home under the task's lease.

use std::sync::Arc;

use pinksync_common::ids::{AccountId, SessionId};
use pinksync_common::request::unpack;
use pinksync_common::store::tasks::Claimed;
use pinksync_common::store::{Result, plans, reports, sessions};
use pinksync_engine::home::Home;
use pinksync_engine::saved_plan::SavedPlan;
use pinksync_engine::segment::Limits;
use pinksync_engine::session::{Finished, Progress, Session};
use pinksync_engine::{Error, ErrorKind, pace};
use pinksync_model::{Reason, Report, SessionStatus, SessionSummary};

use crate::definition;
use crate::home::{Fence, JournalView, PgHome, Scope};
use crate::lease::Lease;
use crate::observer::PhaseObserver;
use crate::service::Service;
use crate::systems::{self, Sides};

/// A session ready to be worked on.
pub struct Ready {
    pub row: sessions::SessionRow,
    pub session: Session,
    pub sides: Arc<Sides>,
    pub home: Arc<PgHome>,
}

impl Ready {
    /// Where the session goes on.
    pub fn progress(&self) -> pinksync_engine::Result<Progress> {
        match &self.row.progress {
            None => Ok(Progress::default()),
            Some(bytes) => unpack(bytes).map_err(|error| {
                Error::new(ErrorKind::Other, "go on with the session", error.to_string())
                    .with_remedy("let workers of one version run at a time")
            }),
        }
    }
}

pub enum Begun {
    Ready(Box<Ready>),
    /// The session is not in progress any more.
    Unwanted,
    Failed(Error),
}

/// Opens the session of a task. Whoever was ousted, or may be at work though nobody counts on it, can write nothing more
/// once this has returned.
pub async fn session(
    service: &Service,
    claimed: &Claimed,
    id: SessionId,
    lease: &Arc<Lease>,
    view: JournalView,
) -> Result<Begun> {
    let client = service.pool.get().await?;
    let row = sessions::get(&client, claimed.account, id).await?;
    let Some(row) = row.filter(|row| row.status == SessionStatus::InProgress) else { return Ok(Begun::Unwanted) };
    let plan = match row.apply_of {
        Some(of) => plans::saved(&client, claimed.account, of).await?,
        None => None,
    };
    drop(client);
    let sides = match sides(service, &row).await? {
        Ok(sides) => sides,
        Err(error) => return Ok(Begun::Failed(error)),
    };
    if let Err(error) = end_others(service, claimed, &row, &sides, view).await {
        return Ok(Begun::Failed(error));
    }
    let plan = match plan.as_deref().map(SavedPlan::from_bytes).transpose() {
        Ok(plan) => plan.map(Arc::new),
        Err(error) => return Ok(Begun::Failed(error)),
    };
    let fence = Some(Fence { task: claimed.id, generation: claimed.generation });
    let scope = Scope { account: claimed.account, sync: row.sync, fence, journal: view };
    let home = Arc::new(PgHome::new(service.pool.clone(), scope).under(Arc::clone(lease)));
    let session = Session {
        id,
        definition: Arc::clone(&sides.definition),
        source: Arc::clone(&sides.source),
        target: Arc::clone(&sides.target),
        home: Arc::clone(&home) as Arc<dyn Home>,
        allowed: row.allowed.iter().copied().collect(),
        workers: service.limits.segments_at_once,
        limits: Limits::default(),
        observer: Arc::new(PhaseObserver::start(service.pool.clone(), claimed.account, id)),
        stop: lease.stop.clone(),
        plan,
    };
    Ok(Begun::Ready(Box::new(Ready { row, session, sides, home })))
}

/// Both sides, open already or opened now.
async fn sides(service: &Service, row: &sessions::SessionRow) -> Result<std::result::Result<Arc<Sides>, Error>> {
    if let Some(sides) = service.systems.get(row.id) {
        return Ok(Ok(sides));
    }
    let definition = match definition::load(service, row.account, row.sync, row.revision).await? {
        Ok(definition) => definition,
        Err(error) => return Ok(Err(error)),
    };
    let name = systems::name_of(row.sync, service.id);
    let opened = definition::open(service, &definition, &name).await;
    Ok(opened.map(|(source, target)| {
        let limit = |side| match definition.options.records_per_second {
            Some(limit) => pace::limit(side, limit),
            None => side,
        };
        let (source, target, shared) = (limit(source), limit(target), tokio::sync::Mutex::default());
        let sides = Arc::new(Sides { definition: Arc::new(definition), source, target, shared });
        service.systems.put(row.id, Arc::clone(&sides));
        sides
    }))
}

/// A step has its sync for itself: nothing that any worker left may take effect any more. A segment that was taken from
/// its owner ends that one's connections; those of others are at work on other segments.
async fn end_others(
    service: &Service,
    claimed: &Claimed,
    row: &sessions::SessionRow,
    sides: &Sides,
    view: JournalView,
) -> pinksync_engine::Result<()> {
    let theirs = match (view, claimed.ousted) {
        (JournalView::Sync, _) => systems::names_of(row.sync),
        (JournalView::Task, Some(ousted)) if ousted != service.id => systems::name_of(row.sync, ousted),
        (JournalView::Task, _) => return Ok(()),
    };
    tokio::try_join!(sides.source.end_others(&theirs), sides.target.end_others(&theirs)).map(|_| ())
}

/// The report of a session that has come to its end.
pub async fn report(
    service: &Service,
    begun: &Ready,
    status: SessionStatus,
    reason: Option<Reason>,
    finished: Finished,
) -> Result<Report> {
    let row = &begun.row;
    let session = SessionSummary {
        id: row.id,
        status,
        mode: row.mode,
        started_at: row.started_at.map(|at| at.to_string()).unwrap_or_default(),
        // Told from the row, as the database notes it.
        ended_at: None,
        reason,
    };
    let Finished { datasets, guards, mut warnings, .. } = finished;
    let client = service.pool.get().await?;
    let mut report = Report { session, datasets, guards, warnings: Vec::new() };
    warnings.extend(reports::left_alone(&client, row.account, &report).await?);
    report.warnings = warnings;
    Ok(report)
}

/// What a session has come to so far, as its counters say.
pub async fn report_so_far(service: &Service, account: AccountId, id: SessionId) -> Result<Option<Report>> {
    let client = service.pool.get().await?;
    match sessions::get(&client, account, id).await? {
        Some(row) => reports::so_far(&client, &row).await.map(Some),
        None => Ok(None),
    }
}
