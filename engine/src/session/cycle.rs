//! Records that wait for a value which another waiting record holds, as where two swap unique values.

use std::collections::HashSet;

use pinksync_model::Side;

use crate::connector::{Found, Guard};
use crate::error::Result;
use crate::home::Deferred;
use crate::key::Key;
use crate::pair::Pair;
use crate::row::{Hash, Row, SideSpec};
use crate::segment::gather_lookup;

/// A value in a column.
type Slot = (usize, Hash);

/// A record whose write was refused.
struct Waiting {
    key: Key,
    /// What it is to hold and does not yet.
    wants: Vec<Slot>,
    /// What it holds and is to give up.
    gives: Vec<Slot>,
}

/// The waiting records each of which wants a value that another of them has yet to give up.
pub async fn find(pair: &Pair, waiting: &[Deferred]) -> Result<HashSet<Key>> {
    let mut found = HashSet::new();
    for side in [Side::Source, Side::Target] {
        let here = waiting.iter().filter(|deferred| deferred.side == side);
        let keys: Vec<Key> = here.map(|deferred| deferred.key.clone()).collect();
        if !keys.is_empty() {
            found.extend(on_side(pair, side, &keys).await?);
        }
    }
    Ok(found)
}

async fn on_side(pair: &Pair, side: Side, keys: &[Key]) -> Result<Vec<Key>> {
    let (own, other) = (look(pair, side, keys).await?, look(pair, side.other(), keys).await?);
    let spec = pair.mapping.spec(side);
    let both = keys.iter().zip(own.iter().zip(&other));
    let mut left: Vec<Waiting> = both
        .map(|(key, (own, other))| Waiting {
            key: key.clone(),
            wants: slots(spec, other.as_ref(), own.as_ref()),
            gives: slots(spec, own.as_ref(), other.as_ref()),
        })
        .collect();
    loop {
        let before = left.len();
        let held: HashSet<Slot> = left.iter().flat_map(|one| one.gives.iter().copied()).collect();
        left.retain(|one| one.wants.iter().any(|slot| held.contains(slot)));
        if left.len() == before {
            return Ok(left.into_iter().map(|one| one.key).collect());
        }
    }
}

async fn look(pair: &Pair, side: Side, keys: &[Key]) -> Result<Vec<Option<Row>>> {
    let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
    let found = gather_lookup(pair, side, &mut *transaction, keys).await?;
    transaction.rollback().await?;
    let row = |found| match found {
        Found::Row(row) => Some(row),
        Found::Absent | Found::Unreadable(_) => None,
    };
    Ok(found.into_iter().map(row).collect())
}

/// The values of `one` that `other` has not in the same column. NULL is in nobody's way.
fn slots(spec: &SideSpec, one: Option<&Row>, other: Option<&Row>) -> Vec<Slot> {
    let Some(one) = one else { return Vec::new() };
    let differs = |index: &usize| {
        let value = &one.values()[*index];
        !value.is_null() && other.is_none_or(|other| !other.values()[*index].same(value))
    };
    let slot = |index: usize| (index, Hash::of(std::iter::once(&one.values()[index])));
    spec.compared().filter(differs).map(slot).collect()
}
