//! The base's blocks: between the engine's form and the stored one, and replacing a stretch of them.

use std::collections::HashSet;

use pinksync_common::store::base_blocks::{self, Header, NewBlock};
use pinksync_common::store::{Transaction, conflicts, datasets};
use pinksync_engine::home::{self, BaseChange, BaseTerms, BlockHeader, BlockId, Settled, Settlement};
use pinksync_engine::stored::{base, sums};
use pinksync_model::SessionId;

use super::fault::Fault;
use super::signed;

pub(super) fn header(stored: Header) -> Result<BlockHeader, Fault> {
    Ok(BlockHeader {
        id: BlockId(stored.id),
        range: base::range(stored.low, stored.high),
        entries: stored.entries.unsigned_abs(),
        sums: stored.sums.as_deref().map(sums::decode).transpose()?,
        checked_by: stored.checked_by.map(SessionId),
    })
}

pub(super) fn terms(stored: datasets::Terms) -> BaseTerms {
    let datasets::Terms { source_identity, target_identity, definition, schema } = stored;
    BaseTerms { source_identity, target_identity, definition, schema }
}

/// `forget` drops the blocks and closes the open conflicts, which stay in the list as superseded.
pub(super) async fn set_terms(
    transaction: &Transaction<'_>,
    dataset: i64,
    terms: &BaseTerms,
    forget: bool,
) -> Result<(), Fault> {
    let BaseTerms { source_identity, target_identity, definition, schema } = terms.clone();
    let terms = datasets::Terms { source_identity, target_identity, definition, schema };
    datasets::lock(transaction, dataset).await?;
    datasets::set_terms(transaction, dataset, &terms).await?;
    if forget {
        base_blocks::clear(transaction, dataset).await?;
        conflicts::drop_open(transaction, dataset).await?;
    }
    Ok(())
}

/// Refuses changes that would lose entries, before anything is asked of the database.
pub(super) fn check(settlement: &Settlement) -> Result<(), Fault> {
    Ok(settlement.base.iter().try_for_each(base::check)?)
}

/// Replaces stretches whose blocks are still those that were loaded, and marks what was skipped. The dataset is locked.
pub(super) async fn replace(
    transaction: &Transaction<'_>,
    dataset: i64,
    session: SessionId,
    settlement: &Settlement,
) -> Result<Settled, Fault> {
    for change in &settlement.base {
        let (low, high) = (base::low(&change.range), change.range.high.as_deref());
        let removed = base_blocks::remove(transaction, dataset, low, high).await?;
        let removed: Vec<_> =
            removed.into_iter().map(|one| (BlockId(one.id), base::range(one.low, one.high))).collect();
        if base::compare(change, &removed)? == Settled::Moved {
            return Ok(Settled::Moved);
        }
        // Before the next change, which may lie beside this one and be told by its blocks.
        base_blocks::insert(transaction, dataset, session.0, &new_blocks(change)?).await?;
    }
    if settlement.skipped.is_empty() {
        return Ok(Settled::Done);
    }
    let skipped: HashSet<i64> = settlement.skipped.iter().map(|id| id.0).collect();
    let ids: Vec<i64> = skipped.into_iter().collect();
    // One that was replaced since was not what the session looked at.
    let marked = base_blocks::mark(transaction, dataset, session.0, &ids).await?;
    Ok(if marked == ids.len() as u64 { Settled::Done } else { Settled::Moved })
}

fn new_blocks(change: &BaseChange) -> Result<Vec<NewBlock<'_>>, Fault> {
    change.blocks.iter().map(new_block).collect()
}

fn new_block(block: &home::NewBlock) -> Result<NewBlock<'_>, Fault> {
    let home::NewBlock { range, entries, blob, sums, checked } = block;
    let (low, high, entries) = (base::low(range), range.high.as_deref(), signed(*entries)?);
    Ok(NewBlock { low, high, entries, sums: sums.as_ref().map(sums::encode), checked: *checked, blob })
}
