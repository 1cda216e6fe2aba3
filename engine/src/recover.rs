//! Reconciles a pending journal chunk with what both sides hold: a transaction whose answer was lost, or whose process
//! died between its commits, is found to have happened or not, and the base follows what happened.

use std::collections::HashMap;

use pinksync_model::Side;

use crate::connector::{Found, Guard};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{Applied, BaseChange, Entry, JournalChunk, JournalEntry, JournalId, Settled, Settlement, Tally};
use crate::key::{Key, KeyRange};
use crate::pair::Pair;
use crate::row::Hash;
use crate::segment::{Context, KeyBlocks, cut_into_blocks, gather_lookup, store_block};

/// Reconciles every pending chunk of a dataset; run before anything of it is compared.
pub async fn all(context: &Context, pair: &Pair) -> Result<()> {
    for (id, found) in context.home.pending(pair.name(), &KeyRange::default()).await? {
        reconcile(context, pair, id, found, &[]).await?;
    }
    Ok(())
}

/// Reconciles one chunk of this process, which worked on the ranges `within`.
pub async fn chunk(context: &Context, pair: &Pair, id: JournalId, within: &[KeyRange]) -> Result<()> {
    let pending = context.home.pending(pair.name(), &KeyRange::default()).await?;
    match pending.into_iter().find(|(other, _)| *other == id) {
        Some((id, found)) => reconcile(context, pair, id, found, within).await,
        None => Ok(()),
    }
}

async fn reconcile(
    context: &Context, pair: &Pair, id: JournalId, chunk: JournalChunk, within: &[KeyRange],
) -> Result<()> {
    let target = committed(pair, Side::Target, &chunk).await?;
    let source = committed(pair, Side::Source, &chunk).await?;
    let applied: Vec<JournalEntry> =
        chunk.entries.into_iter().filter_map(|entry| what_happened(entry, source, target)).collect();
    let mut settlement = Settlement::default();
    if applied.is_empty() {
        settlement.void_journals.push(id);
    } else {
        for entry in &applied {
            entry.tally.add_to(&mut settlement.counted);
            settlement.conflicts.extend(entry.conflict.clone());
        }
        let new: HashMap<&Key, &Option<Entry>> = applied.iter().map(|entry| (&entry.key, &entry.new)).collect();
        settlement.base = replace_entries(context, pair, &new, within).await?;
        let chunk = JournalChunk { session: chunk.session, dataset: chunk.dataset, entries: applied };
        settlement.amended.push((id, chunk));
    }
    tracing::info!(dataset = pair.name(), source, target, "reconciled a pending journal chunk");
    match context.home.settle(context.session, pair.name(), &settlement).await? {
        Settled::Done => Ok(()),
        Settled::Moved => {
            Err(Error::new(ErrorKind::Other, "reconcile the journal", "the base was changed by another process"))
        }
    }
}

/// Whether this side's transaction happened: some record is found as it left it and not as it was before.
async fn committed(pair: &Pair, side: Side, chunk: &JournalChunk) -> Result<bool> {
    let written: Vec<(&Key, &Applied)> =
        chunk.entries.iter().filter_map(|entry| applied(entry, side).map(|applied| (&entry.key, applied))).collect();
    if written.is_empty() {
        return Ok(false);
    }
    let mut transaction = pair.side(side).dataset.begin(Guard::Compare).await?;
    let mut happened = false;
    for part in written.chunks(1000) {
        let keys: Vec<Key> = part.iter().map(|(key, _)| (*key).clone()).collect();
        let found = gather_lookup(pair, side, &mut *transaction, &keys).await?;
        happened = part.iter().zip(&found).any(|((_, applied), found)| {
            let now = hash_of(found);
            now != Some(applied.before_hash) && now == Some(applied.after_hash)
        });
        if happened {
            break;
        }
    }
    transaction.rollback().await?;
    Ok(happened)
}

/// What is there: outer `None` where it cannot be read.
fn hash_of(found: &Found) -> Option<Option<Hash>> {
    match found {
        Found::Absent => Some(None),
        Found::Row(row) => Some(Some(row.hash)),
        Found::Unreadable(_) => None,
    }
}

fn applied(entry: &JournalEntry, side: Side) -> Option<&Applied> {
    match side {
        Side::Source => entry.source.as_ref(),
        Side::Target => entry.target.as_ref(),
    }
}

/// The part of an entry that happened. The base moves for both sides or for none: where only one of two writes
/// happened, the record is decided anew from the old base, and the write that did happen stays counted and undoable.
fn what_happened(mut entry: JournalEntry, source: bool, target: bool) -> Option<JournalEntry> {
    let missing = (entry.source.is_some() && !source) || (entry.target.is_some() && !target);
    if entry.source.is_none() && entry.target.is_none() {
        return None;
    }
    if !missing {
        return Some(entry);
    }
    if !source {
        entry.source = None;
        entry.tally.remove(Tally(Tally::CREATED_SOURCE.0 | Tally::UPDATED_SOURCE.0 | Tally::DELETED_SOURCE.0));
    }
    if !target {
        entry.target = None;
        entry.tally.remove(Tally(Tally::CREATED_TARGET.0 | Tally::UPDATED_TARGET.0 | Tally::DELETED_TARGET.0));
    }
    if entry.source.is_none() && entry.target.is_none() {
        return None;
    }
    entry.tally.remove(Tally(Tally::RESOLVED.0 | Tally::MERGED.0));
    entry.conflict = None;
    entry.new = entry.old.clone();
    Some(entry)
}

/// Replaces single entries (`None`: removed) and voids the sums of their blocks.
pub(crate) async fn replace_entries(
    context: &Context, pair: &Pair, new: &HashMap<&Key, &Option<Entry>>, within: &[KeyRange],
) -> Result<Vec<BaseChange>> {
    let mut keys: Vec<Key> = new.keys().map(|key| (*key).clone()).collect();
    keys.sort();
    let blocks = KeyBlocks::load(&*context.home, pair.name(), &keys, within).await?;
    let mut changes = Vec::with_capacity(blocks.groups.len());
    for group in blocks.groups {
        let mut entries: Vec<(Key, Entry)> =
            group.entries.into_iter().filter(|(key, _)| !new.contains_key(key)).collect();
        let inside = keys.iter().filter(|key| group.range.contains(key));
        entries.extend(inside.filter_map(|key| new[key].clone().map(|entry| (key.clone(), entry))));
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let blocks = cut_into_blocks(&group.range, entries, context.limits.block_entries)
            .into_iter()
            .map(|(range, entries)| store_block(range, &entries, None, false))
            .collect::<Result<_>>()?;
        changes.push(BaseChange { range: group.range, loaded: group.loaded, blocks });
    }
    Ok(changes)
}

/// The base entry of one key.
pub(crate) async fn entry(context: &Context, pair: &Pair, key: &Key) -> Result<Option<Entry>> {
    let blocks = KeyBlocks::load(&*context.home, pair.name(), std::slice::from_ref(key), &[]).await?;
    Ok(blocks.entry(key).cloned())
}
