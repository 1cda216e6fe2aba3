//! Takes back what a finished session did: walks its journal backwards and restores each before-image, guarded by
//! "still what that session wrote". What somebody changed since is not touched and is listed.

mod chunk;
mod item;
mod step;

use std::collections::HashMap;
use std::sync::Arc;

use pinksync_model::{DatasetReport, Phase, SessionId};

use crate::error::{Error, ErrorKind, Result};
use crate::home::{Settled, Settlement};
use crate::key::KeyRange;
use crate::pair::Pair;
use crate::recover;
use crate::segment::KeyBlocks;
use crate::session::{Ending, Finished, Session, guards, open_pair, prepare_survey, reports};
use crate::survey::Sink;

/// Undoes session `of` in a session of its own, or goes on with that. `dry_run`: tells, and changes nothing. Under
/// another mapping, or over other systems, than the base was taken under nothing is touched (`Ending::Guarded`).
pub async fn undo(session: &Session, of: SessionId, dry_run: bool, sink: Sink<'_>) -> Result<Finished> {
    let mut finished =
        Finished { ending: Ending::Completed, datasets: Vec::new(), guards: Vec::new(), warnings: Vec::new() };
    session.observer.phase("", Phase::Planning);
    let prepared = prepare_survey(session).await?;
    finished.guards = guards::of_the_base(session, &prepared).await?;
    if !finished.guards.is_empty() {
        finished.ending = Ending::Guarded;
        return Ok(finished);
    }
    let mut pairs = Vec::new();
    for one in prepared {
        let pair = open_pair(session, one).await?;
        if !dry_run {
            recover::left_by_others(&session.context(), &pair).await?;
        }
        pairs.push(Arc::new(pair));
    }
    let mut dry = HashMap::new();
    let mut before = None;
    while let Some((id, chunk)) = session.home.history(of, before, 1).await?.pop() {
        session.stop.check()?;
        let pair = pairs.iter().find(|pair| pair.name() == chunk.dataset).ok_or_else(|| not_there(&chunk.dataset))?;
        session.observer.phase(pair.name(), Phase::Comparing);
        let counted = match dry_run {
            true => chunk::look(session, pair, &chunk, sink).await?,
            false => chunk::take_back(session, pair, id, &chunk, sink).await?,
        };
        session.observer.advanced(pair.name(), 0, 0, &counted);
        *dry.entry(pair.name().to_owned()).or_insert_with(DatasetReport::default) += &counted;
        before = Some(id);
    }
    session.observer.phase("", Phase::Finishing);
    if !dry_run {
        for pair in &pairs {
            reopen_conflicts(session, pair, of).await?;
        }
    }
    finished.datasets = reports(session, &pairs).await?;
    if dry_run {
        for (report, pair) in finished.datasets.iter_mut().zip(&pairs) {
            *report += dry.get(pair.name()).unwrap_or(&DatasetReport::default());
        }
    }
    Ok(finished)
}

/// Opens the conflicts again that the session settled. Blocks with open conflicts are compared by the next session, also
/// where no base moved: their sums describe what the undone session came to.
async fn reopen_conflicts(session: &Session, pair: &Pair, of: SessionId) -> Result<()> {
    let (home, name) = (&session.home, pair.name());
    let settlement = Settlement { reopen: Some(of), ..Settlement::default() };
    home.settle(session.id, name, &settlement).await?.done("undo")?;
    for keys in home.open_conflicts(name, &KeyRange::default()).await?.chunks(1000) {
        let blocks = KeyBlocks::load(&**home, name, keys, &[]).await?;
        let entries: Vec<_> = keys.iter().map(|key| blocks.entry(key).cloned()).collect();
        let as_they_are = keys.iter().zip(&entries).collect();
        let base = recover::replace_entries(&session.context(), pair, &as_they_are, &[]).await?;
        match home.settle(session.id, name, &Settlement { base, ..Settlement::default() }).await? {
            Settled::Done => {}
            Settled::Moved => {
                return Err(Error::new(ErrorKind::Other, "undo", "the base was changed by another process"));
            }
        }
    }
    Ok(())
}

fn not_there(dataset: &str) -> Error {
    Error::new(ErrorKind::Definition, "undo", format!("the sync file does not have the dataset {dataset} any more"))
        .with_remedy("put the dataset back into the sync file as it was")
}
