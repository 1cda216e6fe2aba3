//! Tasks that nobody can carry out are parked, with a remedy, and hold nobody up.

use serde_json::Value;

use crate::support::{Gate, Pair, Service, Setup, written};

const ITEMS: u64 = 60_000;

/// Waits until a session is paused since one of its tasks is parked; gives why.
async fn parked(service: &Service, session: &str) -> (String, String) {
    let paused = service.rest.comes_to(session, "paused").await;
    let text = |name: &str| paused["reason"][name].as_str().unwrap_or_else(|| panic!("{paused}")).to_owned();
    assert_eq!(paused["actions"], Value::from(vec!["resume", "cancel"]));
    (text("code"), text("detail"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_nobody_understands_is_parked_while_the_others_go_on() {
    let (service, pair, other) =
        tokio::join!(Setup::new().set("WORKER_PERMITS", "1").start(), Pair::with_items(ITEMS), Pair::with_items(1000));
    let writes = Gate::before_writes(&pair.target, "items", "true").await;
    let session = service.rest.submit(&pair.one_way()).await;
    writes.reached().await;
    const SPOIL: &str = "UPDATE tasks SET payload = '\\xc1' WHERE id = (
        SELECT id FROM tasks WHERE status = 'ready' ORDER BY id DESC LIMIT 1)";
    assert_eq!(service.metadata.execute(SPOIL, &[]).await, 1);
    writes.open().await;
    let (code, detail) = parked(&service, &session).await;
    assert_eq!(code, "parked:payload");
    assert!(detail.contains("let workers of one version run at a time, then resume the session"), "{detail}");
    let others = "SELECT count(*) FROM tasks WHERE kind = 'segment' AND status = 'done'";
    assert!(service.metadata.value::<i64>(others, &[]).await > 1, "other segments went on");
    assert_eq!(written(&service.rest.complete(&other.one_way()).await), [[1000, 0, 0], [0, 0, 0]]);
    service.rest.ask(&session, "resume").await;
    assert_eq!(written(&service.rest.completed(&session).await), [[ITEMS, 0, 0], [0, 0, 0]]);
    pair.assert_same().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_worker_dies_each_time_is_parked() {
    let (mut service, pair, other) = tokio::join!(Setup::new().start(), Pair::with_items(1000), Pair::with_items(1000));
    let writes = Gate::before_writes(&pair.target, "items", "true").await;
    let session = service.rest.submit(&pair.one_way()).await;
    writes.reached().await;
    let (_, task) = service.at_work(&session).await;
    // Seven workers have died of it before.
    service.metadata.execute("UPDATE tasks SET attempts = 8 WHERE id = $1", &[&task]).await;
    service.workers.remove(0).process.kill();
    writes.open().await;
    service.add_workers(1).await;
    let (code, detail) = parked(&service, &session).await;
    assert_eq!(code, "parked:poison");
    assert!(detail.contains("its worker died"), "{detail}");
    assert!(detail.contains("look into the logs of the workers"), "{detail}");
    assert_eq!(written(&service.rest.complete(&other.one_way()).await), [[1000, 0, 0], [0, 0, 0]]);
    service.rest.ask(&session, "resume").await;
    assert_eq!(written(&service.rest.completed(&session).await), [[1000, 0, 0], [0, 0, 0]]);
    pair.assert_same().await;
}
