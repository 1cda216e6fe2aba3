//! Terms and blocks.

use std::sync::Arc;

use pinksync_model::{ConflictStatus, SessionId};

use super::Homes;
use super::made::{
    DATASET, OTHER, blobs, block, change, conflict, counted, hash, ids, put, range, settle, terms, with_conflicts,
};
use crate::connector::RangeSum;
use crate::error::ErrorKind;
use crate::home::{BlockCounts, BlockId, BlockSums, NewBlock, Settled, Settlement};

pub(super) async fn a_new_dataset_has_no_terms_and_no_blocks(homes: &dyn Homes) {
    let home = homes.fresh().await;
    assert_eq!(home.terms(DATASET).await.unwrap(), None);
    assert_eq!(home.blocks(DATASET).await.unwrap(), []);
    assert!(home.load(DATASET, &[]).await.unwrap().is_empty());
}

pub(super) async fn terms_are_replaced(homes: &dyn Homes) {
    let home = homes.fresh().await;
    home.set_terms(DATASET, &terms("first"), false).await.unwrap();
    put(&*home, DATASET, vec![block(range(None, None), "entries")]).await;
    home.set_terms(DATASET, &terms("second"), false).await.unwrap();
    let home = homes.reopen(home).await;
    assert_eq!(home.terms(DATASET).await.unwrap(), Some(terms("second")));
    assert_eq!(home.terms(OTHER).await.unwrap(), None);
    assert_eq!(blobs(&*home, DATASET).await, ["entries"], "new terms alone leave the base");
}

pub(super) async fn blocks_come_in_key_order_as_they_were_given(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let sums = BlockSums {
        source: RangeSum { count: 1000, hash: u64::MAX },
        target: RangeSum { count: 999, hash: 1 << 63 },
        fingerprint: hash(77),
        counts: BlockCounts { records: 1001, unchanged: 990, drift: 1, target_only: 2, out_of_scope: 3, open: 4 },
    };
    let given = [
        NewBlock { sums: Some(sums), entries: 0, ..block(range(20, None), "last") },
        NewBlock { checked: false, entries: 1000, ..block(range(None, 10), "first") },
        block(range(10, 20), "middle"),
    ];
    for block in &given {
        settle(&*home, session, DATASET, &change(block.range.clone(), &[], vec![block.clone()])).await;
    }
    let home = homes.reopen(home).await;
    let headers = home.blocks(DATASET).await.unwrap();
    assert_eq!(headers.len(), 3);
    for (header, block) in headers.iter().zip([&given[1], &given[2], &given[0]]) {
        assert_eq!((&header.range, header.entries, header.sums), (&block.range, block.entries, block.sums));
        assert_eq!(header.checked_by, block.checked.then_some(session));
    }
    assert_eq!(blobs(&*home, DATASET).await, ["first", "middle", "last"]);
}

pub(super) async fn blobs_come_in_the_order_asked(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let large = "x".repeat(300_000);
    let blocks = vec![block(range(None, 10), "a"), block(range(10, 20), &large), block(range(20, None), "")];
    let headers = put(&*home, DATASET, blocks).await;
    let [a, b, c] = ids(&headers)[..] else { panic!("{} blocks where three were stored", headers.len()) };
    let loaded = home.load(DATASET, &[c, a, b, a]).await.unwrap();
    assert_eq!(loaded, [b"".to_vec(), b"a".to_vec(), large.into_bytes(), b"a".to_vec()]);
}

pub(super) async fn a_block_that_is_gone_cannot_be_loaded(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let headers = put(&*home, DATASET, vec![block(range(None, 10), "a"), block(range(10, None), "b")]).await;
    let replace = change(range(10, None), &[headers[1].id], vec![block(range(10, None), "c")]);
    settle(&*home, SessionId::new(), DATASET, &replace).await;
    for asked in [&ids(&headers)[..], &[BlockId(i64::MAX)], &[BlockId(-1)]] {
        let error = home.load(DATASET, asked).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Aborted, "{error}");
    }
    let error = home.load(OTHER, &[headers[0].id]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted, "a block of another dataset: {error}");
}

