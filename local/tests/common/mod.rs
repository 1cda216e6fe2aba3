//! What the tests of state files work with.

use std::path::PathBuf;
use std::sync::Arc;

use pinksync_engine::Key;
use pinksync_engine::home::{
    Applied, BaseChange, Before, BlockId, ConflictRecord, Home, JournalChunk, JournalEntry, JournalId, NewBlock,
    Settled, Settlement, Tally,
};
use pinksync_engine::{Hash, KeyRange, Value};
use pinksync_local::StateFile;
use pinksync_model::{ConflictKind, ConflictStatus, Mode, SessionId};

pub const DATASET: &str = "people → persons";

/// A state file in a folder of its own.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("sync.state.db")
    }

    pub fn open(&self) -> Arc<StateFile> {
        StateFile::open(&self.path()).unwrap()
    }

    /// Names of what lies in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub fn key(n: u32) -> Key {
    Key::from_bytes([&[3], &n.to_be_bytes()[..]].concat())
}

/// A session that is in progress.
pub async fn begin(state: &StateFile, mode: Mode) -> SessionId {
    let id = SessionId::new();
    state.begin_session(id, mode, None).await.unwrap();
    id
}

pub async fn settle(state: &StateFile, session: SessionId, settlement: &Settlement) {
    assert_eq!(state.settle(session, DATASET, settlement).await.unwrap(), Settled::Done);
}

/// One block over all keys in place of what was loaded.
pub fn whole(loaded: &[BlockId], blob: Vec<u8>) -> BaseChange {
    let range = KeyRange::default();
    let block = NewBlock { range: range.clone(), entries: 1, blob, sums: None, checked: true };
    BaseChange { range, loaded: loaded.to_vec(), blocks: vec![block] }
}

pub fn entry(n: u32, writes: bool) -> JournalEntry {
    let applied = Applied {
        native_key: [Value::Int(n.into())].into(),
        before: Before::Absent,
        before_hash: None,
        after_hash: Some(Hash([1; 16])),
    };
    JournalEntry {
        key: key(n),
        target: writes.then(|| Arc::new(applied)),
        source: None,
        old: None,
        new: None,
        decision: "create".into(),
        tally: Tally::CREATED_TARGET,
        conflict: None,
    }
}

/// A chunk of one entry, pending.
pub async fn pending(state: &StateFile, session: SessionId, writes: bool) -> JournalId {
    let chunk = JournalChunk { session, dataset: DATASET.to_owned(), entries: vec![entry(1, writes)] };
    state.journal(&chunk).await.unwrap()
}

/// A chunk of one entry, done.
pub async fn done(state: &StateFile, session: SessionId, writes: bool) -> JournalId {
    let id = pending(state, session, writes).await;
    settle(state, session, &Settlement { journals: vec![id], ..Settlement::default() }).await;
    id
}

pub fn conflict(n: u32, status: ConflictStatus) -> ConflictRecord {
    ConflictRecord {
        key: key(n),
        kind: ConflictKind::UpdateUpdate,
        status,
        base: None,
        source: Some(vec![Value::Int(n.into()), Value::text("source")].into()),
        target: Some(vec![Value::Null].into()),
        decision: (status != ConflictStatus::Open).then(|| "source_wins".to_owned()),
        decided_by: (status != ConflictStatus::Open).then(|| "strategy".to_owned()),
    }
}

pub async fn meet(state: &StateFile, session: SessionId, conflicts: Vec<ConflictRecord>) {
    settle(state, session, &Settlement { conflicts, ..Settlement::default() }).await;
}
