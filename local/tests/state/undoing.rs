//! What can be undone, and for how long.

use pinksync_engine::home::{Home, RejectRecord, Settlement};
use pinksync_local::StateFile;
use pinksync_model::SessionStatus::{Completed, Failed};
use pinksync_model::{Mode, SessionId, Side};
use rusqlite::Connection;

use crate::common::{DATASET, Place, begin, done, key, pending, settle};

async fn undoable(state: &StateFile) -> Option<SessionId> {
    state.last_undoable().await.unwrap().map(|session| session.id)
}

/// A finished session with a journal.
async fn finished(state: &StateFile, mode: Mode, writes: bool) -> SessionId {
    let session = begin(state, mode).await;
    done(state, session, writes).await;
    state.set_status(session, Completed, None).await.unwrap();
    session
}

#[tokio::test]
async fn the_last_session_that_wrote_is_undone_first() {
    let place = Place::new();
    let state = place.open();
    assert_eq!(undoable(&state).await, None);
    let first = finished(&state, Mode::Sync, true).await;
    let second = finished(&state, Mode::Sync, true).await;
    finished(&state, Mode::Sync, false).await;
    let begun = begin(&state, Mode::Sync).await;
    pending(&state, begun, true).await;
    state.set_status(begun, Failed, None).await.unwrap();
    assert_eq!(undoable(&state).await, Some(second), "neither one without writes nor one that only began to");
    let undo = finished(&state, Mode::Undo, true).await;
    assert_eq!(undoable(&state).await, Some(second), "an undo is not undone");
    state.mark_undone(second).await.unwrap();
    assert_eq!(undoable(&state).await, Some(first));
    state.mark_undone(first).await.unwrap();
    assert_eq!(undoable(&state).await, None);
    assert!(state.session(first).await.unwrap().unwrap().undone);
    assert!(!state.session(undo).await.unwrap().unwrap().undone);
}

#[tokio::test]
async fn an_undo_that_broke_off_can_be_begun_again() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    let chunk = done(&state, session, true).await;
    state.set_status(session, Completed, None).await.unwrap();
    let undo = begin(&state, Mode::Undo).await;
    settle(&state, undo, &Settlement { undone: vec![chunk], ..Settlement::default() }).await;
    assert!(state.history(session, None, 9).await.unwrap().is_empty());
    assert_eq!(undoable(&state).await, Some(session), "all of it is taken back, but nobody has said so yet");
}

/// Makes a session end `days` days ago.
fn age(place: &Place, session: SessionId, days: u32) {
    let connection = Connection::open(place.path()).unwrap();
    let ended = "UPDATE sessions SET ended_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?2) WHERE id = ?1";
    assert_eq!(connection.execute(ended, (session.to_string(), format!("-{days} days"))).unwrap(), 1);
}

#[tokio::test]
async fn journals_are_kept_for_some_days_after_their_session_ended() {
    let place = Place::new();
    let state = place.open();
    let mut sessions = Vec::new();
    for days in [15, 13, 0] {
        let session = finished(&state, Mode::Sync, true).await;
        age(&place, session, days);
        sessions.push(session);
    }
    let open = begin(&state, Mode::Sync).await;
    done(&state, open, true).await;
    assert_eq!(state.retain(14).await.unwrap(), 1);
    assert_eq!(state.retain(14).await.unwrap(), 0);
    for (session, left) in sessions.iter().chain([&open]).zip([0, 1, 1, 1]) {
        assert_eq!(state.history(*session, None, 9).await.unwrap().len(), left);
    }
    for session in [open, sessions[2], sessions[1]] {
        state.mark_undone(session).await.unwrap();
    }
    assert_eq!(undoable(&state).await, None, "what is dropped cannot be undone");
    assert_eq!(state.retain(u32::MAX).await.unwrap(), 0);
}

#[tokio::test]
async fn rejects_are_kept_as_long_as_the_journal() {
    let place = Place::new();
    let state = place.open();
    let reason = "violates check constraint".to_owned();
    let reject = RejectRecord { side: Side::Target, key: Some(key(1)), line: None, code: "check".to_owned(), reason };
    let mut sessions = Vec::new();
    for days in [15, 13] {
        let session = begin(&state, Mode::Sync).await;
        settle(&state, session, &Settlement { rejects: vec![reject.clone()], ..Settlement::default() }).await;
        state.set_status(session, Completed, None).await.unwrap();
        age(&place, session, days);
        sessions.push(session);
    }
    state.retain(14).await.unwrap();
    assert_eq!(state.rejects(sessions[0]).await.unwrap().len(), 0);
    assert_eq!(state.rejects(sessions[1]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_pending_chunk_stays_until_it_is_reconciled() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    let chunk = pending(&state, session, true).await;
    state.set_status(session, Failed, None).await.unwrap();
    age(&place, session, 100);
    assert_eq!(state.retain(14).await.unwrap(), 0);
    assert_eq!(state.pending(DATASET, None, 9).await.unwrap()[0].0, chunk);
}
