//! A session as steps, so that several processes can take them one after the other, and share the segments of a dataset.
//! [`run`](super::run) takes them all in one process.

use std::collections::VecDeque;
use std::sync::Arc;

use pinksync_model::{DatasetReport, Phase};
use serde::{Deserialize, Serialize};

use super::open::Open;
use super::{Ending, Finished, Session, compare, ranges, reports};
use crate::error::{ErrorKind, Result};
use crate::key::{Key, KeyRange};
use crate::pair::{Pair, PlannedRange};
use crate::segment::{self, Work};

/// How far a session has come: a checkpoint from which another process goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Datasets whose comparing has ended, in the order of [`Open::pairs`].
    pub compared: usize,
}

/// Who works on the segments of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// This process alone.
    Nothing,
    /// This process where it is a single one, and whoever takes one where there are more: cut for so many
    /// `hands` at once.
    Segments { hands: usize },
}

/// A part of a dataset that any process may carry out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedSegment {
    pub ranges: Vec<KeyRange>,
    /// Keys in it that were reconciled, and counted, before it was shared: to be found unchanged is no news of them.
    pub counted: Vec<Key>,
}

/// What a step came to.
#[derive(Debug)]
pub enum Step {
    /// A dataset is compared.
    Compared(Progress),
    /// These segments of a dataset are to be carried out by [`segment`], in any order and at once; then the session goes on
    /// at `next`.
    Shared { dataset: String, segments: Vec<SharedSegment>, next: Progress },
    /// There is nothing left to be done.
    Ended(Finished),
}

/// Takes the next step of a session that has come as far as `progress`. `again`: another process may have begun this step and
/// not ended it.
pub async fn advance(
    session: &Session,
    open: &mut Open,
    progress: Progress,
    share: Share,
    again: bool,
) -> Result<Step> {
    match step(session, open, progress, share, again).await {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            session.observer.phase("", Phase::Finishing);
            let datasets = reports(session, &open.pairs).await?;
            let (guards, warnings) = (open.guards.clone(), open.warnings.clone());
            Ok(Step::Ended(Finished { ending: Ending::Paused, datasets, guards, warnings }))
        }
        other => other,
    }
}

async fn step(session: &Session, open: &mut Open, progress: Progress, share: Share, again: bool) -> Result<Step> {
    session.stop.check()?;
    let Some(pair) = open.pairs.get_mut(progress.compared) else {
        if again {
            for pair in &mut open.pairs {
                session.home.drop_prepared(pair.name()).await?;
                compare::recall(session, pair).await?;
            }
        }
        return super::finish(session, open).await.map(Step::Ended);
    };
    let next = Progress { compared: progress.compared + 1 };
    let segments = compare::compare(session, pair, share).await?;
    if segments.is_empty() {
        return Ok(Step::Compared(next));
    }
    let segments = segments.into_iter().map(|planned| shared(pair, planned)).collect();
    Ok(Step::Shared { dataset: pair.name().to_owned(), segments, next })
}

fn shared(pair: &Pair, planned: Vec<PlannedRange>) -> SharedSegment {
    let ranges: Vec<KeyRange> = planned.into_iter().map(|planned| planned.range).collect();
    let reconciled = pair.reconciled();
    let known = pair.counted_before.iter().chain(reconciled.iter());
    let counted = known.filter(|key| ranges.iter().any(|range| range.contains(key))).cloned().collect();
    SharedSegment { ranges, counted }
}

/// Carries out one segment that [`advance`] gave away. `again`: it was begun before by a process that did not end it; what
/// that one left is reconciled first, and what it had settled is not done again.
pub async fn segment(
    session: &Session,
    pair: &mut Arc<Pair>,
    shared: SharedSegment,
    again: bool,
) -> Result<DatasetReport> {
    let SharedSegment { ranges, counted: before } = shared;
    pair.reconciled().extend(before);
    if again {
        compare::recall(session, pair).await?;
    }
    compare::recall_incompleteness(session, pair).await?;
    let mut queue = VecDeque::from([remaining(session, pair, ranges).await?]);
    let mut counted = DatasetReport::default();
    while let Some(work) = queue.pop_front() {
        session.stop.check()?;
        if work.is_empty() {
            continue;
        }
        let done = segment::run(&session.context(), pair, Work::Ranges(work)).await?;
        session.observer.advanced(pair.name(), 0, 0, &done.counted);
        counted += &done.counted;
        queue.push_back(remaining(session, pair, done.rest).await?);
    }
    Ok(counted)
}

/// What of these ranges this session has not compared yet.
async fn remaining(session: &Session, pair: &Pair, ranges: Vec<KeyRange>) -> Result<Vec<PlannedRange>> {
    let mut planned = Vec::new();
    for range in ranges {
        let headers = session.home.blocks_within(pair.name(), &range).await?;
        planned.extend(ranges::remaining(&range, &headers, session.id));
    }
    Ok(planned)
}
