//! Which stretches of a dataset must be compared: those without a block, and blocks whose sums have changed.

use std::collections::HashSet;

use pinksync_model::{DatasetReport, SessionId, Side};

use super::{Session, recut};
use crate::connector::{Guard, RangeSum};
use crate::error::Result;
use crate::home::{BlockHeader, BlockId, Settlement};
use crate::key::{Key, KeyRange};
use crate::pair::{OpenSide, Pair, PlannedRange};
use crate::segment::Limits;

/// What is to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// A session: what it has compared already is left out, skipped blocks are settled.
    Session,
    /// A plan: as a new session would, nothing is settled.
    Survey,
    /// Every record.
    Everything,
}

/// The segments to be compared, in key order, cut for so many `hands` at once; and the counters of blocks that nothing has
/// touched and that are left out.
pub async fn plan(
    session: &Session,
    pair: &Pair,
    coverage: Coverage,
    hands: usize,
) -> Result<(Vec<Vec<PlannedRange>>, DatasetReport)> {
    let mut headers = stored(session, pair).await?;
    let compared = |header: &BlockHeader| coverage == Coverage::Session && header.checked_by == Some(session.id);
    let skipped = match coverage {
        Coverage::Session | Coverage::Survey => {
            let told = |header: &&BlockHeader| coverage == Coverage::Survey && has_open_conflicts(header);
            let open: Vec<&BlockHeader> = headers.iter().filter(|header| !compared(header) && !told(header)).collect();
            unchanged(pair, &open).await?
        }
        Coverage::Everything => HashSet::new(),
    };
    pair.skipped().extend(&skipped);
    let counted = count_skipped(headers.iter().filter(|header| skipped.contains(&header.id)));
    if coverage == Coverage::Session && !skipped.is_empty() {
        let skipped = skipped.iter().copied().collect();
        let settlement = Settlement { skipped, counted: counted.clone(), ..Settlement::default() };
        session.home.settle(session.id, pair.name(), &settlement).await?.done("leave blocks out")?;
    }
    let done = |header: &BlockHeader| compared(header) || skipped.contains(&header.id);
    let recuts = coverage == Coverage::Session && pair.publishes() && headers.iter().any(|header| !done(header));
    let cuts = match recuts || headers.is_empty() || has_gaps(&headers) {
        true => split(pair, session.limits).await?,
        false => Vec::new(),
    };
    let open: Vec<&BlockHeader> = headers.iter().filter(|header| !done(header)).collect();
    if recuts && recut::cut_grown(session, pair, &open, &cuts).await? {
        headers = stored(session, pair).await?;
    }
    Ok((segments(pieces(&headers, done, &cuts), hands, session.limits.segment_blocks), counted))
}

/// The stretches of a range that a session has not compared yet, with the blocks that overlap them. `headers`: the blocks
/// that overlap the range.
pub fn remaining(range: &KeyRange, headers: &[BlockHeader], session: SessionId) -> Vec<PlannedRange> {
    let mut remaining = Vec::new();
    let mut low = Some(range.low.clone());
    for done in headers.iter().filter(|header| header.checked_by == Some(session)) {
        let Some(from) = low else { break };
        if done.range.low > from {
            let piece = KeyRange { low: from.clone(), high: done.range.low.clone() };
            remaining.push(PlannedRange::over(piece, headers));
        }
        low = match &done.range.high {
            Some(high) if range.high.as_ref().is_none_or(|end| high < end) => Some(Some(high.clone())),
            _ => None,
        };
    }
    if let Some(low) = low {
        remaining.push(PlannedRange::over(KeyRange { low, high: range.high.clone() }, headers));
    }
    remaining
}

async fn stored(session: &Session, pair: &Pair) -> Result<Vec<BlockHeader>> {
    match pair.base_dropped {
        true => Ok(Vec::new()),
        false => session.home.blocks(pair.name()).await,
    }
}

/// A plan tells each conflict that stays open; a session only counts it.
fn has_open_conflicts(header: &BlockHeader) -> bool {
    header.sums.is_some_and(|sums| sums.counts.open > 0)
}

/// Blocks that are not done, and the stretches between blocks.
fn pieces(headers: &[BlockHeader], done: impl Fn(&BlockHeader) -> bool, cuts: &[Key]) -> Vec<PlannedRange> {
    let mut pieces = Vec::new();
    if headers.is_empty() {
        gap(&mut pieces, KeyRange::default(), cuts);
        return pieces;
    }
    let mut reached: Option<Option<Key>> = None;
    for header in headers {
        let low = &header.range.low;
        match &reached {
            None if low.is_some() => gap(&mut pieces, KeyRange { low: None, high: low.clone() }, cuts),
            Some(high) if high != low => gap(&mut pieces, KeyRange { low: high.clone(), high: low.clone() }, cuts),
            _ => {}
        }
        if !done(header) {
            pieces.push(PlannedRange { range: header.range.clone(), blocks: vec![header.clone()] });
        }
        reached = Some(header.range.high.clone());
    }
    if let Some(low @ Some(_)) = reached {
        gap(&mut pieces, KeyRange { low, high: None }, cuts);
    }
    pieces
}

/// Stretches that no stored block covers.
fn has_gaps(headers: &[BlockHeader]) -> bool {
    headers[0].range.low.is_some()
        || headers[headers.len() - 1].range.high.is_some()
        || headers.windows(2).any(|two| two[0].range.high != two[1].range.low)
}

