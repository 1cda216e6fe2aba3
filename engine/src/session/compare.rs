//! Compares a dataset: stages what has no order, plans segments, works on them in parallel, publishes files.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use pinksync_model::{DatasetReport, Phase};
use tokio::task::JoinSet;

use super::{Session, Share, ranges, staging};
use crate::error::{Error, ErrorKind, Result};
use crate::home::Settlement;
use crate::key::{Key, KeyRange};
use crate::pair::{OpenSide, Pair, PlannedRange};
use crate::recover;
use crate::saved_plan::SavedPlan;
use crate::segment::{self, Done, KeyWork, Purpose, Work};

/// How often a file that somebody else writes is read anew before the session fails.
const PUBLISH_ATTEMPTS: u32 = 3;

/// Brings creates and updates of a dataset to an end; deletes are only collected. Where several may share the work, and it
/// is more than one segment, gives the segments instead.
pub async fn compare(session: &Session, pair: &mut Arc<Pair>, share: Share) -> Result<Vec<Vec<PlannedRange>>> {
    for attempt in 1.. {
        match compare_once(session, pair, share).await {
            Err(error) if error.kind() == ErrorKind::Moved && attempt < PUBLISH_ATTEMPTS => {
                tracing::warn!(dataset = pair.name(), %error, "the file was changed while it was synchronised, reading it anew");
            }
            other => return other,
        }
    }
    Ok(Vec::new())
}

async fn compare_once(session: &Session, pair: &mut Arc<Pair>, share: Share) -> Result<Vec<Vec<PlannedRange>>> {
    let planning = Instant::now();
    session.home.drop_prepared(pair.name()).await?;
    recover::all(&session.context(), pair).await?;
    recall_incompleteness(session, pair).await?;
    staging::stage_both(session, unshared(pair)?, true).await?;
    if let Some(plan) = session.plan.clone() {
        session.observer.phase(pair.name(), Phase::Comparing);
        carry_out_plan(session, pair, &plan).await?;
        return Ok(Vec::new());
    }
    close_contended(session, pair).await?;
    session.observer.phase(pair.name(), Phase::Planning);
    recall_counted(session, unshared(pair)?).await?;
    let (hands, shared) = match share {
        Share::Nothing => (session.workers, false),
        Share::Segments { hands } => (hands, true),
    };
    let (segments, _) = ranges::plan(session, pair, ranges::Coverage::Session, hands).await?;
    count_planning(session, pair, planning).await?;
    session.observer.phase(pair.name(), Phase::Comparing);
    if shared && segments.len() > 1 && can_be_shared(session, pair) {
        return Ok(segments);
    }
    let moved = work_through(session, pair, segments).await?;
    publish(session, pair).await?;
    decide_moved(session, pair, moved, Purpose::Moved).await?;
    Ok(Vec::new())
}

/// A file is written by one process. What was staged can be read by others where the home has it; what could not be read
/// is known to the process that staged.
fn can_be_shared(session: &Session, pair: &Pair) -> bool {
    let known_here = |side: &OpenSide| {
        side.run.is_some() && (!session.home.shares_runs() || side.unknown > 0 || !side.unreadable.is_empty())
    };
    !pair.publishes() && !known_here(&pair.source) && !known_here(&pair.target)
}

/// Reconciles what another process of this session left of its work on a dataset.
pub(super) async fn recall(session: &Session, pair: &mut Arc<Pair>) -> Result<()> {
    recover::all(&session.context(), pair).await?;
    recall_counted(session, unshared(pair)?).await
}

/// What another process of this session could not read is not read again where its block is compared already.
pub(super) async fn recall_incompleteness(session: &Session, pair: &Pair) -> Result<()> {
    let (source, target) = session.home.unknown_rejects(session.id, pair.name()).await?;
    for (side, unknown) in [(&pair.source, source), (&pair.target, target)] {
        if unknown {
            side.mark_incomplete();
        }
    }
    Ok(())
}

/// What an earlier session could not write because others kept changing it is decided afresh: its block has no sums.
async fn close_contended(session: &Session, pair: &Pair) -> Result<()> {
    let found = session.home.contended(pair.name()).await?;
    let supersede: Vec<Key> = found.into_iter().filter(|(_, by)| *by != session.id).map(|(key, _)| key).collect();
    if !supersede.is_empty() {
        let settlement = Settlement { supersede, ..Settlement::default() };
        session.home.settle(session.id, pair.name(), &settlement).await?.done("decide contended records afresh")?;
    }
    Ok(())
}

/// What was reconciled for an earlier process of this session is counted as what it was, but its blocks are not compared
/// yet: to be found unchanged there is no news.
async fn recall_counted(session: &Session, pair: &mut Pair) -> Result<()> {
    let headers = session.home.blocks(pair.name()).await?;
    let is_compared = |key: &Key| {
        let after = headers.partition_point(|header| header.range.low.as_ref().is_none_or(|low| low <= key));
        let before = after.checked_sub(1).map(|index| &headers[index]);
        before.is_some_and(|header| header.range.contains(key) && header.checked_by == Some(session.id))
    };
    let mut counted = HashSet::new();
    for_each_written(session, pair.name(), |key| {
        if !is_compared(&key) {
            counted.insert(key);
        }
    })
    .await?;
    pair.counted_before = counted;
    Ok(())
}

/// Tells the keys of a dataset that are in the journal of this session, also of its earlier processes.
async fn for_each_written(session: &Session, dataset: &str, mut tell: impl FnMut(Key)) -> Result<()> {
    let mut before = None;
    while let Some((id, chunk)) = session.home.history(session.id, before, 1).await?.pop() {
        if chunk.dataset == dataset {
            chunk.entries.into_iter().for_each(|entry| tell(entry.key));
        }
        before = Some(id);
    }
    Ok(())
}

