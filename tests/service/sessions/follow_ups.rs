//! Sessions that look, and sessions that follow from others: plan and apply, undo, verify.

use serde_json::json;

use crate::support::{Pair, Setup, count, digest, written};

const ITEMS: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_writes_nothing_and_is_carried_out_but_for_what_has_moved_since() {
    let (service, pair) = tokio::join!(Setup::new().start(), Pair::with_items(ITEMS));
    service.rest.complete(&pair.one_way()).await;
    pair.source.batch("UPDATE items SET name = 'planned' WHERE id <= 10").await;
    let before = digest(&pair.target, "items").await;
    let plan = service.rest.make("/v1/sessions", &json!({"definition": pair.one_way(), "mode": "plan"})).await;
    let planned = service.rest.completed(&plan).await;
    assert_eq!(written(&planned), [[0; 3]; 2], "{planned}");
    let report = service.rest.get(&format!("/v1/sessions/{plan}/report")).await;
    let counters =
        ["read", "to_target", "unchanged"].map(|name| (&planned["stats"][name], &report["datasets"][0][name]));
    assert!(counters.iter().all(|(stats, report)| stats == report), "{planned} {report}");
    assert_eq!(count(&planned, "read.source") + count(&planned, "read.skipped_unchanged"), ITEMS, "{planned}");
    let lines = service.rest.get(&format!("/v1/sessions/{plan}/plan")).await;
    let updates = lines["data"].as_array().unwrap().iter().filter(|line| line["action"] == "update");
    assert_eq!(updates.count(), 10, "{lines}");
    assert_eq!(digest(&pair.target, "items").await, before);
    pair.source.batch("UPDATE items SET name = 'moved' WHERE id = 3").await;
    pair.source.batch("UPDATE items SET name = 'not planned' WHERE id = 400").await;
    let applied = service.rest.ask(&plan, "apply").await;
    let applied = service.rest.completed(applied["id"].as_str().unwrap()).await;
    assert_eq!(written(&applied), [[0, 9, 0], [0, 0, 0]], "{applied}");
    assert_eq!(count(&applied, "left_alone"), 1);
    let names = "SELECT count(*) FROM items WHERE name = 'planned'";
    assert_eq!(pair.target.value::<i64>(names, &[]).await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_takes_back_what_a_session_wrote_on_both_sides() {
    let (service, pair) = tokio::join!(Setup::new().start(), Pair::with_items(ITEMS));
    service.rest.complete(&pair.two_way()).await;
    pair.source.batch("UPDATE items SET name = 'source', changed = '2026-02-01' WHERE id <= 10").await;
    pair.target.batch("UPDATE items SET name = 'target', changed = '2026-02-01' WHERE id > 490").await;
    pair.source.batch("DELETE FROM items WHERE id = 100").await;
    let before = (digest(&pair.source, "items").await, digest(&pair.target, "items").await);
    let session = service.rest.complete(&pair.two_way()).await;
    assert_eq!(written(&session), [[0, 10, 1], [0, 10, 0]], "{session}");
    pair.assert_same().await;
    let id = session["id"].as_str().unwrap();
    let undo = service.rest.ask(id, "undo").await;
    let undone = service.rest.completed(undo["id"].as_str().unwrap()).await;
    assert_eq!(written(&undone), [[1, 10, 0], [0, 10, 0]], "{undone}");
    assert_eq!((digest(&pair.source, "items").await, digest(&pair.target, "items").await), before);
    assert!(service.rest.session(id).await["undone_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_counts_differences_and_mends_none() {
    let (service, pair) = tokio::join!(Setup::new().start(), Pair::with_items(ITEMS));
    service.rest.complete(&pair.one_way()).await;
    pair.target.batch("UPDATE items SET name = 'tampered with' WHERE id IN (7, 77)").await;
    let before = digest(&pair.target, "items").await;
    let verify = service.rest.make("/v1/sessions", &json!({"definition": pair.one_way(), "mode": "verify"})).await;
    let verified = service.rest.completed(&verify).await;
    assert_eq!(count(&verified, "verified.different"), 2, "{verified}");
    assert_eq!(count(&verified, "verified.equal"), ITEMS - 2);
    assert_eq!(digest(&pair.target, "items").await, before);
}
