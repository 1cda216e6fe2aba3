//! The beginning of a session: both sides described and mapped, targets made, the guards on the base's terms asked.

use std::sync::Arc;

use pinksync_model::{GuardReport, Phase};

use super::guards::{self, Keep};
use super::prepare::{self, Prepared};
use super::{Ending, Finished, Session, reports};
use crate::error::Result;
use crate::pair::Pair;

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

/// The pairs of a session that another process has opened, for its segments.
pub async fn open_again(session: &Session) -> Result<Vec<Arc<Pair>>> {
    let prepared = prepare::prepare_survey(session).await?;
    Ok(open_pairs(session, prepared).await?.0)
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
