//! Counters, and that a settlement is stored as a whole or not at all.

use pinksync_model::{ConflictStatus, DatasetReport, GuardReport, SessionId, Side};

use super::Homes;
use super::made::{
    DATASET, OTHER, blobs, block, change, chunk, conflict, counted, deferred, ids, key, put, range, settle,
};
use crate::home::{BlockId, DeferredKind, Home, RejectRecord, Settled, Settlement};

fn counting(dataset: &str, n: u64) -> Settlement {
    Settlement { counted: counted(dataset, n), ..Settlement::default() }
}

fn nameless(n: u64) -> Settlement {
    let mut settlement = counting(DATASET, n);
    settlement.counted.source.clear();
    settlement.counted.target.clear();
    settlement
}

/// The counters of `times` settlements that add up to `n` records read.
fn total(dataset: &str, n: u64, times: u32) -> (String, DatasetReport) {
    let mut report = counted(dataset, n);
    report.to_target.created = times.into();
    report.seconds.write = 0.25 * f64::from(times);
    (dataset.to_owned(), report)
}

pub(super) async fn counters_add_up_in_the_order_of_first_settle(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    assert!(home.counted(session).await.unwrap().is_empty());
    settle(&*home, session, OTHER, &counting(OTHER, 1)).await;
    settle(&*home, session, DATASET, &nameless(20)).await;
    settle(&*home, session, OTHER, &counting(OTHER, 2)).await;
    settle(&*home, session, DATASET, &counting(DATASET, 30)).await;
    let home = homes.reopen(home).await;
    settle(&*home, session, DATASET, &nameless(50)).await;
    assert_eq!(home.counted(session).await.unwrap(), [total(OTHER, 3, 2), total(DATASET, 100, 3)]);
}

pub(super) async fn counters_are_of_one_session(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let (one, other) = (SessionId::new(), SessionId::new());
    settle(&*home, one, DATASET, &counting(DATASET, 1)).await;
    settle(&*home, other, DATASET, &counting(DATASET, 10)).await;
    assert_eq!(home.counted(one).await.unwrap(), [total(DATASET, 1, 1)]);
    assert_eq!(home.counted(other).await.unwrap(), [total(DATASET, 10, 1)]);
}

pub(super) async fn overridden_guards_are_kept_once_and_outlive_their_process(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let (session, other) = (SessionId::new(), SessionId::new());
    let guard = |name: &str, dataset: &str, actual| GuardReport {
        name: name.to_owned(),
        limit: 50.0,
        actual,
        tripped: true,
        allowed: true,
        detail: None,
        dataset: Some(dataset.to_owned()),
    };
    let first = [guard("max_delete_percent", DATASET, 90.0), guard("empty_side", DATASET, 3.0)];
    home.note_overridden(session, &first).await.unwrap();
    let home = homes.reopen(home).await;
    let again = [guard("max_delete_percent", DATASET, 10.0), guard("max_delete_percent", OTHER, 70.0)];
    home.note_overridden(session, &again).await.unwrap();
    let [largest, empty] = first;
    assert_eq!(home.overridden(session).await.unwrap(), [largest, empty, again[1].clone()]);
    assert!(home.overridden(other).await.unwrap().is_empty(), "another session's");
}

/// Everything a settlement can say about records 1 and 2, over a base without blocks.
async fn full(home: &dyn Home, session: SessionId) -> Settlement {
    let journal = home.journal(&chunk(session, DATASET, &[1])).await.unwrap();
    Settlement {
        journals: vec![journal],
        conflicts: vec![conflict(1, ConflictStatus::Open)],
        supersede: vec![key(9)],
        rejects: vec![RejectRecord {
            side: Side::Target,
            key: Some(key(2)),
            line: None,
            code: "unique".to_owned(),
            reason: "Key (email) already exists".to_owned(),
        }],
        defer: vec![deferred(2, Side::Target, DeferredKind::Delete)],
        done: vec![(key(8), DeferredKind::Delete)],
        counted: counted(DATASET, 4),
        ..change(range(None, None), &[], vec![block(range(None, None), "entries")])
    }
}

pub(super) async fn what_moved_leaves_nothing(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    settle(
        &*home,
        session,
        DATASET,
        &Settlement {
            conflicts: vec![conflict(9, ConflictStatus::Open)],
            defer: vec![deferred(8, Side::Source, DeferredKind::Delete)],
            ..counting(DATASET, 1)
        },
    )
    .await;
    let mut settlement = full(&*home, session).await;
    settlement.skipped = vec![BlockId(i64::MAX)];
    assert_eq!(home.settle(session, DATASET, &settlement).await.unwrap(), Settled::Moved);
    let home = homes.reopen(home).await;
    assert_eq!(home.blocks(DATASET).await.unwrap(), []);
    assert_eq!(home.pending(DATASET, None, 9).await.unwrap().len(), 1);
    assert_eq!(home.open_conflicts(DATASET, &range(None, None)).await.unwrap(), [key(9)]);
    assert_eq!(home.count_deferred(session, DATASET, DeferredKind::Delete).await.unwrap(), (1, 0));
    assert_eq!(home.counted(session).await.unwrap(), [total(DATASET, 1, 1)]);
}

pub(super) async fn what_is_settled_outlives_its_process(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let settlement = full(&*home, session).await;
    settle(&*home, session, DATASET, &settlement).await;
    let home = homes.reopen(home).await;
    assert_eq!(blobs(&*home, DATASET).await, ["entries"]);
    assert_eq!(home.history(session, None, 9).await.unwrap().len(), 1);
    assert_eq!(home.open_conflicts(DATASET, &range(None, None)).await.unwrap(), [key(1)]);
    let waiting = home.deferred(session, DATASET, DeferredKind::Delete, None, 9).await.unwrap();
    assert_eq!(waiting, [deferred(2, Side::Target, DeferredKind::Delete)]);
    assert_eq!(home.counted(session).await.unwrap(), [total(DATASET, 4, 1)]);
    settle(&*home, session, DATASET, &Settlement { rejects: settlement.rejects, ..Settlement::default() }).await;
}

pub(super) async fn datasets_do_not_see_each_other(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let mine = ids(&put(&*home, DATASET, vec![block(range(None, None), "mine")]).await);
    let other = ids(&put(&*home, OTHER, vec![block(range(None, None), "other")]).await);
    let replace = |loaded: &[BlockId]| change(range(None, None), loaded, vec![block(range(None, None), "new")]);
    assert_eq!(home.settle(SessionId::new(), DATASET, &replace(&other)).await.unwrap(), Settled::Moved);
    settle(&*home, SessionId::new(), DATASET, &replace(&mine)).await;
    assert_eq!(blobs(&*home, DATASET).await, ["new"]);
    assert_eq!(blobs(&*home, OTHER).await, ["other"]);
}
