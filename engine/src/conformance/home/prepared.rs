//! Settlements that wait until a file has been published.

use pinksync_model::{ConflictStatus, SessionId, Side};

use super::Homes;
use super::made::{
    DATASET, OTHER, blobs, block, change, chunk, conflict, counted, deferred, ids, key, put, range, settle,
};
use crate::home::{DeferredKind, Settled, Settlement};

pub(super) async fn prepared_settlements_take_effect_together(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let loaded = ids(&put(&*home, DATASET, vec![block(range(None, 10), "a"), block(range(10, None), "b")]).await);
    let first = change(range(None, 10), &loaded[..1], vec![block(range(None, 10), "c")]);
    let second = change(range(10, None), &loaded[1..], vec![block(range(10, None), "d")]);
    for settlement in [first, second] {
        let settlement = Settlement { counted: counted(DATASET, 2), ..settlement };
        home.prepare(session, DATASET, &settlement).await.unwrap();
    }
    assert_eq!(blobs(&*home, DATASET).await, ["a", "b"]);
    assert!(home.counted(session).await.unwrap().is_empty());
    assert_eq!(home.settle_prepared(session, DATASET).await.unwrap(), Settled::Done);
    assert_eq!(blobs(&*home, DATASET).await, ["c", "d"]);
    assert_eq!(home.counted(session).await.unwrap()[0].1.read.source, 4);
    assert_eq!(home.settle_prepared(session, DATASET).await.unwrap(), Settled::Done, "nothing is left to settle");
    assert_eq!(home.counted(session).await.unwrap()[0].1.read.source, 4, "they take effect once");
}

pub(super) async fn one_that_moved_keeps_back_all(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let loaded = ids(&put(&*home, DATASET, vec![block(range(None, 10), "a"), block(range(10, None), "b")]).await);
    let first = change(range(None, 10), &loaded[..1], vec![block(range(None, 10), "c")]);
    let second = change(range(10, None), &loaded[1..], vec![block(range(10, None), "d")]);
    for settlement in [&first, &second] {
        let settlement = Settlement { counted: counted(DATASET, 2), ..settlement.clone() };
        home.prepare(session, DATASET, &settlement).await.unwrap();
    }
    settle(&*home, session, DATASET, &second).await;
    assert_eq!(home.settle_prepared(session, DATASET).await.unwrap(), Settled::Moved);
    assert_eq!(blobs(&*home, DATASET).await, ["a", "d"]);
    home.drop_prepared(DATASET).await.unwrap();
    home.prepare(session, DATASET, &first).await.unwrap();
    assert_eq!(home.settle_prepared(session, DATASET).await.unwrap(), Settled::Done, "the first did not take effect");
    assert_eq!(home.counted(session).await.unwrap()[0].1.read.source, 0);
}

pub(super) async fn dropped_ones_never_take_effect(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let entries = |dataset: &str| change(range(None, None), &[], vec![block(range(None, None), dataset)]);
    home.prepare(session, DATASET, &entries(DATASET)).await.unwrap();
    home.prepare(session, OTHER, &entries(OTHER)).await.unwrap();
    let home = homes.reopen(home).await;
    assert_eq!(home.blocks(DATASET).await.unwrap(), [], "a process that died settles nothing");
    home.drop_prepared(DATASET).await.unwrap();
    for dataset in [DATASET, OTHER] {
        assert_eq!(home.settle_prepared(session, dataset).await.unwrap(), Settled::Done);
    }
    assert_eq!(home.blocks(DATASET).await.unwrap(), []);
    assert_eq!(blobs(&*home, OTHER).await, [OTHER]);
}

pub(super) async fn they_are_of_one_session_and_dataset(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let entries = change(range(None, None), &[], vec![block(range(None, None), "entries")]);
    home.prepare(session, DATASET, &entries).await.unwrap();
    assert_eq!(home.settle_prepared(SessionId::new(), DATASET).await.unwrap(), Settled::Done);
    assert_eq!(home.settle_prepared(session, OTHER).await.unwrap(), Settled::Done);
    assert_eq!(home.blocks(DATASET).await.unwrap(), []);
    assert_eq!(home.settle_prepared(session, DATASET).await.unwrap(), Settled::Done);
    assert_eq!(blobs(&*home, DATASET).await, ["entries"]);
}

pub(super) async fn all_that_a_settlement_says_is_kept_until_then(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let journal = home.journal(&chunk(session, DATASET, &[1])).await.unwrap();
    let void = home.journal(&chunk(session, DATASET, &[2])).await.unwrap();
    let amended = home.journal(&chunk(session, DATASET, &[3, 4])).await.unwrap();
    settle(
        &*home,
        session,
        DATASET,
        &Settlement { conflicts: vec![conflict(5, ConflictStatus::Open)], ..Settlement::default() },
    )
    .await;
    let settlement = Settlement {
        journals: vec![journal],
        void_journals: vec![void],
        amended: vec![(amended, chunk(session, DATASET, &[4]))],
        conflicts: vec![conflict(6, ConflictStatus::Open)],
        supersede: vec![key(5)],
        defer: vec![deferred(7, Side::Source, DeferredKind::SetAside)],
        counted: counted(DATASET, 3),
        ..change(range(None, None), &[], vec![block(range(None, None), &"ä".repeat(50_000))])
    };
    home.prepare(session, DATASET, &settlement).await.unwrap();
    assert_eq!(home.pending(DATASET, None, 9).await.unwrap().len(), 3);
    assert_eq!(home.settle_prepared(session, DATASET).await.unwrap(), Settled::Done);
    assert_eq!(home.pending(DATASET, None, 9).await.unwrap(), []);
    let history = home.history(session, None, 9).await.unwrap();
    assert_eq!(history, [(amended, chunk(session, DATASET, &[4])), (journal, chunk(session, DATASET, &[1]))]);
    assert_eq!(home.open_conflicts(DATASET, &range(None, None)).await.unwrap(), [key(6)]);
    let waiting = home.deferred(session, DATASET, DeferredKind::SetAside, None, 9).await.unwrap();
    assert_eq!(waiting, [deferred(7, Side::Source, DeferredKind::SetAside)]);
    assert_eq!(home.counted(session).await.unwrap(), [(DATASET.to_owned(), counted(DATASET, 3))]);
    assert_eq!(blobs(&*home, DATASET).await, ["ä".repeat(50_000)]);
}
