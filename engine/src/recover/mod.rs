//! Reconciles a pending journal chunk with what both sides hold: a transaction whose answer was lost, or whose process
//! died between its commits, is found to have happened or not, and the base follows what happened.

mod complete;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pinksync_model::{SessionId, Side};

use crate::base::Entries;
use crate::connector::{Found, Guard};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{Applied, BaseChange, Entry, JournalChunk, JournalEntry, JournalId, Settled, Settlement, Tally};
use crate::key::{Key, KeyRange};
use crate::pair::Pair;
use crate::retry;
use crate::row::Hash;
use crate::segment::{Context, KeyBlocks, cut_into_blocks, encode_block, gather_lookup};

/// Reconciles every pending chunk of a dataset; run before anything of it is compared. The session adopts them.
pub async fn all(context: &Context, pair: &Pair) -> Result<()> {
    each(pair, context, |_| context.session).await
}

/// As [`all`], for a session that has work of its own: what is found is counted for the sessions that left it.
pub async fn left_by_others(context: &Context, pair: &Pair) -> Result<()> {
    each(pair, context, |left_by| left_by).await
}

async fn each(pair: &Pair, context: &Context, counted_for: impl Fn(SessionId) -> SessionId) -> Result<()> {
    let mut after = None;
    while let Some((id, found)) = context.home.pending(pair.name(), after, 1).await?.pop() {
        let context = Context { session: counted_for(found.session), ..context.clone() };
        reconcile(&context, pair, id, found, &[]).await?;
        after = Some(id);
    }
    Ok(())
}

/// Reconciles one chunk of this process, which worked on the ranges `within`.
pub async fn chunk(context: &Context, pair: &Pair, id: JournalId, within: &[KeyRange]) -> Result<()> {
    match context.home.pending_chunk(pair.name(), id).await? {
        Some(found) => reconcile(context, pair, id, found, within).await,
        None => Ok(()),
    }
}

/// Reconciles a chunk, again where a system undoes it.
async fn reconcile(
    context: &Context,
    pair: &Pair,
    id: JournalId,
    chunk: JournalChunk,
    within: &[KeyRange],
) -> Result<()> {
    let mut failures = 0;
    while let Err(error) = reconcile_once(context, pair, id, chunk.clone(), within).await {
        retry::wait_or_fail(pair.name(), error, failures).await?;
        failures += 1;
    }
    Ok(())
}

async fn reconcile_once(
    context: &Context,
    pair: &Pair,
    id: JournalId,
    chunk: JournalChunk,
    within: &[KeyRange],
) -> Result<()> {
    let target = happened(pair, Side::Target, &chunk).await?;
    let source = happened(pair, Side::Source, &chunk).await?;
    let mut applied = Vec::with_capacity(chunk.entries.len());
    let mut halves = Vec::new();
    for entry in chunk.entries {
        let done = (source.of(&entry.key), target.of(&entry.key));
        match (entry.source.is_some(), entry.target.is_some()) {
            (true, true) if done == (true, false) => halves.push((entry, Side::Target)),
            (true, true) if done == (false, true) => halves.push((entry, Side::Source)),
            (true, _) if done.0 => applied.push(entry),
            (false, true) if done.1 => applied.push(entry),
            _ => {}
        }
    }
    applied.extend(complete::halves(pair, &*context.home, halves).await?);
    let mut settlement = Settlement::default();
    if applied.is_empty() {
        settlement.void_journals.push(id);
    } else {
        for entry in &applied {
            entry.tally.add_to(&mut settlement.counted);
            settlement.conflicts.extend(entry.conflict.as_deref().cloned());
        }
        let new: HashMap<&Key, &Option<Arc<Entry>>> = applied.iter().map(|entry| (&entry.key, &entry.new)).collect();
        settlement.base = replace_entries(context, pair, &new, within).await?;
        pair.reconciled().extend(applied.iter().map(|entry| entry.key.clone()));
        let chunk = JournalChunk { session: chunk.session, dataset: chunk.dataset, entries: applied };
        settlement.amended.push((id, chunk));
    }
    tracing::info!(dataset = pair.name(), ?source, ?target, "reconciled a pending journal chunk");
    match context.home.settle(context.session, pair.name(), &settlement).await? {
        Settled::Done => Ok(()),
        Settled::Moved => {
            Err(Error::new(ErrorKind::Other, "reconcile the journal", "the base was changed by another process"))
        }
    }
}

