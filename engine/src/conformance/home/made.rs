//! What the suite's functions work with: keys, blocks, chunks, conflicts.

use std::sync::Arc;

use pinksync_model::{ConflictKind, ConflictStatus, DatasetReport, SessionId, Side};

use crate::home::{
    Applied, BaseChange, BaseTerms, Before, BlockHeader, BlockId, ConflictRecord, Deferred, DeferredKind, Entry, Held,
    Home, JournalChunk, JournalEntry, NewBlock, Settled, Settlement, Tally,
};
use crate::key::{Key, KeyRange};
use crate::row::Hash;
use crate::value::{Value, Values};

pub(super) const DATASET: &str = "people → persons";
pub(super) const OTHER: &str = "orders → orders";

/// Key number `n`; keys sort as their numbers.
pub(super) fn key(n: u32) -> Key {
    Key::from_bytes([&[3], &n.to_be_bytes()[..]].concat())
}

/// From `low` to below `high`; `None` is no bound.
pub(super) fn range(low: impl Into<Option<u32>>, high: impl Into<Option<u32>>) -> KeyRange {
    KeyRange { low: low.into().map(key), high: high.into().map(key) }
}

pub(super) fn block(range: KeyRange, blob: &str) -> NewBlock {
    NewBlock { range, entries: 7, blob: blob.as_bytes().to_vec(), sums: None, checked: true }
}

/// One change that replaces `loaded` by `blocks`.
pub(super) fn change(range: KeyRange, loaded: &[BlockId], blocks: Vec<NewBlock>) -> Settlement {
    Settlement { base: vec![BaseChange { range, loaded: loaded.to_vec(), blocks }], ..Settlement::default() }
}

/// Stores blocks over stretches that had none.
pub(super) async fn put(home: &dyn Home, dataset: &str, blocks: Vec<NewBlock>) -> Vec<BlockHeader> {
    for block in blocks {
        settle(home, SessionId::new(), dataset, &change(block.range.clone(), &[], vec![block])).await;
    }
    home.blocks(dataset).await.unwrap()
}

/// Settles, which must succeed.
pub(super) async fn settle(home: &dyn Home, session: SessionId, dataset: &str, settlement: &Settlement) {
    assert_eq!(home.settle(session, dataset, settlement).await.unwrap(), Settled::Done);
}

pub(super) fn ids(headers: &[BlockHeader]) -> Vec<BlockId> {
    headers.iter().map(|header| header.id).collect()
}

/// The blobs of all blocks of a dataset, in key order.
pub(super) async fn blobs(home: &dyn Home, dataset: &str) -> Vec<String> {
    let headers = home.blocks(dataset).await.unwrap();
    let blobs = home.load(dataset, &ids(&headers)).await.unwrap();
    blobs.into_iter().map(|blob| String::from_utf8(blob).unwrap()).collect()
}

pub(super) fn terms(definition: &str) -> BaseTerms {
    BaseTerms {
        source_identity: "postgres://one/crm".to_owned(),
        target_identity: "/data/shop.db".to_owned(),
        definition: definition.to_owned(),
        schema: "id int8, name text".to_owned(),
    }
}

/// A chunk of updates of these keys on the target.
pub(super) fn chunk(session: SessionId, dataset: &str, keys: &[u32]) -> JournalChunk {
    JournalChunk { session, dataset: dataset.to_owned(), entries: keys.iter().map(|n| update(*n)).collect() }
}

fn update(n: u32) -> JournalEntry {
    let held = |n: u32| Held { hash: hash(n), values: Some(vec![Value::Int(n.into()), Value::Null].into()) };
    let entry = |n: u32| Arc::new(Entry { source: Some(held(n)), target: Some(held(n)), kept: false });
    JournalEntry {
        key: key(n),
        target: Some(Arc::new(Applied {
            native_key: [Value::Int(n.into())].into(),
            before: Before::Fields([Value::Int(n.into()), Value::text("before")].into()),
            before_hash: Some(hash(n)),
            after_hash: Some(hash(n + 1)),
        })),
        source: None,
        old: Some(entry(n)),
        new: Some(entry(n + 1)),
        decision: "update".into(),
        tally: Tally::UPDATED_TARGET,
        conflict: None,
    }
}

pub(super) fn hash(n: u32) -> Hash {
    Hash(u128::from(n).to_be_bytes())
}

pub(super) fn conflict(n: u32, status: ConflictStatus) -> ConflictRecord {
    let values = |text: &str| -> Option<Values> { Some(vec![Value::Int(n.into()), Value::text(text)].into()) };
    let settled = status != ConflictStatus::Open;
    ConflictRecord {
        key: key(n),
        kind: ConflictKind::UpdateUpdate,
        status,
        base: values("base"),
        source: values("source"),
        target: None,
        decision: settled.then(|| "source_wins".to_owned()),
        decided_by: settled.then(|| "strategy source_wins".to_owned()),
    }
}

pub(super) fn with_conflicts(records: Vec<ConflictRecord>) -> Settlement {
    Settlement { conflicts: records, ..Settlement::default() }
}

pub(super) fn deferred(n: u32, side: Side, kind: DeferredKind) -> Deferred {
    Deferred { key: key(n), side, kind, mirror: n % 2 == 1 }
}

/// Counters of a dataset in which `n` records were read and one created.
pub(super) fn counted(dataset: &str, n: u64) -> DatasetReport {
    let (source, target) = dataset.split_once(" → ").unwrap();
    let mut report = DatasetReport { source: source.to_owned(), target: target.to_owned(), ..DatasetReport::default() };
    report.read.source = n;
    report.to_target.created = 1;
    report.seconds.write = 0.25;
    report
}
