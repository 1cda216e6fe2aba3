//! Large sessions, whose segments several workers share.

use std::collections::BTreeSet;

use pinksync_test_support::eventually;
use uuid::Uuid;

use crate::support::{Gate, Pair, Service, Setup, count, fill, written};

const ITEMS: u64 = 60_000;

/// Workers with a running task.
async fn at_work(service: &Service) -> BTreeSet<Uuid> {
    let owners = "SELECT owner FROM tasks WHERE status = 'running' AND kind = 'segment'";
    service.metadata.column(owners, &[]).await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_a_first_load_and_the_same_definition_again_writes_nothing() {
    let (service, pair) = tokio::join!(Setup::new().workers(3).start(), Pair::with_items(ITEMS));
    let gate = Gate::before_writes(&pair.target, "items", "true").await;
    let session = service.rest.submit(&pair.one_way()).await;
    eventually(async || at_work(&service).await.len() > 1).await;
    gate.open().await;
    let first = service.rest.completed(&session).await;
    assert_eq!(written(&first), [[ITEMS, 0, 0], [0, 0, 0]], "{first}");
    pair.assert_same().await;
    assert_eq!(service.pending_chunks().await, 0);
    let second = service.rest.complete(&pair.one_way()).await;
    assert_eq!(second["sync_id"], first["sync_id"], "an inline definition is one sync");
    assert_eq!(written(&second), [[0, 0, 0], [0, 0, 0]], "{second}");
    assert_eq!(count(&second, "unchanged"), ITEMS);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_way_sessions_carry_creates_updates_and_deletes_both_ways() {
    const OF_THE_TARGET: u64 = 20_000;
    let (service, pair) = tokio::join!(Setup::new().workers(3).start(), Pair::with_items(ITEMS));
    fill(&pair.target, ITEMS + 1, OF_THE_TARGET).await;
    let first = service.rest.complete(&pair.two_way()).await;
    assert_eq!(written(&first), [[ITEMS, 0, 0], [OF_THE_TARGET, 0, 0]], "{first}");
    pair.assert_same().await;
    let update = |who: &str, at: &str, modulus: u64, rest: u64| {
        format!("UPDATE items SET name = '{who} ' || id, changed = '{at}' WHERE id % {modulus} = {rest}")
    };
    // Multiples of 50 are changed on both sides, and later on the target.
    pair.source.batch(&update("source", "2026-02-01", 50, 0)).await;
    pair.target.batch(&update("target", "2026-02-02", 25, 0)).await;
    pair.source.batch("DELETE FROM items WHERE id % 100 = 1").await;
    pair.target.batch("DELETE FROM items WHERE id % 100 = 2").await;
    let second = service.rest.complete(&pair.two_way()).await;
    let all = ITEMS + OF_THE_TARGET;
    assert_eq!(written(&second), [[0, 0, all / 100], [0, all / 25, all / 100]], "{second}");
    assert_eq!(count(&second, "conflicts.resolved"), all / 50);
    pair.assert_same().await;
    assert_eq!(service.pending_chunks().await, 0);
}