pub(super) async fn a_replaced_block_gets_a_new_id(homes: &dyn Homes) {
    let mut home = homes.fresh().await;
    let mut seen = ids(&put(&*home, DATASET, vec![block(range(None, None), "0")]).await);
    for round in 1..6 {
        let last = *seen.last().unwrap();
        let replace = change(range(None, None), &[last], vec![block(range(None, None), &round.to_string())]);
        settle(&*home, SessionId::new(), DATASET, &replace).await;
        if round % 2 == 0 {
            home = homes.reopen(home).await;
        }
        let now = ids(&home.blocks(DATASET).await.unwrap());
        assert!(now.len() == 1 && !seen.contains(&now[0]), "{now:?} after {seen:?}");
        seen.extend(now);
    }
}

pub(super) async fn a_change_over_other_blocks_stores_nothing(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let headers = put(&*home, DATASET, vec![block(range(None, 10), "a"), block(range(10, 20), "b")]).await;
    let [a, b] = ids(&headers)[..] else { panic!("{} blocks where two were stored", headers.len()) };
    let new = |low: Option<u32>, high: Option<u32>| vec![block(range(low, high), "new")];
    let wrong = [
        ("one was not loaded", change(range(None, 20), &[a], new(None, Some(20)))),
        ("none was loaded", change(range(None, 10), &[], new(None, Some(10)))),
        ("one more was loaded", change(range(None, 10), &[a, b], new(None, Some(10)))),
        ("it is not there any more", change(range(None, 10), &[BlockId(i64::MAX)], new(None, Some(10)))),
        ("there is nothing", change(range(20, None), &[b], new(Some(20), None))),
        ("one reaches in", change(range(15, None), &[], new(Some(15), None))),
    ];
    for (why, mut settlement) in wrong {
        settlement.counted = counted(DATASET, 1);
        settlement.conflicts = vec![conflict(1, ConflictStatus::Open)];
        assert_eq!(home.settle(session, DATASET, &settlement).await.unwrap(), Settled::Moved, "{why}");
        assert_eq!(blobs(&*home, DATASET).await, ["a", "b"], "{why}");
        assert_eq!(ids(&home.blocks(DATASET).await.unwrap()), [a, b], "{why}");
        assert!(home.counted(session).await.unwrap().is_empty(), "{why}");
        assert_eq!(home.count_open(DATASET).await.unwrap(), 0, "{why}");
    }
}

pub(super) async fn of_several_changes_all_or_none_are_stored(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let headers = put(&*home, DATASET, vec![block(range(None, 10), "a"), block(range(10, 20), "b")]).await;
    let mut both = change(range(None, 10), &[headers[0].id], vec![block(range(None, 10), "c")]);
    both.base.extend(change(range(10, 20), &[BlockId(i64::MAX)], vec![block(range(10, 20), "d")]).base);
    assert_eq!(home.settle(SessionId::new(), DATASET, &both).await.unwrap(), Settled::Moved);
    assert_eq!(blobs(&*home, DATASET).await, ["a", "b"]);
    both.base[1].loaded = vec![headers[1].id];
    settle(&*home, SessionId::new(), DATASET, &both).await;
    assert_eq!(blobs(&*home, DATASET).await, ["c", "d"]);
}

pub(super) async fn blocks_are_split_and_joined(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let whole = ids(&put(&*home, DATASET, vec![block(range(None, None), "whole")]).await);
    let parts = vec![block(range(None, 5), "a"), block(range(5, 9), "b"), block(range(9, None), "c")];
    settle(&*home, SessionId::new(), DATASET, &change(range(None, None), &whole, parts)).await;
    assert_eq!(blobs(&*home, DATASET).await, ["a", "b", "c"]);
    let parts = ids(&home.blocks(DATASET).await.unwrap());
    let joined = change(range(None, 9), &[parts[1], parts[0]], vec![block(range(None, 9), "ab")]);
    settle(&*home, SessionId::new(), DATASET, &joined).await;
    assert_eq!(blobs(&*home, DATASET).await, ["ab", "c"]);
    assert_eq!(ids(&home.blocks(DATASET).await.unwrap())[1], parts[2]);
}

pub(super) async fn neighbours_of_a_change_stay(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let headers = put(&*home, DATASET, vec![block(range(None, 10), "a"), block(range(30, None), "c")]).await;
    settle(&*home, SessionId::new(), DATASET, &change(range(10, 30), &[], vec![block(range(10, 30), "b")])).await;
    let after = home.blocks(DATASET).await.unwrap();
    assert_eq!(blobs(&*home, DATASET).await, ["a", "b", "c"]);
    assert_eq!([after[0].id, after[2].id], [headers[0].id, headers[1].id]);
}

