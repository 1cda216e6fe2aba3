//! Whose file it is, who holds it, what a dead process left.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pinksync_engine::ErrorKind;
use pinksync_engine::home::{Home, Settlement};
use pinksync_local::{Holder, StateError, StateFile};
use pinksync_model::{Mode, SessionId};
use rusqlite::Connection;

use crate::common::{DATASET, Place, begin, pending, settle, whole};

fn change(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

fn message<T>(opened: Result<T, StateError>) -> String {
    opened.map(|_| "it was opened").unwrap_err().to_string()
}

#[tokio::test]
async fn a_new_file_is_made_and_found_again() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    drop(state);
    assert_eq!(place.names(), ["sync.state.db", "sync.state.db.lock"], "nothing but the lock's name stays beside it");
    assert_eq!(place.open().unfinished_session().await.unwrap().unwrap().id, session);
}

#[tokio::test]
async fn an_empty_file_becomes_a_state_file() {
    let place = Place::new();
    std::fs::write(place.path(), "").unwrap();
    assert!(place.open().sessions().await.unwrap().is_empty());
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let foreign: [(&str, &[u8]); 3] =
        [("text", b"name: crm-to-shop\n"), ("short", b"SQLite"), ("header", b"SQLite format 3\0...")];
    for (what, bytes) in foreign {
        std::fs::write(place.path(), bytes).unwrap();
        assert!(message(StateFile::open(&place.path())).contains("not a state file"), "{what}");
        assert!(message(StateFile::open_read_only(&place.path())).contains("not a state file"), "{what}");
        assert_eq!(std::fs::read(place.path()).unwrap(), bytes, "{what}");
    }
    std::fs::remove_file(place.path()).unwrap();
    change(&place.path(), "CREATE TABLE orders (id INTEGER PRIMARY KEY)");
    let before = std::fs::read(place.path()).unwrap();
    assert!(matches!(StateFile::open(&place.path()), Err(StateError::Foreign { .. })));
    change(&place.path(), "PRAGMA application_id = 252006674");
    assert!(matches!(StateFile::open(&place.path()), Err(StateError::Foreign { .. })));
    change(&place.path(), "PRAGMA application_id = 0");
    assert_eq!(std::fs::read(place.path()).unwrap().len(), before.len());
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let place = Place::new();
    drop(place.open());
    change(&place.path(), "PRAGMA user_version = 99");
    for opened in [StateFile::open(&place.path()), StateFile::open_read_only(&place.path())] {
        let text = message(opened);
        assert!(text.contains("99") && text.contains("newer pinksync"), "{text}");
    }
}

#[test]
fn a_second_process_is_told_who_holds_the_file() {
    let place = Place::new();
    let state = place.open();
    let Err(StateError::Held { path, pid, since }) = StateFile::open(&place.path()) else { panic!("it is held") };
    assert_eq!((path, pid), (place.path(), std::process::id()));
    assert_eq!(StateFile::holder(&place.path()), Some(Holder { pid, since }));
    drop(state);
    assert_eq!(StateFile::holder(&place.path()), None);
    place.open();
}

#[cfg(unix)]
#[test]
fn a_link_to_the_file_has_the_same_lock() {
    let place = Place::new();
    let link = place.path().with_file_name("other.db");
    let state = place.open();
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    assert!(matches!(StateFile::open(&link), Err(StateError::Held { .. })));
    assert!(StateFile::holder(&link).is_some());
    drop(state);
    drop(StateFile::open(&link).unwrap());
    assert_eq!(place.names(), ["other.db", "sync.state.db", "sync.state.db.lock"]);
}

