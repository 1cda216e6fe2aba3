//! Sessions that somebody pauses or cancels in the middle of their first load.

use pinksync_common::ids::TaskId;
use pinksync_test_support::eventually;
use serde_json::Value;
use uuid::Uuid;

use crate::support::{Gate, Pair, Service, Setup, count, digest, written};

const ITEMS: u64 = 60_000;

/// Records beyond this one wait at the gate, those up to it are written.
const GATE: &str = "r.id > 30000";

/// A session of which a part is settled, and a part waits at the gate.
async fn half_way(service: &Service, pair: &Pair) -> (String, Gate) {
    let gate = Gate::before_writes(&pair.target, "items", GATE).await;
    let session = service.rest.submit(&pair.one_way()).await;
    gate.reached().await;
    eventually(async || service.metadata.value("SELECT count(*) > 0 FROM base_blocks", &[]).await).await;
    (session, gate)
}

async fn loaded(pair: &Pair) -> i64 {
    pair.target.value("SELECT count(*) FROM items", &[]).await
}

/// Counters without what a clock tells.
fn counters(session: &Value) -> Value {
    let mut stats = session["stats"].clone();
    stats.as_object_mut().unwrap().remove("seconds");
    stats
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_paused_inside_its_first_load_goes_on_and_counts_as_if_nothing_had_been() {
    let (service, pair, twin) =
        tokio::join!(Setup::new().workers(2).start(), Pair::with_items(ITEMS), Pair::with_items(ITEMS));
    let (session, gate) = half_way(&service, &pair).await;
    let paused = service.rest.ask(&session, "pause").await;
    assert_eq!((&paused["status"], &paused["actions"]), (&"paused".into(), &serde_json::json!(["resume", "cancel"])));
    gate.open().await;
    eventually(async || service.open_tasks(&session).await == 0).await;
    let part = loaded(&pair).await;
    assert!(part > 0 && part < ITEMS as i64, "{part} records are loaded");
    assert_eq!(service.pending_chunks().await, 0, "what was at work came to its checkpoint");
    service.rest.ask(&session, "resume").await;
    let resumed = service.rest.completed(&session).await;
    pair.assert_same().await;
    let undisturbed = service.rest.complete(&twin.one_way()).await;
    assert_eq!(written(&resumed), [[ITEMS, 0, 0], [0, 0, 0]]);
    assert_eq!(counters(&resumed), counters(&undisturbed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_session_writes_nothing_more_and_the_next_ones_go_on_from_its_base() {
    let (service, pair) = tokio::join!(Setup::new().workers(2).start(), Pair::with_items(ITEMS));
    let (session, gate) = half_way(&service, &pair).await;
    assert_eq!(service.rest.ask(&session, "cancel").await["status"], "cancelled");
    gate.open().await;
    eventually(async || service.open_tasks(&session).await == 0).await;
    let left = digest(&pair.target, "items").await;
    let part = u64::try_from(loaded(&pair).await).unwrap();
    assert!(part > 0 && part < ITEMS, "{part} records are loaded");
    let of_session = session.parse::<Uuid>().unwrap();
    let generations = "SELECT id::text || ' ' || generation FROM tasks WHERE session_id = $1 ORDER BY id";
    let before: Vec<String> = service.metadata.column(generations, &[&of_session]).await;
    let tasks: Vec<TaskId> =
        service.metadata.column("SELECT id FROM tasks WHERE session_id = $1", &[&of_session]).await;
    service.wake(&tasks, 3).await;
    assert_eq!(digest(&pair.target, "items").await, left, "its messages do nothing");
    let retried = service.rest.ask(&session, "retry").await;
    assert_eq!(retried["retry_of"], Value::from(session.as_str()));
    let retried = service.rest.completed(retried["id"].as_str().unwrap()).await;
    assert_eq!(written(&retried), [[ITEMS - part, 0, 0], [0, 0, 0]], "{retried}");
    assert_eq!(service.metadata.column::<String>(generations, &[&of_session]).await, before);
    pair.assert_same().await;
    assert_eq!(written(&service.rest.complete(&pair.one_way()).await), [[0; 3]; 2]);
    assert_eq!(count(&service.rest.session(&session).await, "to_target.created"), part);
}
