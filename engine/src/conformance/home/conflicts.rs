//! Open conflicts and how they are closed.

use pinksync_model::{ConflictKind, ConflictStatus, SessionId};

use super::Homes;
use super::made::{DATASET, OTHER, conflict, counted, key, range, settle, with_conflicts};
use crate::home::{ConflictRecord, Home, Settled, Settlement};

async fn store(home: &dyn Home, records: Vec<ConflictRecord>) {
    settle(home, SessionId::new(), DATASET, &with_conflicts(records)).await;
}

async fn open(home: &dyn Home) -> u64 {
    let keys = home.open_conflicts(DATASET, &range(None, None)).await.unwrap();
    let count = home.count_open(DATASET).await.unwrap();
    assert_eq!(keys.len() as u64, count);
    count
}

pub(super) async fn open_ones_are_listed_by_range(homes: &dyn Homes) {
    let home = homes.fresh().await;
    store(&*home, [30, 10, 20].map(|n| conflict(n, ConflictStatus::Open)).to_vec()).await;
    let home = homes.reopen(home).await;
    let cases = [
        (range(None, None), vec![10, 20, 30]),
        (range(10, 30), vec![10, 20]),
        (range(11, None), vec![20, 30]),
        (range(None, 10), vec![]),
        (range(30, 31), vec![30]),
    ];
    for (range, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(key).collect();
        assert_eq!(home.open_conflicts(DATASET, &range).await.unwrap(), expected, "{range:?}");
    }
    assert_eq!(home.count_open(DATASET).await.unwrap(), 3);
    assert_eq!(home.count_open(OTHER).await.unwrap(), 0);
    assert_eq!(home.open_conflicts(OTHER, &range(None, None)).await.unwrap(), []);
}

pub(super) async fn a_record_has_one_open_conflict(homes: &dyn Homes) {
    let home = homes.fresh().await;
    store(&*home, vec![conflict(1, ConflictStatus::Open)]).await;
    let moved = ConflictRecord { kind: ConflictKind::UpdateDelete, target: None, ..conflict(1, ConflictStatus::Open) };
    store(&*home, vec![moved.clone(), moved]).await;
    assert_eq!(open(&*home).await, 1);
}

pub(super) async fn a_settled_record_closes_the_open_one(homes: &dyn Homes) {
    let home = homes.fresh().await;
    store(&*home, vec![conflict(1, ConflictStatus::Open), conflict(2, ConflictStatus::Open)]).await;
    store(&*home, vec![conflict(1, ConflictStatus::Resolved)]).await;
    assert_eq!(home.open_conflicts(DATASET, &range(None, None)).await.unwrap(), [key(2)]);
}

pub(super) async fn a_settled_record_opens_none(homes: &dyn Homes) {
    let home = homes.fresh().await;
    store(&*home, vec![conflict(1, ConflictStatus::Resolved)]).await;
    store(&*home, vec![conflict(1, ConflictStatus::Resolved)]).await;
    assert_eq!(open(&*home).await, 0);
}

pub(super) async fn superseding_closes_the_open_one(homes: &dyn Homes) {
    let home = homes.fresh().await;
    store(&*home, vec![conflict(1, ConflictStatus::Open), conflict(2, ConflictStatus::Open)]).await;
    let supersede = Settlement { supersede: vec![key(1), key(3)], ..Settlement::default() };
    settle(&*home, SessionId::new(), OTHER, &supersede).await;
    assert_eq!(open(&*home).await, 2, "another dataset's keys");
    settle(&*home, SessionId::new(), DATASET, &supersede).await;
    assert_eq!(home.open_conflicts(DATASET, &range(None, None)).await.unwrap(), [key(2)]);
}

pub(super) async fn contended_ones_wait_for_nobody(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let contended = |n| ConflictRecord { kind: ConflictKind::Contended, ..conflict(n, ConflictStatus::Open) };
    let records = with_conflicts(vec![conflict(1, ConflictStatus::Open), contended(2), contended(3)]);
    settle(&*home, session, DATASET, &records).await;
    let home = homes.reopen(home).await;
    assert_eq!(home.count_open(DATASET).await.unwrap(), 1);
    assert_eq!(home.contended(DATASET).await.unwrap(), [(key(2), session), (key(3), session)]);
    assert_eq!(home.contended(OTHER).await.unwrap(), []);
    let supersede = Settlement { supersede: vec![key(2)], ..Settlement::default() };
    settle(&*home, SessionId::new(), DATASET, &supersede).await;
    assert_eq!(home.contended(DATASET).await.unwrap(), [(key(3), session)]);
}

pub(super) async fn what_an_undo_opens_again_waits_only_where_it_did_before(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let (found, undone) = (SessionId::new(), SessionId::new());
    settle(&*home, found, DATASET, &with_conflicts(vec![conflict(1, ConflictStatus::Open)])).await;
    let settled = vec![conflict(1, ConflictStatus::Resolved), conflict(2, ConflictStatus::Resolved)];
    settle(&*home, undone, DATASET, &with_conflicts(settled)).await;
    let reopen = Settlement { reopen: Some(undone), ..Settlement::default() };
    settle(&*home, SessionId::new(), DATASET, &reopen).await;
    let home = homes.reopen(home).await;
    assert_eq!(home.open_conflicts(DATASET, &range(None, None)).await.unwrap(), [key(1), key(2)]);
    assert_eq!(home.count_open(DATASET).await.unwrap(), 1, "the one that was open before");
    store(&*home, vec![conflict(2, ConflictStatus::Open)]).await;
    assert_eq!(home.count_open(DATASET).await.unwrap(), 2, "a session that asks a person found it again");
}

pub(super) async fn a_record_can_be_in_conflict_again(homes: &dyn Homes) {
    let home = homes.fresh().await;
    for _ in 0..3 {
        store(&*home, vec![conflict(1, ConflictStatus::Open)]).await;
        assert_eq!(open(&*home).await, 1);
        store(&*home, vec![conflict(1, ConflictStatus::Resolved)]).await;
        assert_eq!(open(&*home).await, 0);
    }
}

pub(super) async fn deciding_an_unknown_one_is_an_error(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let decide =
        vec![("c999999".to_owned(), ConflictStatus::Resolved, Some("skip".to_owned()), Some("ann".to_owned()))];
    let settlement = Settlement { decide, counted: counted(DATASET, 1), ..Settlement::default() };
    let settled = home.settle(session, DATASET, &settlement).await;
    assert!(!matches!(settled, Ok(Settled::Done)), "{settled:?}");
    assert!(home.counted(session).await.unwrap().is_empty());
}
