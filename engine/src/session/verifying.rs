//! `verify: written | full`: after everything else, the two sides are read again and compared.

use std::collections::HashSet;
use std::sync::Arc;

use pinksync_model::{DatasetReport, Phase, Side, Verify, VerifyCounts};

use super::Session;
use crate::connector::{Found, Guard};
use crate::error::Result;
use crate::home::{Held, JournalEntry, Settlement};
use crate::key::Key;
use crate::pair::Pair;
use crate::segment::gather_lookup;
use crate::session::compare::unshared;
use crate::survey;

/// Counts what is equal and what is not into the session's report, and warns of differences.
pub async fn verify(session: &Session, pair: &mut Arc<Pair>, warnings: &mut Vec<String>) -> Result<()> {
    let verified = match session.definition.options.verify {
        Verify::None => return Ok(()),
        Verify::Full => {
            let report = survey::verify_pair(session, unshared(pair)?, &mut |_| Ok(())).await?;
            warnings.extend(survey::not_seen(pair, &report));
            report.verified
        }
        Verify::Written => {
            session.observer.phase(pair.name(), Phase::Verifying);
            written(session, pair).await?
        }
    };
    if verified.different > 0 {
        let differ = match verified.different {
            1 => "1 record differs".to_owned(),
            many => format!("{many} records differ"),
        };
        warnings.push(format!("{}: {differ} after the session", pair.name()));
    }
    let counted = DatasetReport { verified, ..DatasetReport::default() };
    let settlement = Settlement { counted, ..Settlement::default() };
    session.home.settle(session.id, pair.name(), &settlement).await?.done("note what was verified")
}

/// Looks up on both sides what this session wrote, each record once: as its last write left it.
async fn written(session: &Session, pair: &Pair) -> Result<VerifyCounts> {
    let (mut counts, mut seen) = (VerifyCounts::default(), HashSet::<Key>::new());
    let mut before = None;
    while let Some((id, chunk)) = session.home.history(session.id, before, 1).await?.pop() {
        session.stop.check()?;
        before = Some(id);
        if chunk.dataset != pair.name() {
            continue;
        }
        let wrote = |entry: &JournalEntry| entry.source.is_some() || entry.target.is_some();
        let entries = chunk.entries.into_iter().filter(|entry| wrote(entry) && seen.insert(entry.key.clone()));
        look_up(pair, &entries.collect::<Vec<_>>(), &mut counts).await?;
    }
    Ok(counts)
}

async fn look_up(pair: &Pair, entries: &[JournalEntry], counts: &mut VerifyCounts) -> Result<()> {
    let keys: Vec<Key> = entries.iter().map(|entry| entry.key.clone()).collect();
    let mut source = pair.source.dataset.begin(Guard::Compare).await?;
    let mut target = pair.target.dataset.begin(Guard::Compare).await?;
    let at_source = gather_lookup(pair, Side::Source, &mut *source, &keys).await?;
    let at_target = gather_lookup(pair, Side::Target, &mut *target, &keys).await?;
    source.rollback().await?;
    target.rollback().await?;
    for (entry, two) in entries.iter().zip(at_source.iter().zip(&at_target)) {
        match two {
            (Found::Row(one), Found::Row(other)) if one.hash == other.hash => counts.equal += 1,
            (Found::Absent, Found::Absent) => counts.equal += 1,
            (Found::Unreadable(_), _) | (_, Found::Unreadable(_)) => counts.not_compared += 1,
            two if as_kept(entry, two) => counts.not_compared += 1,
            (Found::Row(_) | Found::Absent, Found::Row(_) | Found::Absent) => counts.different += 1,
        }
    }
    Ok(())
}

/// A decision left the sides different on purpose, and they are as it left them.
fn as_kept(entry: &JournalEntry, (source, target): (&Found, &Found)) -> bool {
    let hash = |found: &Found| match found {
        Found::Row(row) => Some(row.hash),
        Found::Absent | Found::Unreadable(_) => None,
    };
    let held = |held: &Option<Held>| held.as_ref().map(|held| held.hash);
    let kept = entry.new.as_ref().filter(|entry| entry.kept);
    kept.is_some_and(|new| (hash(source), hash(target)) == (held(&new.source), held(&new.target)))
}
