//! The deletes that comparing collected, once the guards have seen their number: each key is looked up again on both
//! sides, without the filter, and deleted only if that is still the decision.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use pinksync_model::{DatasetReport, Phase, Side};

use super::{Session, compare};
use crate::error::Result;
use crate::home::{Deferred, DeferredKind, Settlement};
use crate::key::Key;
use crate::pair::Pair;
use crate::segment::Purpose;

/// Deferred records read from the home at once.
const PORTION: usize = 10_000;

/// Carries out the deletes of a dataset. Those derived from a side that was not read completely are dropped. Gives the
/// keys of those that were refused and set aside.
pub async fn run(session: &Session, pair: &Pair) -> Result<HashSet<Key>> {
    session.observer.phase(pair.name(), Phase::Deleting);
    let mut keys = BTreeMap::<Side, Vec<Key>>::new();
    let (mut dropped, mut counted) = (Vec::new(), DatasetReport::default());
    for deferred in all(session, pair, DeferredKind::Delete).await? {
        match pair.side(deferred.side.other()).is_incomplete() {
            true => {
                counted.target_only += u64::from(deferred.mirror);
                counted.unchanged += u64::from(!deferred.mirror);
                dropped.push((deferred.key, DeferredKind::Delete));
            }
            false => keys.entry(deferred.side).or_default().push(deferred.key),
        }
    }
    if !dropped.is_empty() {
        let settlement = Settlement { done: dropped, counted, ..Settlement::default() };
        session.home.settle(session.id, pair.name(), &settlement).await?.done("drop deletes")?;
    }
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let before = set_aside(session, pair).await?;
    for (side, keys) in keys {
        compare::work_on_keys(session, pair, keys, Purpose::Delete { side }).await?;
    }
    let mut refused = set_aside(session, pair).await?;
    refused.retain(|key| !before.contains(key));
    Ok(refused)
}

async fn set_aside(session: &Session, pair: &Pair) -> Result<HashSet<Key>> {
    Ok(all(session, pair, DeferredKind::SetAside).await?.into_iter().map(|deferred| deferred.key).collect())
}

/// How many deletes wait for their guards.
pub async fn waiting(session: &Session, pairs: &[Arc<Pair>]) -> Result<u64> {
    let mut count = 0;
    for pair in pairs {
        let (source, target) = session.home.count_deferred(session.id, pair.name(), DeferredKind::Delete).await?;
        count += source + target;
    }
    Ok(count)
}

/// Every deferred record of a dataset.
pub(super) async fn all(session: &Session, pair: &Pair, kind: DeferredKind) -> Result<Vec<Deferred>> {
    let mut found: Vec<Deferred> = Vec::new();
    loop {
        let after: Option<Key> = found.last().map(|last| last.key.clone());
        let portion = session.home.deferred(session.id, pair.name(), kind, after.as_ref(), PORTION).await?;
        let last = portion.len() < PORTION;
        found.extend(portion);
        if last {
            return Ok(found);
        }
    }
}

/// Says where deletes are not derived because a side could not be read completely.
pub fn warn_incomplete(pairs: &[Arc<Pair>], warnings: &mut Vec<String>) {
    for pair in pairs {
        for side in [Side::Source, Side::Target] {
            if pair.side(side).is_incomplete() {
                let (name, rejected) =
                    (&pair.mapping.spec(side).dataset, "records could not be read and their keys are not known");
                warnings.push(format!("{name}: {rejected}; no delete was derived from this side"));
            }
        }
    }
}
