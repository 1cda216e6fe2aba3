//! The book of sessions.

use pinksync_engine::home::{Home, Settlement};
use pinksync_local::StateError;
use pinksync_model::SessionStatus::{Cancelled, Completed, Failed, InProgress, Paused};
use pinksync_model::{
    ConflictStatus, DatasetReport, GuardName, Mode, Reason, Report, SessionId, SessionStatus, SessionSummary,
    WriteCounts,
};

use crate::common::{DATASET, Place, begin, conflict, meet, settle};

fn reason() -> Reason {
    Reason { code: "interrupted".to_owned(), detail: "stopped by Ctrl-C".to_owned() }
}

#[tokio::test]
async fn one_session_is_unfinished_at_a_time() {
    let place = Place::new();
    let state = place.open();
    let first = begin(&state, Mode::Sync).await;
    for mode in [Mode::Sync, Mode::Undo] {
        let refused = state.begin_session(SessionId::new(), mode, None).await.unwrap_err();
        assert!(matches!(refused, StateError::Unfinished(id) if id == first), "{refused}");
    }
    state.set_status(first, Paused, Some(reason())).await.unwrap();
    drop(state);
    let state = place.open();
    let paused = state.unfinished_session().await.unwrap().unwrap();
    assert_eq!((paused.id, paused.status, paused.reason), (first, Paused, Some(reason())));
    state.resume_session(first).await.unwrap();
    let resumed = state.session(first).await.unwrap().unwrap();
    assert_eq!((resumed.status, resumed.reason, resumed.ended_at), (InProgress, None, None));
    state.set_status(first, Completed, None).await.unwrap();
    assert_eq!(state.unfinished_session().await.unwrap(), None);
    let undo = SessionId::new();
    state.begin_session(undo, Mode::Undo, Some(first)).await.unwrap();
    assert_eq!(state.session(undo).await.unwrap().unwrap().undo_of, Some(first));
}

#[tokio::test]
async fn a_session_whose_process_died_is_found_in_progress_and_goes_on() {
    let place = Place::new();
    let session = begin(&place.open(), Mode::Sync).await;
    let state = place.open();
    assert_eq!(state.unfinished_session().await.unwrap().unwrap().status, InProgress);
    state.resume_session(session).await.unwrap();
    state.set_status(session, Cancelled, Some(reason())).await.unwrap();
    let ended = state.session(session).await.unwrap().unwrap();
    assert!(ended.ended_at.is_some_and(|end| end >= ended.started_at && end.ends_with('Z')));
    assert!(matches!(state.resume_session(session).await, Err(StateError::Move { from: Cancelled, .. })));
}

#[tokio::test]
async fn a_status_moves_only_where_it_can() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    state.set_status(session, Failed, Some(reason())).await.unwrap();
    for to in [InProgress, Completed, Paused] {
        let error = state.set_status(session, to, None).await.unwrap_err();
        assert!(matches!(error, StateError::Move { from: Failed, .. }), "{error}");
    }
    assert_eq!(state.session(session).await.unwrap().unwrap().reason, Some(reason()), "a refused move changes nothing");
}

#[tokio::test]
async fn an_unknown_session_is_told() {
    let place = Place::new();
    let state = place.open();
    let nobody = SessionId::new();
    let errors = [
        state.set_status(nobody, Completed, None).await.unwrap_err(),
        state.resume_session(nobody).await.unwrap_err(),
        state.report(nobody).await.unwrap_err(),
        state.mark_undone(nobody).await.unwrap_err(),
        state.allow(nobody, GuardName::EmptySide).await.unwrap_err(),
        state.begin_session(SessionId::new(), Mode::Undo, Some(nobody)).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StateError::UnknownSession(id) if id == nobody), "{error}");
    }
    assert_eq!(state.session(nobody).await.unwrap(), None);
    assert!(state.sessions().await.unwrap().is_empty());
}

fn report(session: SessionId, status: SessionStatus) -> Report {
    let session = SessionSummary {
        id: session,
        status,
        mode: Mode::Sync,
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        ended_at: None,
        reason: None,
    };
    Report {
        session,
        datasets: vec![DatasetReport { source: "people".to_owned(), left_alone: 3, ..DatasetReport::default() }],
        guards: vec![],
        warnings: vec!["the field `note` is only on the source".to_owned()],
    }
}

#[tokio::test]
async fn a_report_is_kept_and_replaced() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    assert_eq!(state.report(session).await.unwrap(), None);
    let mut report = report(session, InProgress);
    state.set_report(session, &report).await.unwrap();
    report.session.status = Completed;
    state.set_report(session, &report).await.unwrap();
    drop(state);
    assert_eq!(place.open().report(session).await.unwrap(), Some(report));
}

#[tokio::test]
async fn the_list_is_latest_first_with_what_was_written_and_is_open() {
    let place = Place::new();
    let state = place.open();
    let first = begin(&state, Mode::Sync).await;
    let written = DatasetReport {
        to_target: WriteCounts { created: 2, updated: 3, deleted: 1 },
        to_source: WriteCounts { created: 0, updated: 4, deleted: 0 },
        ..DatasetReport::default()
    };
    for _ in 0..2 {
        settle(&state, first, &Settlement { counted: written.clone(), ..Settlement::default() }).await;
    }
    state
        .settle(first, "orders → orders", &Settlement { counted: written.clone(), ..Settlement::default() })
        .await
        .unwrap()
        .done("settle")
        .unwrap();
    meet(&state, first, vec![conflict(1, ConflictStatus::Open), conflict(2, ConflictStatus::Resolved)]).await;
    state.set_status(first, Completed, None).await.unwrap();
    assert_eq!(state.sessions().await.unwrap()[0].open_conflicts, 1, "without a report those of now");
    let mut report = report(first, Completed);
    report.datasets[0].conflicts.open = 5;
    state.set_report(first, &report).await.unwrap();
    let second = begin(&state, Mode::Verify).await;
    state.mark_undone(first).await.unwrap();
    let lines = state.sessions().await.unwrap();
    let [last, line] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((last.id, last.mode, last.status, last.written), (second, Mode::Verify, InProgress, 0));
    assert_eq!((line.id, line.status, line.written, line.open_conflicts, line.undone), (first, Completed, 30, 5, true));
    assert!(line.ended_at.as_ref().is_some_and(|ended| *ended >= line.started_at) && last.ended_at.is_none());
    assert_eq!(state.counted(first).await.unwrap()[0].0, DATASET);
}

#[tokio::test]
async fn allowed_guards_are_of_one_session() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    for guard in [GuardName::SchemaDrift, GuardName::MaxDeletePercent, GuardName::SchemaDrift] {
        state.allow(session, guard).await.unwrap();
    }
    assert_eq!(state.allowed(session).await.unwrap(), [GuardName::MaxDeletePercent, GuardName::SchemaDrift]);
    assert!(state.allowed(SessionId::new()).await.unwrap().is_empty());
}
