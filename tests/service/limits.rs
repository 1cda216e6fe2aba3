//! What sessions are held to: places, time, windows, and how much a connection bears.

use pinksync_test_support::eventually;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Gate, Pair, Setup, fill, written};

const ITEMS: u64 = 500;

/// Syncs of one source table into as many tables.
async fn copies(pair: &Pair, count: usize) -> Vec<Value> {
    let mut definitions = Vec::new();
    for number in 1..=count {
        let table = format!("copy_{number}");
        pair.target.batch(&format!("CREATE TABLE {table} (LIKE items INCLUDING ALL)")).await;
        let mut definition = pair.one_way();
        definition["datasets"][0]["target"] = json!(format!("public.{table}"));
        definitions.push(definition);
    }
    definitions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_beyond_the_cap_of_its_account_waits_its_turn_and_holds_no_other_account_up() {
    let (service, pair) = tokio::join!(Setup::new().set("SESSION_CAP", "3").start(), Pair::with_items(ITEMS));
    let other = service.account("other").await;
    let definitions = copies(&pair, 6).await;
    let gate = Gate::around_table(&pair.source, "items").await;
    let mut sessions = Vec::new();
    for definition in &definitions[..5] {
        sessions.push(service.rest.submit(definition).await);
    }
    for (number, session) in sessions.iter().enumerate() {
        let session = service.rest.session(session).await;
        let expected = if number < 3 { ("in_progress", false) } else { ("pending", true) };
        assert_eq!((session["status"].as_str().unwrap(), session["waiting"].as_bool().unwrap()), expected);
    }
    let of_other = other.submit(&definitions[5]).await;
    assert_eq!(other.status(&of_other).await, "in_progress");
    service.rest.ask(&sessions[1], "cancel").await;
    assert_eq!(service.rest.status(&sessions[3]).await, "in_progress", "the one that waited longest");
    assert_eq!(service.rest.status(&sessions[4]).await, "pending");
    gate.open().await;
    for session in [0, 2, 3, 4].map(|number| &sessions[number]) {
        assert_eq!(written(&service.rest.completed(session).await), [[ITEMS, 0, 0], [0; 3]]);
    }
    assert_eq!(written(&other.completed(&of_other).await), [[ITEMS, 0, 0], [0; 3]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_progress_for_too_long_fails_and_the_next_one_goes_on_from_its_base() {
    const SHARED: u64 = 4000;
    let (service, pair) = tokio::join!(Setup::new().set("SESSION_LIMIT", "5s").start(), Pair::with_items(SHARED));
    let gate = Gate::before_writes(&pair.target, "items", "r.id > 3500").await;
    let session = service.rest.submit(&pair.one_way()).await;
    let failed = service.rest.comes_to(&session, "failed").await;
    assert_eq!(failed["reason"]["code"], "duration_limit", "{failed}");
    gate.open().await;
    eventually(async || service.open_tasks(&session).await == 0).await;
    let there: i64 = pair.target.value("SELECT count(*) FROM items", &[]).await;
    let retried = service.rest.ask(&session, "retry").await;
    let retried = service.rest.completed(retried["id"].as_str().unwrap()).await;
    assert_eq!(written(&retried), [[SHARED - there.cast_unsigned(), 0, 0], [0; 3]], "{retried}");
    pair.assert_same().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_fires_once_though_two_schedulers_run_and_its_time_comes_up_twice() {
    let (service, pair) = tokio::join!(Setup::new().schedulers(2).start(), Pair::with_items(ITEMS));
    let schedule = schedule(&service.rest, &pair, json!({"cron": "0 0 1 1 *"})).await;
    let due: String = service.metadata.value("SELECT (now() - interval '1 second')::text", &[]).await;
    let sessions = "SELECT count(*) FROM sessions WHERE schedule_id = $1";
    for _ in 0..3 {
        let come_due = format!("UPDATE schedules SET next_at = '{due}' WHERE id = $1");
        service.metadata.execute(&come_due, &[&schedule]).await;
        let dealt_with = "SELECT next_at > now() FROM schedules WHERE id = $1";
        eventually(async || service.metadata.value(dealt_with, &[&schedule]).await).await;
        assert_eq!(service.metadata.value::<i64>(sessions, &[&schedule]).await, 1);
    }
    let session: Uuid = service.metadata.value("SELECT id FROM sessions WHERE schedule_id = $1", &[&schedule]).await;
    let session = service.rest.completed(&session.to_string()).await;
    assert_eq!(written(&session), [[ITEMS, 0, 0], [0; 3]]);
    pair.assert_same().await;
}

/// A schedule of a saved sync.
async fn schedule(rest: &crate::support::Rest, pair: &Pair, times: Value) -> Uuid {
    let mut definition = pair.one_way();
    definition["name"] = json!("nightly");
    let sync = rest.make("/v1/syncs", &definition).await;
    let mut schedule = json!({"sync_id": sync, "name": "at night", "timezone": "UTC"});
    schedule.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
    rest.make("/v1/schedules", &schedule).await.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_closes_pauses_its_session_and_lets_it_go_on_when_it_opens() {
    const SHARED: u64 = 4000;
    let (service, pair) = tokio::join!(Setup::new().start(), Pair::with_items(SHARED));
    let window = json!({"window": {"opens": "00:00", "closes": "00:01"}});
    let schedule = schedule(&service.rest, &pair, window).await;
    let open = "UPDATE schedules SET window_opens = (now() AT TIME ZONE 'UTC' - interval '1 hour')::time,
        window_closes = (now() AT TIME ZONE 'UTC' + interval '1 hour')::time WHERE id = $1";
    let close = "UPDATE schedules SET window_closes = (now() AT TIME ZONE 'UTC')::time WHERE id = $1";
    let gate = Gate::before_writes(&pair.target, "items", "r.id > 3500").await;
    service.metadata.execute(open, &[&schedule]).await;
    service.metadata.execute("UPDATE schedules SET next_at = now() WHERE id = $1", &[&schedule]).await;
    gate.reached().await;
    let session: Uuid = service.metadata.value("SELECT id FROM sessions WHERE schedule_id = $1", &[&schedule]).await;
    let session = session.to_string();
    service.metadata.execute(close, &[&schedule]).await;
    let paused = service.rest.comes_to(&session, "paused").await;
    assert_eq!(paused["reason"]["code"], "window_closed", "{paused}");
    gate.open().await;
    eventually(async || service.open_tasks(&session).await == 0).await;
    service.metadata.execute(open, &[&schedule]).await;
    assert_eq!(written(&service.rest.completed(&session).await), [[SHARED, 0, 0], [0; 3]]);
    pair.assert_same().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_bears_no_more_tasks_at_once_than_it_says() {
    let (service, pair) = tokio::join!(Setup::new().workers(2).start(), Pair::with_items(ITEMS));
    let connection = json!({"name": "shop", "type": "postgres", "url": pair.source.url, "max_tasks": 1});
    service.rest.make("/v1/connections", &connection).await;
    let mut definitions = copies(&pair, 2).await;
    for definition in &mut definitions {
        definition["source"] = json!({"connection": "shop"});
    }
    let gate = Gate::around_table(&pair.source, "items").await;
    let first = service.rest.submit(&definitions[0]).await;
    gate.reached().await;
    let second = service.rest.submit(&definitions[1]).await;
    let turned_away = "SELECT count(*) = 1 FROM tasks WHERE session_id = $1 AND status = 'ready' AND generation = 0
        AND available_at > created_at";
    let of_second: Uuid = second.parse().unwrap();
    eventually(async || service.metadata.value(turned_away, &[&of_second]).await).await;
    gate.open().await;
    for session in [first, second] {
        assert_eq!(written(&service.rest.completed(&session).await), [[ITEMS, 0, 0], [0; 3]]);
    }
    fill(&pair.source, ITEMS + 1, 1).await;
    assert_eq!(written(&service.rest.complete(&definitions[0]).await), [[1, 0, 0], [0; 3]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_worker_keeps_no_task_from_an_idle_one() {
    let one_permit = Setup::new().set("WORKER_PERMITS", "1").workers(2).start();
    let (service, long, short) = tokio::join!(one_permit, Pair::with_items(ITEMS), Pair::with_items(ITEMS));
    let gate = Gate::before_writes(&long.target, "items", "true").await;
    let held_up = service.rest.submit(&long.one_way()).await;
    gate.reached().await;
    let (_, task) = service.at_work(&held_up).await;
    for definition in copies(&short, 3).await {
        assert_eq!(written(&service.rest.complete(&definition).await), [[ITEMS, 0, 0], [0; 3]]);
    }
    let still_at_it = "SELECT status = 'running' AND generation = 1 FROM tasks WHERE id = $1";
    assert!(service.metadata.value::<bool>(still_at_it, &[&task]).await, "the others waited for the busy worker");
    gate.open().await;
    assert_eq!(written(&service.rest.completed(&held_up).await), [[ITEMS, 0, 0], [0; 3]]);
}
