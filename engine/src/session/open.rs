//! The beginning of a session: both sides described and mapped, targets made, the guards on the base's terms asked.

use std::sync::Arc;

use pinksync_model::{GuardReport, Phase, Side};

use super::guards::{self, Keep};
use super::prepare::{self, Prepared};
use super::{Ending, Finished, Session, reports};
use crate::error::{Error, ErrorKind, Result};
use crate::home::Run;
use crate::pair::{OpenSide, Pair};

/// A session whose pairs are open.
pub struct Open {
    /// Parents of foreign keys first.
    pub pairs: Vec<Arc<Pair>>,
    pub(super) guards: Vec<GuardReport>,
    pub(super) warnings: Vec<String>,
}

/// Whether a session may begin.
pub enum Opened {
    Open(Open),
    /// A guard tripped before anything was looked at.
    Guarded(Finished),
}

/// Opens a session, or one that goes on. Makes targets that are to be created.
pub async fn open(session: &Session) -> Result<Opened> {
    session.observer.phase("", Phase::Planning);
    let mut prepared = prepare::prepare_survey(session).await?;
    if prepared.iter().any(|one| !one.target_exists) {
        // Nothing is created in a session that a guard stops, nor where a dataset cannot be synced anyway.
        let guards = guards::terms(session, &prepared, Keep::Nothing).await?;
        if guards::stop(&guards) {
            return guarded(session, guards).await;
        }
        for one in prepared {
            prepare::open_pair(session, one).await?;
        }
        prepared = prepare::prepare(session).await?;
    }
    let keep = if session.plan.is_none() { Keep::Changed } else { Keep::First };
    let guards = guards::terms(session, &prepared, keep).await?;
    if guards::stop(&guards) {
        return guarded(session, guards).await;
    }
    guards::refuse_with_plan(session, &guards)?;
    let guards = guards::with_overridden(session, guards).await?;
    let (pairs, warnings) = open_pairs(session, prepared).await?;
    Ok(Opened::Open(Open { pairs, guards, warnings }))
}

/// A pair whose segments are shared, by its name; what is staged of it was staged by the process that shares them.
pub async fn open_shared(session: &Session, dataset: &str) -> Result<Arc<Pair>> {
    let prepared = prepare::prepare_survey(session).await?.into_iter().find(|one| one.mapping.name == dataset);
    let prepared = prepared.ok_or_else(|| {
        Error::new(ErrorKind::Definition, OPERATION, format!("there is no dataset {dataset} any more"))
            .with_remedy("run the sync again")
    })?;
    let mut pair = prepare::open_pair(session, prepared).await?;
    pair.source.run = staged(session, dataset, Side::Source, &pair.source).await?;
    pair.target.run = staged(session, dataset, Side::Target, &pair.target).await?;
    Ok(Arc::new(pair))
}

const OPERATION: &str = "open a shared dataset";

async fn staged(session: &Session, dataset: &str, side: Side, end: &OpenSide) -> Result<Option<Arc<dyn Run>>> {
    if end.dataset.capabilities().ordered {
        return Ok(None);
    }
    let spec = Arc::clone(end.dataset.spec());
    let run = session.home.open_run(dataset, side, spec).await?;
    let gone = || Error::new(ErrorKind::Aborted, OPERATION, format!("what was staged of the {side} is gone"));
    run.map(Some).ok_or_else(gone)
}

async fn open_pairs(session: &Session, prepared: Vec<Prepared>) -> Result<(Vec<Arc<Pair>>, Vec<String>)> {
    let mut pairs = Vec::with_capacity(prepared.len());
    let mut warnings = Vec::new();
    for prepared in prepared {
        let pair = prepare::open_pair(session, prepared).await?;
        warnings.extend(prepare::warnings(session, &pair));
        pairs.push(Arc::new(pair));
    }
    Ok((pairs, warnings))
}

async fn guarded(session: &Session, guards: Vec<GuardReport>) -> Result<Opened> {
    let datasets = reports(session, &[]).await?;
    Ok(Opened::Guarded(Finished { ending: Ending::Guarded, datasets, guards, warnings: Vec::new() }))
}
