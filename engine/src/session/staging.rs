//! Reads a side that has no key order once, into a sorted run.

use std::sync::Arc;

use pinksync_model::{Phase, Side};
use tokio::sync::mpsc;

use super::Session;
use crate::connector::Chunk;
use crate::error::{Error, ErrorKind, Result};
use crate::home::Settlement;
use crate::pair::Pair;
use crate::row::Unreadable;
use crate::segment;

/// Stages what cannot be read in key order of either side.
pub async fn stage_both(session: &Session, pair: &mut Pair, keep_rejects: bool) -> Result<()> {
    session.observer.phase(pair.name(), Phase::Staging);
    stage(session, pair, Side::Source, keep_rejects).await?;
    stage(session, pair, Side::Target, keep_rejects).await
}

/// Stages a side of a pair, unless it can be read in key order. Rejects are stored (not in a survey).
async fn stage(session: &Session, pair: &mut Pair, side: Side, keep_rejects: bool) -> Result<()> {
    let dataset = Arc::clone(&pair.side(side).dataset);
    if dataset.capabilities().ordered {
        return Ok(());
    }
    let mut writer = session.home.stage(pair.name(), side, Arc::clone(dataset.spec())).await?;
    let (send, mut receive) = mpsc::channel::<Chunk>(4);
    let scan = tokio::spawn(async move { dataset.scan(send).await });
    let mut unreadable = Vec::new();
    while let Some(chunk) = receive.recv().await {
        session.stop.check()?;
        unreadable.extend(chunk.unreadable);
        writer.push(chunk.rows).await?;
    }
    scan.await.map_err(|error| Error::new(ErrorKind::Other, "read a side", error.to_string()))??;
    let run = writer.finish().await?;
    if keep_rejects && !unreadable.is_empty() {
        store_rejects(session, pair, side, &unreadable).await?;
    }
    let end = match side {
        Side::Source => &mut pair.source,
        Side::Target => &mut pair.target,
    };
    end.run = Some(run);
    end.unknown = unreadable.iter().filter(|one| one.key.is_none()).count() as u64;
    if end.unknown > 0 {
        end.mark_incomplete();
    }
    end.unreadable = unreadable.into_iter().filter_map(|one| one.key).collect();
    end.unreadable.sort();
    end.unreadable.dedup();
    Ok(())
}

async fn store_rejects(session: &Session, pair: &Pair, side: Side, unreadable: &[Unreadable]) -> Result<()> {
    for part in unreadable.chunks(1000) {
        let rejects = part.iter().cloned().map(|one| segment::reject_of(side, one)).collect();
        let settlement = Settlement { rejects, ..Settlement::default() };
        session.home.settle(session.id, pair.name(), &settlement).await?.done("store rejects")?;
    }
    Ok(())
}