pub(super) async fn a_change_that_would_lose_entries_is_refused(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let a = ids(&put(&*home, DATASET, vec![block(range(None, 10), "a")]).await);
    let wrong = [
        ("a gap", change(range(None, 10), &a, vec![block(range(None, 4), "x"), block(range(5, 10), "y")])),
        ("an overlap", change(range(None, 10), &a, vec![block(range(None, 6), "x"), block(range(5, 10), "y")])),
        ("an end too early", change(range(None, 10), &a, vec![block(range(None, 9), "x")])),
        ("an end too late", change(range(None, 10), &a, vec![block(range(None, 11), "x")])),
        ("no end", change(range(None, 10), &a, vec![block(range(None, None), "x")])),
        ("a beginning too late", change(range(None, 10), &a, vec![block(range(1, 10), "x")])),
        ("no block", change(range(None, 10), &a, vec![])),
        ("a block cut at its end", change(range(None, 5), &a, vec![block(range(None, 5), "x")])),
        ("a block cut at its beginning", change(range(5, 20), &a, vec![block(range(5, 20), "x")])),
    ];
    for (why, settlement) in wrong {
        assert!(home.settle(SessionId::new(), DATASET, &settlement).await.is_err(), "{why}");
        assert_eq!(blobs(&*home, DATASET).await, ["a"], "{why}");
    }
}

pub(super) async fn skipped_blocks_are_marked_and_stay(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let headers = put(&*home, DATASET, vec![block(range(None, 10), "a"), block(range(10, None), "b")]).await;
    let session = SessionId::new();
    let skip = |ids: Vec<BlockId>| Settlement { skipped: ids, counted: counted(DATASET, 1), ..Settlement::default() };
    settle(&*home, session, DATASET, &skip(vec![headers[1].id])).await;
    let after = home.blocks(DATASET).await.unwrap();
    assert_eq!(ids(&after), ids(&headers));
    assert_eq!(after[1].checked_by, Some(session));
    assert_eq!(after[0], headers[0]);
    let replace = change(range(None, 10), &[headers[0].id], vec![block(range(None, 10), "c")]);
    settle(&*home, session, DATASET, &replace).await;
    let moved = home.settle(session, DATASET, &skip(vec![headers[1].id, headers[0].id])).await.unwrap();
    assert_eq!(moved, Settled::Moved, "what was counted is not what is there");
    assert_eq!(home.counted(session).await.unwrap()[0].1.read.source, 1);
}

pub(super) async fn forgetting_is_for_one_dataset(homes: &dyn Homes) {
    let home = homes.fresh().await;
    for dataset in [DATASET, OTHER] {
        put(&*home, dataset, vec![block(range(None, None), dataset)]).await;
        let open = with_conflicts(vec![conflict(1, ConflictStatus::Open)]);
        settle(&*home, SessionId::new(), dataset, &open).await;
    }
    home.set_terms(DATASET, &terms("new"), true).await.unwrap();
    let home = homes.reopen(home).await;
    assert_eq!(home.terms(DATASET).await.unwrap(), Some(terms("new")));
    assert_eq!(home.blocks(DATASET).await.unwrap(), []);
    assert_eq!(home.count_open(DATASET).await.unwrap(), 0);
    assert_eq!(blobs(&*home, OTHER).await, [OTHER]);
    assert_eq!(home.count_open(OTHER).await.unwrap(), 1);
    put(&*home, DATASET, vec![block(range(None, None), "anew")]).await;
}

pub(super) async fn of_many_who_replace_a_block_one_succeeds(homes: &dyn Homes) {
    let home = homes.fresh().await;
    put(&*home, DATASET, vec![block(range(None, None), "0")]).await;
    for round in 0..10 {
        let loaded = ids(&home.blocks(DATASET).await.unwrap());
        let race = (0..8).map(|n| {
            let (home, loaded) = (Arc::clone(&home), loaded.clone());
            tokio::spawn(async move {
                let new = block(range(None, None), &format!("{round}.{n}"));
                let settled =
                    home.settle(SessionId::new(), DATASET, &change(range(None, None), &loaded, vec![new])).await;
                (n, settled.unwrap())
            })
        });
        let mut winners = Vec::new();
        for racer in race.collect::<Vec<_>>() {
            let (n, settled) = racer.await.unwrap();
            winners.extend((settled == Settled::Done).then(|| format!("{round}.{n}")));
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(blobs(&*home, DATASET).await, winners);
    }
}
