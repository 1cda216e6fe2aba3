//! Records to be looked at again after comparing.

use pinksync_model::{SessionId, Side};

use super::Homes;
use super::made::{DATASET, OTHER, deferred, key, settle};
use crate::home::DeferredKind::{Delete, SetAside};
use crate::home::{Deferred, Home, RejectRecord, Settlement};

async fn defer(home: &dyn Home, session: SessionId, dataset: &str, defer: Vec<Deferred>) {
    settle(home, session, dataset, &Settlement { defer, ..Settlement::default() }).await;
}

pub(super) async fn they_come_in_key_order_by_pages(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let given: Vec<Deferred> = [5, 300, 1, 4, 2].map(|n| deferred(n, Side::Target, Delete)).to_vec();
    defer(&*home, session, DATASET, given[..2].to_vec()).await;
    defer(&*home, session, DATASET, given[2..].to_vec()).await;
    let home = homes.reopen(home).await;
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = home.deferred(session, DATASET, Delete, after.as_ref(), 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        paged.extend(page);
    }
    assert_eq!(paged, [1, 2, 4, 5, 300].map(|n| deferred(n, Side::Target, Delete)));
}

pub(super) async fn a_record_is_deferred_once_per_kind(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    defer(&*home, session, DATASET, vec![deferred(1, Side::Source, Delete), deferred(1, Side::Target, SetAside)]).await;
    let changed = Deferred { mirror: false, ..deferred(1, Side::Target, Delete) };
    defer(&*home, session, DATASET, vec![changed.clone()]).await;
    assert_eq!(home.deferred(session, DATASET, Delete, None, 9).await.unwrap(), [changed], "the last word counts");
    let aside = home.deferred(session, DATASET, SetAside, None, 9).await.unwrap();
    assert_eq!(aside, [deferred(1, Side::Target, SetAside)]);
}

pub(super) async fn done_ones_are_gone(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let both =
        vec![deferred(1, Side::Source, Delete), deferred(1, Side::Source, SetAside), deferred(2, Side::Source, Delete)];
    defer(&*home, session, DATASET, both).await;
    let done = Settlement { done: vec![(key(1), Delete), (key(7), Delete)], ..Settlement::default() };
    settle(&*home, SessionId::new(), DATASET, &done).await;
    assert_eq!(home.count_deferred(session, DATASET, Delete).await.unwrap(), (2, 0), "another session's");
    settle(&*home, session, DATASET, &done).await;
    assert_eq!(home.deferred(session, DATASET, Delete, None, 9).await.unwrap(), [deferred(2, Side::Source, Delete)]);
    assert_eq!(home.count_deferred(session, DATASET, SetAside).await.unwrap(), (1, 0));
}

pub(super) async fn they_are_counted_by_side(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    assert_eq!(home.count_deferred(session, DATASET, Delete).await.unwrap(), (0, 0));
    let sides = [Side::Source, Side::Target, Side::Target, Side::Source, Side::Target];
    let given = sides.into_iter().zip(0..).map(|(side, n)| deferred(n, side, Delete)).collect();
    defer(&*home, session, DATASET, given).await;
    assert_eq!(home.count_deferred(session, DATASET, Delete).await.unwrap(), (2, 3));
    assert_eq!(home.count_deferred(session, DATASET, SetAside).await.unwrap(), (0, 0));
}

pub(super) async fn they_are_of_one_session_and_dataset(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    defer(&*home, session, DATASET, vec![deferred(1, Side::Source, Delete)]).await;
    assert!(home.deferred(SessionId::new(), DATASET, Delete, None, 9).await.unwrap().is_empty());
    assert!(home.deferred(session, OTHER, Delete, None, 9).await.unwrap().is_empty());
    assert_eq!(home.count_deferred(session, OTHER, Delete).await.unwrap(), (0, 0));
    assert_eq!(home.count_deferred(SessionId::new(), DATASET, Delete).await.unwrap(), (0, 0));
}

pub(super) async fn rejects_without_a_key_are_known_by_side(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let (session, other) = (SessionId::new(), SessionId::new());
    let reject = |side, key| {
        let (code, reason) = ("malformed".to_owned(), "cannot be read".to_owned());
        RejectRecord { side, key, line: Some(7), code, reason }
    };
    let keyed = vec![reject(Side::Source, Some(key(1))), reject(Side::Target, Some(key(1)))];
    settle(&*home, session, DATASET, &Settlement { rejects: keyed, ..Settlement::default() }).await;
    assert_eq!(home.left_out(session, DATASET).await.unwrap(), [key(1)], "each record once");
    assert!(home.left_out(session, OTHER).await.unwrap().is_empty());
    assert!(home.left_out(other, DATASET).await.unwrap().is_empty());
    assert_eq!(home.unknown_rejects(session, DATASET).await.unwrap(), (false, false));
    let unknown = vec![reject(Side::Target, None)];
    settle(&*home, session, DATASET, &Settlement { rejects: unknown, ..Settlement::default() }).await;
    let home = homes.reopen(home).await;
    assert_eq!(home.unknown_rejects(session, DATASET).await.unwrap(), (false, true));
    assert_eq!(home.left_out(session, DATASET).await.unwrap(), [key(1)]);
    assert_eq!(home.unknown_rejects(other, DATASET).await.unwrap(), (false, false), "another session's");
    assert_eq!(home.unknown_rejects(session, OTHER).await.unwrap(), (false, false), "another dataset's");
}
