//! Several who settle at once.

use std::sync::Arc;

use pinksync_engine::KeyRange;
use pinksync_engine::home::{Home, Settled};
use pinksync_model::SessionId;
use pinksync_worker::home::{PgHome, Scope};

use crate::database::Database;
use crate::made::{DATASET, change, range};

const ROUNDS: i64 = 20;

/// Two workers settle changes of these ranges, each over what was there before; how many of them took effect.
async fn race(database: &Database, scope: Scope, ranges: [KeyRange; 2]) -> usize {
    let homes: Vec<Arc<PgHome>> = (0..2).map(|_| Arc::new(database.home(scope))).collect();
    let headers = homes[0].blocks(DATASET).await.unwrap();
    let racers = homes.into_iter().zip(ranges).map(|(home, range)| {
        let overlaps = |header: &&pinksync_engine::home::BlockHeader| {
            let ends_before = |one: &KeyRange, other: &KeyRange| {
                one.high.as_ref().zip(other.low.as_ref()).is_some_and(|(high, low)| high <= low)
            };
            !ends_before(&header.range, &range) && !ends_before(&range, &header.range)
        };
        let loaded: Vec<_> = headers.iter().filter(overlaps).map(|header| header.id).collect();
        tokio::spawn(async move { home.settle(SessionId::new(), DATASET, &change(range, &loaded, "new")).await })
    });
    let mut done = 0;
    for racer in racers.collect::<Vec<_>>() {
        done += usize::from(racer.await.unwrap().unwrap() == Settled::Done);
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_replace_a_block_one_finds_it_moved() {
    let database = Database::new().await;
    let scope = database.sync().await;
    for _ in 0..ROUNDS {
        assert_eq!(race(&database, scope, [range(None, None), range(None, None)]).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_fill_overlapping_stretches_one_finds_it_moved() {
    let database = Database::new().await;
    let scope = database.sync().await;
    for round in 0..ROUNDS {
        let at = round * 10;
        assert_eq!(race(&database, scope, [range(at, at + 6), range(at + 4, at + 9)]).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_are_settled_both() {
    let database = Database::new().await;
    let scope = database.sync().await;
    for round in 0..ROUNDS {
        let at = round * 10;
        assert_eq!(race(&database, scope, [range(at, at + 5), range(at + 5, at + 10)]).await, 2);
    }
    assert_eq!(database.home(scope).blocks(DATASET).await.unwrap().len() as i64, 2 * ROUNDS);
}
