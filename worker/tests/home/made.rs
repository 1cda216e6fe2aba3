//! What the tests work with: keys, blocks, chunks, rows.

use std::sync::Arc;

use pinksync_engine::home::{
    Applied, BaseChange, Before, BlockId, ConflictRecord, Entry, JournalChunk, JournalEntry, NewBlock, Settlement,
    Tally,
};
use pinksync_engine::row::{SideColumn, SideSpec};
use pinksync_engine::schema::FieldType;
use pinksync_engine::{Hash, Key, KeyRange, Row, Value, key};
use pinksync_model::{ConflictKind, ConflictStatus, DatasetReport, SessionId};

pub const DATASET: &str = "people → persons";

pub fn key(n: i64) -> Key {
    key::encode([(&Value::Int(n), &FieldType::Int { bits: 64 })].into_iter()).unwrap()
}

pub fn range(low: impl Into<Option<i64>>, high: impl Into<Option<i64>>) -> KeyRange {
    KeyRange { low: low.into().map(key), high: high.into().map(key) }
}

/// Replaces `loaded` by one block.
pub fn change(range: KeyRange, loaded: &[BlockId], blob: &str) -> Settlement {
    let block =
        NewBlock { range: range.clone(), entries: 1, blob: blob.as_bytes().to_vec(), sums: None, checked: true };
    Settlement {
        base: vec![BaseChange { range, loaded: loaded.to_vec(), blocks: vec![block] }],
        ..Settlement::default()
    }
}

pub fn counting(read: u64) -> Settlement {
    let mut counted = DatasetReport { source: "people".to_owned(), target: "persons".to_owned(), ..Default::default() };
    counted.read.source = read;
    Settlement { counted, ..Settlement::default() }
}

/// A chunk of creates of these keys on the target.
pub fn chunk(session: SessionId, keys: &[i64]) -> JournalChunk {
    let create = |n: &i64| JournalEntry {
        key: key(*n),
        target: Some(Arc::new(Applied {
            native_key: [Value::Int(*n)].into(),
            before: Before::Absent,
            before_hash: None,
            after_hash: Some(Hash([1; 16])),
        })),
        source: None,
        old: None,
        new: Some(Arc::new(Entry::default())),
        decision: "create".into(),
        tally: Tally::CREATED_TARGET,
        conflict: None,
    };
    JournalChunk { session, dataset: DATASET.to_owned(), entries: keys.iter().map(create).collect() }
}

pub fn conflict(n: i64, status: ConflictStatus) -> ConflictRecord {
    ConflictRecord {
        key: key(n),
        kind: ConflictKind::UpdateDelete,
        status,
        base: None,
        source: Some([Value::Int(n), Value::text("a\0b")].into()),
        target: None,
        decision: None,
        decided_by: None,
    }
}

pub fn spec() -> Arc<SideSpec> {
    let column = |name: &str, ty: FieldType| SideColumn {
        name: name.to_owned(),
        native: ty.clone(),
        common: ty,
        writable: true,
        empty_is_null: false,
    };
    Arc::new(SideSpec {
        dataset: "people.csv".to_owned(),
        columns: vec![column("id", FieldType::Int { bits: 64 }), column("name", FieldType::TEXT)],
        key: vec![0],
        modified_at: None,
        filter: None,
        ordered: false,
        max_record_bytes: 10 << 20,
        batch_size: 1000,
    })
}

pub fn row(n: i64) -> Row {
    spec().admit([Value::Int(n), Value::text("x".repeat(1000))].into()).unwrap()
}
