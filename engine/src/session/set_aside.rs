//! Writes that were refused for what other records held (unique values, foreign keys): tried again after everything
//! else, until a pass makes no progress; what is left then becomes rejects. One that is a delete by now waits for the
//! guards.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Session, compare, cycle, deletes};
use crate::error::Result;
use crate::home::DeferredKind;
use crate::key::Key;
use crate::pair::Pair;
use crate::segment::Purpose;

/// By dataset: records whose delete the guards have let through and which was refused.
pub type Guarded = HashMap<String, Arc<HashSet<Key>>>;

/// Passes over all datasets, parents first.
pub async fn run(session: &Session, pairs: &[Arc<Pair>], guarded: &Guarded) -> Result<()> {
    let mut left = waiting(session, pairs).await?;
    while left > 0 {
        pass(session, pairs, guarded, false).await?;
        let now = waiting(session, pairs).await?;
        if now >= left {
            return pass(session, pairs, guarded, true).await;
        }
        left = now;
    }
    Ok(())
}

async fn waiting(session: &Session, pairs: &[Arc<Pair>]) -> Result<u64> {
    let mut count = 0;
    for pair in pairs {
        let (source, target) = session.home.count_deferred(session.id, pair.name(), DeferredKind::SetAside).await?;
        count += source + target;
    }
    Ok(count)
}

async fn pass(session: &Session, pairs: &[Arc<Pair>], guarded: &Guarded, last: bool) -> Result<()> {
    for pair in pairs {
        let waiting = deletes::all(session, pair, DeferredKind::SetAside).await?;
        let cycle = if last { cycle::find(pair, &waiting).await? } else { HashSet::new() };
        let keys: Vec<Key> = waiting.into_iter().map(|deferred| deferred.key).collect();
        if !keys.is_empty() {
            let (cycle, guarded) = (Arc::new(cycle), guarded.get(pair.name()).cloned().unwrap_or_default());
            compare::work_on_keys(session, pair, keys, Purpose::SetAside { last, cycle, guarded }).await?;
        }
    }
    Ok(())
}
