//! What needs the inside: a disk that is full, a lock that somebody only looks at.

use std::fs::OpenOptions;
use std::sync::Arc;

use pinksync_engine::home::{BaseChange, Home, JournalChunk, NewBlock, Settlement};
use pinksync_engine::{ErrorKind, KeyRange};
use pinksync_model::{Mode, Reason, SessionId, SessionStatus};
use rusqlite::Connection;

use super::{StateError, StateFile, lock};

const DATASET: &str = "people → persons";

fn place() -> (tempfile::TempDir, Arc<StateFile>) {
    let folder = tempfile::tempdir().unwrap();
    let state = StateFile::open(&folder.path().join("sync.state.db")).unwrap();
    (folder, state)
}

async fn with<T: Send + 'static>(state: &StateFile, work: fn(&mut Connection) -> T) -> T {
    state.writer.as_ref().unwrap().run(move |connection| Ok(work(connection))).await.unwrap()
}

fn entries(bytes: usize) -> Settlement {
    let range = KeyRange::default();
    let block = NewBlock { range: range.clone(), entries: 1, blob: vec![7; bytes], sums: None, checked: true };
    let base = vec![BaseChange { range, loaded: vec![], blocks: vec![block] }];
    Settlement { base, ..Settlement::default() }
}

#[tokio::test]
async fn a_full_disk_is_told_with_a_remedy_and_stores_nothing_by_halves() {
    let (_folder, state) = place();
    let session = SessionId::new();
    state.begin_session(session, Mode::Sync, None).await.unwrap();
    with(&state, |connection| {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update_and_check(None, "max_page_count", pages + 4, |_| Ok(())).unwrap();
    })
    .await;
    let error = state.settle(session, DATASET, &entries(200_000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
    assert!(error.remedy().unwrap().contains("free some space"), "{error}");
    assert_eq!(state.blocks(DATASET).await.unwrap(), []);
    let chunk = JournalChunk { session, dataset: "x".repeat(200_000), entries: vec![] };
    assert_eq!(state.journal(&chunk).await.unwrap_err().kind(), ErrorKind::Storage);
    let reason = Reason { code: "x".to_owned(), detail: "x".repeat(200_000) };
    let error = state.set_status(session, SessionStatus::Paused, Some(reason)).await.unwrap_err();
    assert!(matches!(&error, StateError::Storage(error) if error.kind() == ErrorKind::Storage), "{error}");
    with(&state, |connection| {
        connection.pragma_update_and_check(None, "max_page_count", 100_000, |_| Ok(())).unwrap();
    })
    .await;
    state.settle(session, DATASET, &entries(200_000)).await.unwrap().done("settle").unwrap();
    assert_eq!(state.blocks(DATASET).await.unwrap().len(), 1, "with space it goes on");
}

#[test]
fn a_look_at_the_holder_does_not_keep_a_run_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.state.db");
    let file = OpenOptions::new().create_new(true).write(true).open(folder.path().join("sync.state.db.lock")).unwrap();
    file.lock_shared().unwrap();
    let (begun, beginning) = std::sync::mpsc::channel();
    let opener = std::thread::spawn(move || {
        begun.send(()).unwrap();
        lock::Lock::take(&path).map(drop)
    });
    beginning.recv().unwrap();
    file.unlock().unwrap();
    opener.join().unwrap().unwrap();
}