/// The pair, while no segment works on it.
pub(super) fn unshared(pair: &mut Arc<Pair>) -> Result<&mut Pair> {
    Arc::get_mut(pair).ok_or_else(|| Error::new(ErrorKind::Other, "stage a dataset", "it is still being worked on"))
}

async fn count_planning(session: &Session, pair: &Pair, since: Instant) -> Result<()> {
    let mut counted = DatasetReport::default();
    counted.seconds.plan = since.elapsed().as_secs_f64();
    let settlement = Settlement { counted, ..Settlement::default() };
    session.home.settle(session.id, pair.name(), &settlement).await?.done("note the time")
}

/// Works on segments with as many tasks as the session has workers. Returns keys to be decided again after publishing.
async fn work_through(session: &Session, pair: &Arc<Pair>, segments: Vec<Vec<PlannedRange>>) -> Result<Vec<Key>> {
    let mut queue: VecDeque<Work> = segments.into_iter().map(Work::Ranges).collect();
    let context = session.context();
    let mut running: JoinSet<Result<Done>> = JoinSet::new();
    let (mut moved, mut finished, mut failure) = (Vec::new(), 0, None);
    loop {
        while failure.is_none() && running.len() < session.workers.max(1) && !queue.is_empty() {
            if let Err(stopped) = session.stop.check() {
                failure = Some(stopped);
                break;
            }
            if let Some(work) = queue.pop_front() {
                let (context, pair) = (context.clone(), Arc::clone(pair));
                running.spawn(async move { segment::run(&context, &pair, work).await });
            }
        }
        let Some(joined) = running.join_next().await else { break };
        match joined.unwrap_or_else(|error| Err(Error::new(ErrorKind::Other, "run a segment", error.to_string()))) {
            Ok(done) => {
                finished += 1;
                moved.extend(done.moved);
                // Segments at work come to their end also where this fails.
                match replan(session, pair, done.rest).await {
                    Ok(rest) => queue.extend(rest),
                    Err(error) => failure = failure.or(Some(error)),
                }
                let total = finished + running.len() + queue.len();
                session.observer.advanced(pair.name(), finished, total, &done.counted);
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(moved),
    }
}

/// Stretches that a segment did not reach, with the blocks as they are now.
async fn replan(session: &Session, pair: &Pair, rest: Vec<KeyRange>) -> Result<Vec<Work>> {
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let headers = session.home.blocks(pair.name()).await?;
    Ok(rest.into_iter().map(|range| Work::Ranges(vec![PlannedRange::over(range, &headers)])).collect())
}

/// Lets collected writes of files take effect, and the base follow them.
pub(super) async fn publish(session: &Session, pair: &Pair) -> Result<()> {
    if !pair.publishes() {
        return Ok(());
    }
    session.home.hold().await?;
    pair.target.dataset.publish().await?;
    pair.source.dataset.publish().await?;
    session.home.settle_prepared(session.id, pair.name()).await?.done("settle a file")
}

/// Works on single keys, and again on those that somebody moves meanwhile.
pub(super) async fn work_on_keys(session: &Session, pair: &Pair, keys: Vec<Key>, purpose: Purpose) -> Result<()> {
    let moved = one_round(session, pair, keys, purpose.clone(), false).await?;
    decide_moved(session, pair, moved, purpose).await
}

/// In bounded portions, or, where writes are collected for a file, all at once. Returns the keys that were moved.
async fn one_round(
    session: &Session,
    pair: &Pair,
    keys: Vec<Key>,
    purpose: Purpose,
    last_round: bool,
) -> Result<Vec<Key>> {
    let portion = if pair.publishes() { keys.len().max(1) } else { session.definition.options.batch_size as usize };
    let context = session.context();
    let mut moved = Vec::new();
    for keys in keys.chunks(portion) {
        session.stop.check()?;
        let work = Work::Keys(KeyWork { keys: keys.to_vec(), purpose: purpose.clone(), last_round });
        let done = segment::run(&context, pair, work).await?;
        session.observer.advanced(pair.name(), 0, 0, &done.counted);
        moved.extend(done.moved);
    }
    publish(session, pair).await?;
    Ok(moved)
}

/// Rounds for records that others moved, where they could not be had inside the segment.
async fn decide_moved(session: &Session, pair: &Pair, mut moved: Vec<Key>, purpose: Purpose) -> Result<()> {
    let rounds = session.context().rounds;
    for round in 1..=rounds {
        if moved.is_empty() {
            break;
        }
        moved = one_round(session, pair, moved, purpose.clone(), round == rounds).await?;
    }
    Ok(())
}

/// Only the keys of a saved plan, and only what it expects to find.
async fn carry_out_plan(session: &Session, pair: &Pair, plan: &SavedPlan) -> Result<()> {
    plan.check(pair.name(), pair.mapping.fingerprint)?;
    let mut expected = plan.expected(pair.name());
    // What an earlier process of this session wrote is not what the plan found any more, and is as planned.
    for_each_written(session, pair.name(), |key| {
        expected.remove(&key);
    })
    .await?;
    // What it left out is counted. Staging stores what it cannot read before that is counted.
    for key in session.home.left_out(session.id, pair.name()).await? {
        if !pair.is_unreadable(&key) {
            expected.remove(&key);
        }
    }
    let mut keys: Vec<Key> = expected.keys().cloned().collect();
    keys.sort();
    work_on_keys(session, pair, keys, Purpose::Plan(Arc::new(expected))).await
}