/// Which writes of one side happened.
#[derive(Debug)]
enum Happened {
    All,
    Nothing,
    /// Writes that take effect one by one: these did.
    These(HashSet<Key>),
}

impl Happened {
    fn of(&self, key: &Key) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::These(keys) => keys.contains(key),
        }
    }
}

/// Looks for what a side's transaction left behind. All of it happened if some record is found as it left it and not as it
/// was before.
async fn happened(pair: &Pair, side: Side, chunk: &JournalChunk) -> Result<Happened> {
    let written: Vec<(&Key, &Applied)> =
        chunk.entries.iter().filter_map(|entry| applied(entry, side).map(|applied| (&entry.key, applied))).collect();
    if written.is_empty() {
        return Ok(Happened::Nothing);
    }
    let one_by_one = pair.side(side).writes_at_once();
    let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
    let mut found_written = HashSet::new();
    for part in written.chunks(1000) {
        let keys: Vec<Key> = part.iter().map(|(key, _)| (*key).clone()).collect();
        let found = gather_lookup(pair, side, &mut *transaction, &keys).await?;
        let as_left = part.iter().zip(&found).filter(|((_, applied), found)| {
            let now = hash_of(found);
            now != Some(applied.before_hash) && now == Some(applied.after_hash)
        });
        found_written.extend(as_left.map(|((key, _), _)| (*key).clone()));
        if !one_by_one && !found_written.is_empty() {
            break;
        }
    }
    transaction.rollback().await?;
    Ok(match (one_by_one, found_written.is_empty()) {
        (_, true) => Happened::Nothing,
        (true, false) => Happened::These(found_written),
        (false, false) => Happened::All,
    })
}

/// What is there: outer `None` where it cannot be read.
fn hash_of(found: &Found) -> Option<Option<Hash>> {
    match found {
        Found::Absent => Some(None),
        Found::Row(row) => Some(Some(row.hash)),
        Found::Unreadable(_) => None,
    }
}

/// What an entry did on a side.
pub(crate) fn applied(entry: &JournalEntry, side: Side) -> Option<&Applied> {
    match side {
        Side::Source => entry.source.as_deref(),
        Side::Target => entry.target.as_deref(),
    }
}

/// An entry of which only one of two writes happened and the other cannot be made up for. The base moves for both sides
/// or for none: the record is decided anew from the old base, and the write that did happen stays counted and undoable.
fn without(mut entry: JournalEntry, missing: Side) -> JournalEntry {
    match missing {
        Side::Source => entry.source = None,
        Side::Target => entry.target = None,
    }
    let counters = Tally::created(missing).0 | Tally::updated(missing).0 | Tally::deleted(missing).0;
    entry.tally.remove(Tally(counters | Tally::RESOLVED.0 | Tally::MERGED.0));
    entry.conflict = None;
    entry.new = entry.old.clone();
    entry
}

/// Replaces single entries (`None`: removed) and voids the sums of their blocks.
pub(crate) async fn replace_entries(
    context: &Context,
    pair: &Pair,
    new: &HashMap<&Key, &Option<Arc<Entry>>>,
    within: &[KeyRange],
) -> Result<Vec<BaseChange>> {
    let mut keys: Vec<Key> = new.keys().map(|key| (*key).clone()).collect();
    keys.sort();
    let blocks = KeyBlocks::load(&*context.home, pair.name(), &keys, within).await?;
    let mut changes = Vec::with_capacity(blocks.groups.len());
    for group in blocks.groups {
        let mut entries: Entries = group.entries.into_iter().filter(|(key, _)| !new.contains_key(key)).collect();
        let inside = keys.iter().filter(|key| group.range.contains(key));
        entries.extend(inside.filter_map(|key| new[key].clone().map(|entry| (key.clone(), entry))));
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        // What this session has compared stays compared.
        let checked = group.checked_by == Some(context.session);
        let blocks = cut_into_blocks(&group.range, entries, context.limits.block_entries)
            .into_iter()
            .map(|(range, entries)| encode_block(range, &entries, None, checked))
            .collect::<Result<_>>()?;
        changes.push(BaseChange { range: group.range, loaded: group.loaded, blocks });
    }
    Ok(changes)
}

/// The base entry of one key.
pub(crate) async fn entry(context: &Context, pair: &Pair, key: &Key) -> Result<Option<Arc<Entry>>> {
    let blocks = KeyBlocks::load(&*context.home, pair.name(), std::slice::from_ref(key), &[]).await?;
    Ok(blocks.entry(key).cloned())
}
