//! Reads a side that has no key order once, into a sorted run.

use std::sync::Arc;

use pinksync_model::{Phase, Side};
use tokio::sync::mpsc;

use super::Session;
use crate::connector::Chunk;
use crate::error::{Error, ErrorKind, Result};
use crate::home::{RejectRecord, Settlement};
use crate::key::KeySet;
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
    let mut left_out = LeftOut { keep_rejects, ..LeftOut::default() };
    while let Some(chunk) = receive.recv().await {
        session.stop.check()?;
        for unreadable in chunk.unreadable {
            left_out.add(session, pair.name(), side, unreadable).await?;
        }
        writer.push(chunk.rows).await?;
    }
    scan.await.map_err(|error| Error::new(ErrorKind::Other, "read a side", error.to_string()))??;
    let run = writer.finish().await?;
    left_out.store(session, pair.name()).await?;
    let end = match side {
        Side::Source => &mut pair.source,
        Side::Target => &mut pair.target,
    };
    end.run = Some(run);
    end.unknown = left_out.unknown;
    if end.unknown > 0 {
        end.mark_incomplete();
    }
    end.unreadable = left_out.keys.sorted();
    Ok(())
}

/// Rejects that one settlement stores.
const BATCH: usize = 1000;

/// Records that could not be read: their rejects go to the home in batches while reading goes on, only keys are kept.
#[derive(Default)]
struct LeftOut {
    keep_rejects: bool,
    rejects: Vec<RejectRecord>,
    keys: KeySet,
    /// Those whose key is not known.
    unknown: u64,
}

impl LeftOut {
    async fn add(&mut self, session: &Session, dataset: &str, side: Side, unreadable: Unreadable) -> Result<()> {
        match &unreadable.key {
            Some(key) => self.keys.push(key),
            None => self.unknown += 1,
        }
        if self.keep_rejects {
            self.rejects.push(segment::reject_of(side, unreadable));
        }
        if self.rejects.len() < BATCH {
            return Ok(());
        }
        self.store(session, dataset).await
    }

    async fn store(&mut self, session: &Session, dataset: &str) -> Result<()> {
        if self.rejects.is_empty() {
            return Ok(());
        }
        let settlement = Settlement { rejects: std::mem::take(&mut self.rejects), ..Settlement::default() };
        session.home.settle(session.id, dataset, &settlement).await?.done("store rejects")
    }
}