/// Another process with the same kind of lock.
fn hold(path: &Path) -> Child {
    let lock = format!("{}.lock", path.display());
    std::fs::write(&lock, "4242 2026-01-02T03:04:05.678Z\n").unwrap();
    let script = r#"exec 9<>"$0"; flock 9; echo held; exec cat >&2"#;
    let mut command = Command::new("bash");
    command.args(["-c", script, &lock]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = [0; 5];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
    child
}

#[test]
fn the_lock_dies_with_its_process() {
    let place = Place::new();
    let mut other = hold(&place.path());
    let text = message(StateFile::open(&place.path()));
    assert!(text.contains("4242") && text.contains("2026-01-02"), "{text}");
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(StateFile::holder(&place.path()), None, "the name of a dead process is not believed");
    place.open();
}

#[tokio::test]
async fn others_read_while_one_writes() {
    let place = Place::new();
    assert!(matches!(StateFile::open_read_only(&place.path()), Err(StateError::Absent { .. })));
    let state = place.open();
    let reader = StateFile::open_read_only(&place.path()).unwrap();
    let session = begin(&state, Mode::Sync).await;
    settle(&state, session, &Settlement { base: vec![whole(&[], vec![1])], ..Settlement::default() }).await;
    assert_eq!(reader.unfinished_session().await.unwrap().unwrap().id, session);
    assert_eq!(reader.blocks(DATASET).await.unwrap(), state.blocks(DATASET).await.unwrap());
    let error = reader.settle(session, DATASET, &Settlement::default()).await.unwrap_err();
    assert!(error.message().contains("reading only"), "{error}");
    assert!(reader.begin_session(SessionId::new(), Mode::Sync, None).await.is_err());
    drop(state);
    assert_eq!(reader.sessions().await.unwrap().len(), 1, "it goes on reading when the run has ended");
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_process_was_killed() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    settle(&state, session, &Settlement { base: vec![whole(&[], vec![7; 100_000])], ..Settlement::default() }).await;
    pending(&state, session, true).await;
    // The files as a killed process leaves them: nothing was closed.
    let after = Place::new();
    for name in ["sync.state.db", "sync.state.db-wal"] {
        std::fs::copy(place.path().with_file_name(name), after.path().with_file_name(name)).unwrap();
    }
    let reopened = after.open();
    assert_eq!(reopened.unfinished_session().await.unwrap().unwrap().id, session);
    assert_eq!(reopened.blocks(DATASET).await.unwrap(), state.blocks(DATASET).await.unwrap());
    assert_eq!(reopened.pending(DATASET, None, 9).await.unwrap().len(), 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_with_a_remedy() {
    let place = Place::new();
    std::fs::write(place.path(), "").unwrap();
    for path in [place.path().join("below a file"), Path::new("/proc/sync.state.db").to_owned()] {
        let Err(StateError::Storage(error)) = StateFile::open(&path) else { panic!("{} was opened", path.display()) };
        assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
        assert!(error.remedy().unwrap().contains("--state"), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_told_as_such() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    pending(&state, session, true).await;
    drop(state);
    change(&place.path(), "UPDATE journal_entries SET entries = x'00ff'");
    let error = place.open().pending(DATASET, None, 9).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    assert!(error.message().contains("damaged") && error.remedy().is_some(), "{error}");
}

#[test]
fn what_a_dead_process_staged_is_removed() {
    let place = Place::new();
    let stale = place.path().with_file_name("sync.state.db.staging");
    std::fs::create_dir_all(stale.join("3")).unwrap();
    std::fs::write(stale.join("3/0.rows"), "half a row").unwrap();
    let state = place.open();
    assert!(!stale.exists());
    drop(state);
}

#[test]
fn what_stayed_beside_a_file_that_was_read_only_gets_its_rights_back() {
    let place = Place::new();
    drop(place.open());
    let beside = place.path().with_extension("db-shm");
    std::fs::write(&beside, "").unwrap();
    std::fs::set_permissions(&beside, Permissions::from_mode(0o444)).unwrap();
    let state = place.open();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&beside), mode(&place.path()));
    drop(state);
    assert_eq!(place.names(), ["sync.state.db", "sync.state.db.lock"]);
}
