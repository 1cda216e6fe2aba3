//! Conflicts as lists show them.

use pinksync_engine::home::{ConflictRecord, Home, Settlement, StoredConflict};
use pinksync_local::{StateError, StateFile};
use pinksync_model::ConflictStatus::{Open, Resolved, Superseded};
use pinksync_model::{ConflictKind, ConflictStatus, Mode, SessionId};

use crate::common::{DATASET, Place, begin, conflict, key, meet, settle};

async fn one(state: &StateFile, id: &str) -> StoredConflict {
    state.conflict(id).await.unwrap()
}

fn decide(id: &str, status: ConflictStatus, decision: Option<&str>) -> Settlement {
    let decide = vec![(id.to_owned(), status, decision.map(str::to_owned), decision.map(|_| "ann".to_owned()))];
    Settlement { decide, ..Settlement::default() }
}

#[tokio::test]
async fn an_open_conflict_is_refreshed_in_place() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    meet(&state, session, vec![conflict(1, Open)]).await;
    let first = one(&state, "c1").await;
    assert_eq!((first.session, &first.dataset[..], &first.record), (session, DATASET, &conflict(1, Open)));
    let moved = ConflictRecord { kind: ConflictKind::UpdateDelete, target: None, ..conflict(1, Open) };
    meet(&state, SessionId::new(), vec![moved.clone()]).await;
    assert_eq!(state.conflicts(true).await.unwrap(), [StoredConflict { record: moved, ..first }]);
}

#[tokio::test]
async fn a_settled_record_settles_the_open_conflict_or_is_one_of_its_own() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    meet(&state, session, vec![conflict(1, Open)]).await;
    meet(&state, session, vec![conflict(2, Resolved), conflict(1, Resolved)]).await;
    let all = state.conflicts(true).await.unwrap();
    assert_eq!(all.iter().map(|conflict| conflict.id.as_str()).collect::<Vec<_>>(), ["c1", "c2"]);
    for (conflict, record) in all.iter().zip([conflict(1, Resolved), conflict(2, Resolved)]) {
        assert_eq!(conflict.record, record);
        assert!(conflict.decided_at.as_ref().is_some_and(|decided| *decided >= conflict.opened_at));
    }
    assert!(state.conflicts(false).await.unwrap().is_empty());
    meet(&state, session, vec![conflict(1, Open)]).await;
    let open = state.conflicts(false).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].id.as_str(), &open[0].decided_at), ("c3", &None), "a conflict anew is a new one");
}

#[tokio::test]
async fn superseded_conflicts_stay_in_the_list() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    meet(&state, session, vec![conflict(1, Open), conflict(2, Open)]).await;
    settle(&state, session, &Settlement { supersede: vec![key(1)], ..Settlement::default() }).await;
    let closed = one(&state, "c1").await;
    assert_eq!((closed.record.status, closed.record.decision), (Superseded, None));
    assert!(closed.decided_at.is_some());
    let terms = pinksync_engine::home::BaseTerms {
        source_identity: String::new(),
        target_identity: String::new(),
        definition: String::new(),
        schema: String::new(),
    };
    state.set_terms(DATASET, &terms, true).await.unwrap();
    assert_eq!(one(&state, "c2").await.record.status, Superseded, "also where the base is dropped");
}

#[tokio::test]
async fn a_person_settles_a_conflict_and_undo_reopens_it() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    meet(&state, session, vec![conflict(1, Open)]).await;
    settle(&state, session, &decide("c1", Resolved, Some("source"))).await;
    let settled = one(&state, "c1").await;
    assert_eq!(settled.record.status, Resolved);
    assert_eq!(
        (settled.record.decision.as_deref(), settled.record.decided_by.as_deref()),
        (Some("source"), Some("ann"))
    );
    assert!(settled.decided_at.is_some());
    settle(&state, session, &decide("c1", Open, None)).await;
    let open = one(&state, "c1").await;
    assert_eq!((open.record.status, open.record.decision, open.decided_at), (Open, None, None));
    settle(&state, session, &decide("c1", Resolved, Some("skip"))).await;
    meet(&state, session, vec![conflict(1, Open)]).await;
    settle(&state, session, &decide("c1", Open, None)).await;
    assert_eq!(one(&state, "c1").await.record.status, Resolved, "the newer open one stands");
    assert_eq!(state.count_open(DATASET).await.unwrap(), 1);
}

#[tokio::test]
async fn a_conflict_is_found_by_the_beginning_of_its_id() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    meet(&state, session, (1..=9).chain(20..=30).map(|n| conflict(n, Open)).collect()).await;
    for (given, id) in [("c2", "c2"), ("c20", "c20"), ("c1", "c1")] {
        assert_eq!(one(&state, given).await.id, id, "a whole id is meant, however many begin so");
    }
    for given in ["c", "c99", "", "x", "c1x", "2", "c+1", "c-1", "c%"] {
        let error = state.conflict(given).await.unwrap_err();
        let ambiguous = given == "c";
        let fits = matches!(&error, StateError::AmbiguousConflict { .. }) == ambiguous
            && matches!(&error, StateError::UnknownConflict(id) if id == given) != ambiguous;
        assert!(fits, "{given}: {error}");
    }
    let place = Place::new();
    let state = place.open();
    meet(&state, session, vec![conflict(1, Open)]).await;
    assert_eq!(one(&state, "c").await.id, "c1");
}