/// Cut points of the larger side.
async fn split(pair: &Pair, limits: Limits) -> Result<Vec<Key>> {
    let source = split_side(&pair.source, limits).await?;
    let target = split_side(&pair.target, limits).await?;
    Ok(if target.len() > source.len() { target } else { source })
}

async fn split_side(side: &OpenSide, limits: Limits) -> Result<Vec<Key>> {
    let records = limits.block_entries as u64;
    match &side.run {
        Some(run) => Ok(run.split(records)),
        None => side.dataset.split(records).await,
    }
}

/// Adds a stretch that no block covers, cut at the cut points inside it.
fn gap(pieces: &mut Vec<PlannedRange>, whole: KeyRange, cuts: &[Key]) {
    let mut low = whole.low.clone();
    for cut in cuts.iter().filter(|cut| whole.contains(cut) && whole.low.as_ref() != Some(*cut)) {
        let range = KeyRange { low: low.replace(cut.clone()), high: Some(cut.clone()) };
        pieces.push(PlannedRange { range, blocks: Vec::new() });
    }
    pieces.push(PlannedRange { range: KeyRange { low, high: whole.high }, blocks: Vec::new() });
}

/// Puts pieces together: adjacent ones become one range, a segment holds up to `most` pieces. Towards the end segments
/// become smaller (guided self-scheduling), so that no worker is left with a large one while the others have nothing to do.
fn segments(pieces: Vec<PlannedRange>, workers: usize, most: usize) -> Vec<Vec<PlannedRange>> {
    let mut segments = Vec::with_capacity(pieces.len() / most.max(1) + 8 * workers);
    let mut pieces = pieces.into_iter().peekable();
    while pieces.peek().is_some() {
        let size = pieces.len().div_ceil(2 * workers.max(1)).clamp(1, most.max(1));
        let mut segment: Vec<PlannedRange> = Vec::new();
        for piece in pieces.by_ref().take(size) {
            match segment.last_mut() {
                Some(last) if last.range.high.is_some() && last.range.high == piece.range.low => {
                    last.range.high = piece.range.high;
                    last.blocks.extend(piece.blocks);
                }
                _ => segment.push(piece),
            }
        }
        segments.push(segment);
    }
    segments
}

/// Blocks whose stored sums equal the sums of both sides now.
async fn unchanged(pair: &Pair, headers: &[&BlockHeader]) -> Result<HashSet<BlockId>> {
    let with_sums: Vec<&BlockHeader> = headers
        .iter()
        .copied()
        .filter(|header| header.sums.is_some_and(|sums| sums.fingerprint == pair.mapping.fingerprint))
        .collect();
    let complete = !pair.source.is_incomplete() && !pair.target.is_incomplete();
    if with_sums.is_empty() || !complete || !pair.source.has_sums() || !pair.target.has_sums() {
        return Ok(HashSet::new());
    }
    let (cuts, places) = boundaries(&with_sums);
    let (source, target) = tokio::join!(sums(pair, Side::Source, &cuts), sums(pair, Side::Target, &cuts));
    let (Some(source), Some(target)) = (source?, target?) else {
        return Ok(HashSet::new());
    };
    let same = |header: &BlockHeader, place: usize| {
        header.sums.is_some_and(|sums| sums.source == source[place] && sums.target == target[place])
    };
    let touched = |header: &BlockHeader| {
        [&pair.source, &pair.target].iter().any(|side| side.unreadable.within(&header.range).next().is_some())
    };
    Ok(with_sums
        .into_iter()
        .zip(places)
        .filter(|(header, place)| same(header, *place) && !touched(header))
        .map(|(header, _)| header.id)
        .collect())
}

/// All bounds of the blocks as cut points over all keys, and for each block which part it is.
fn boundaries(headers: &[&BlockHeader]) -> (Vec<Key>, Vec<usize>) {
    let mut cuts: Vec<Key> =
        headers.iter().flat_map(|header| [&header.range.low, &header.range.high]).flatten().cloned().collect();
    cuts.sort();
    cuts.dedup();
    let place = |header: &&BlockHeader| match &header.range.low {
        None => 0,
        Some(low) => cuts.partition_point(|cut| cut <= low),
    };
    let places = headers.iter().map(place).collect();
    (cuts, places)
}

async fn sums(pair: &Pair, side: Side, cuts: &[Key]) -> Result<Option<Vec<RangeSum>>> {
    let side = pair.side(side);
    if let Some(run) = &side.run {
        return run.sums(&KeyRange::default(), cuts).await.map(Some);
    }
    let mut transaction = side.dataset.begin(Guard::Snapshot).await?;
    let sums = transaction.sums(&KeyRange::default(), cuts).await?;
    transaction.rollback().await?;
    Ok(sums)
}

/// Records of skipped blocks count as the session before left them.
fn count_skipped<'a>(skipped: impl Iterator<Item = &'a BlockHeader>) -> DatasetReport {
    let mut counted = DatasetReport::default();
    for counts in skipped.filter_map(|header| header.sums.map(|sums| sums.counts)) {
        counted.read.skipped_unchanged += counts.records;
        counted.unchanged += counts.unchanged;
        counted.drift += counts.drift;
        counted.target_only += counts.target_only;
        counted.out_of_scope += counts.out_of_scope;
    }
    counted
}
