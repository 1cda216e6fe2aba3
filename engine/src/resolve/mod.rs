//! Settles one open conflict as a person decided. Guarded like any write: both sides must still be what the conflict
//! shows; the base moves for both sides in one settle, so that the conflict does not come back.

mod carry;
mod choice;

use pinksync_model::{Choice, ConflictStatus, DatasetReport, GuardReport, Side};
use serde_json::{Map, Value as Json};

use crate::connector::{Found, Guard, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{ConflictRecord, Settlement, StoredConflict};
use crate::json;
use crate::pair::Pair;
use crate::recover;
use crate::row::Row;
use crate::segment::gather_lookup;
use crate::session::{Prepared, Session, guards, open_pair, prepare_survey};
use crate::value::Values;

/// What came of a decision.
#[derive(Debug)]
pub enum Resolution {
    Done(DatasetReport),
    /// The base was taken under another mapping or of other systems: nothing was touched.
    Guarded(Vec<GuardReport>),
    /// A side has moved since the conflict was found: it stays open, refreshed with these versions.
    Moved {
        source: Option<Map<String, Json>>,
        target: Option<Map<String, Json>>,
    },
}

/// What one side holds, in the transaction that read it.
struct Seen {
    side: Side,
    now: Option<Row>,
    transaction: Box<dyn Transaction>,
}

/// Carries a person's choice out. `value` is needed for `Choice::Value`: fields laid over the source's version (or the
/// target's, where the source has none).
pub async fn resolve(
    session: &Session,
    conflict: &StoredConflict,
    choice: Choice,
    value: Option<&Map<String, Json>>,
    decided_by: &str,
) -> Result<Resolution> {
    if conflict.record.status != ConflictStatus::Open {
        let message = format!("conflict {} is {} already", conflict.id, conflict.record.status.as_str());
        return Err(Error::new(ErrorKind::Definition, "resolve the conflict", message)
            .with_remedy("`pinksync conflicts list` shows those that are open"));
    }
    let prepared = prepared(session, &conflict.dataset).await?;
    let tripped = guards::of_the_base(session, std::slice::from_ref(&prepared)).await?;
    if !tripped.is_empty() {
        return Ok(Resolution::Guarded(tripped));
    }
    let pair = open_pair(session, prepared).await?;
    recover::left_by_others(&session.context(), &pair).await?;
    let seen = look(&pair, conflict).await?;
    if moved(&pair, conflict, &seen) {
        return refresh(session, &pair, conflict, seen).await;
    }
    let wanted = choice::wanted(&pair, conflict, choice, value, [&seen[0].now, &seen[1].now])?;
    match carry::carry(session, &pair, conflict, (choice, decided_by), seen, wanted).await? {
        Some(counted) => Ok(Resolution::Done(counted)),
        None => {
            let seen = look(&pair, conflict).await?;
            refresh(session, &pair, conflict, seen).await
        }
    }
}

async fn prepared(session: &Session, dataset: &str) -> Result<Prepared> {
    let found = prepare_survey(session).await?.into_iter().find(|one| one.mapping.name == dataset);
    found.ok_or_else(|| {
        Error::new(ErrorKind::Definition, "resolve the conflict", format!("the sync file has no dataset {dataset}"))
            .with_remedy("put the dataset back into the sync file as it was")
    })
}

/// What both sides hold now, source first.
async fn look(pair: &Pair, conflict: &StoredConflict) -> Result<[Seen; 2]> {
    Ok([look_at(pair, conflict, Side::Source).await?, look_at(pair, conflict, Side::Target).await?])
}

async fn look_at(pair: &Pair, conflict: &StoredConflict, side: Side) -> Result<Seen> {
    let keys = std::slice::from_ref(&conflict.record.key);
    let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
    let now = match gather_lookup(pair, side, &mut *transaction, keys).await?.pop() {
        Some(Found::Row(row)) => Some(row),
        Some(Found::Unreadable(why)) => {
            return Err(Error::new(ErrorKind::Data, "resolve the conflict", why.reason)
                .with_remedy("correct the record on its side, then run the sync and decide again"));
        }
        Some(Found::Absent) | None => None,
    };
    Ok(Seen { side, now, transaction })
}

/// Whether a side is not what the conflict shows any more.
fn moved(pair: &Pair, conflict: &StoredConflict, seen: &[Seen; 2]) -> bool {
    let shown = |version: &Option<Values>| version.as_ref().map(|values| pair.mapping.source.hash(values));
    shown(&conflict.record.source) != seen[0].now.as_ref().map(|row| row.hash)
        || shown(&conflict.record.target) != seen[1].now.as_ref().map(|row| row.hash)
}

/// Stores what the sides hold now in the open conflict.
async fn refresh(session: &Session, pair: &Pair, conflict: &StoredConflict, seen: [Seen; 2]) -> Result<Resolution> {
    let version = |seen: &Seen| seen.now.as_ref().map(|row| row.values().clone());
    let (source, target) = (version(&seen[0]), version(&seen[1]));
    // What was only read is let go before the home is written.
    drop(seen);
    let show = |values: &Option<Values>| values.as_ref().map(|values| json::record(&pair.mapping.fields, values));
    let moved = Resolution::Moved { source: show(&source), target: show(&target) };
    let record = ConflictRecord { source, target, ..conflict.record.clone() };
    let settlement = Settlement { conflicts: vec![record], ..Settlement::default() };
    session.home.settle(session.id, pair.name(), &settlement).await?.done("settle a conflict")?;
    Ok(moved)
}
