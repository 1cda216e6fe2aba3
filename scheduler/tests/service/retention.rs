//! What is removed with time, and what stays.

use pinksync_model::SessionStatus::{Completed, Paused};
use pinksync_scheduler::loops::{Left, retain};

use crate::support::Service;

impl Service {
    async fn retain(&self) {
        while retain::round(&self.scheduler).await.unwrap() == Left::More {}
    }

    async fn count(&self, table: &str) -> i64 {
        self.value(&format!("SELECT count(*) FROM {table}"), &[]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_of_a_session_stays_for_fourteen_days_after_its_end() {
    let service = Service::new().await;
    let account = service.account().await;
    let (old, recent) = (service.working(account, None).await, service.working(account, None).await);
    for session in [old, recent] {
        let dataset: i64 = service
            .value(
                "INSERT INTO datasets (sync_id, account_id, name)
                 SELECT sync_id, account_id, 'people' FROM sessions WHERE id = $1 RETURNING id",
                &[&session.0],
            )
            .await;
        for state in 0..=2_i16 {
            let insert = "WITH chunk AS (INSERT INTO journal (account_id, session_id, dataset_id, state, writes, at)
                    VALUES ($1, $2, $3, $4, 1, now() - interval '16 days') RETURNING id)
                INSERT INTO journal_entries (chunk_id, entries) SELECT id, '' FROM chunk";
            service.execute(insert, &[&account, &session.0, &dataset, &state]).await;
        }
        service.move_to(account, session, Completed, None).await;
    }
    service.execute("UPDATE sessions SET ended_at = now() - interval '15 days' WHERE id = $1", &[&old.0]).await;
    let undo = service.submit(account, service.sync(account).await).await;
    service.execute("UPDATE sessions SET undo_of = $2 WHERE id = $1", &[&undo.0, &old.0]).await;
    service.retain().await;
    assert_eq!(service.count("journal").await, 6, "an undo is at it");

    service.execute("UPDATE sessions SET undo_of = NULL", &[]).await;
    service.retain().await;
    let left = "SELECT string_agg(state::text, ' ' ORDER BY state) FROM journal WHERE session_id = $1";
    assert_eq!(service.value::<String>(left, &[&old.0]).await, "0", "what is pending is still to be reconciled");
    assert_eq!(service.value::<String>(left, &[&recent.0]).await, "0 1 2");
    assert_eq!(service.count("journal_entries").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tasks_answers_and_workers_are_removed_by_age() {
    let service = Service::new().await;
    let account = service.account().await;
    let session = service.working(account, None).await;
    service
        .execute("UPDATE events SET at = now() - interval '31 days' WHERE id = (SELECT min(id) FROM events)", &[])
        .await;
    for (status, days) in [("done", 8.0), ("withdrawn", 8.0), ("parked", 8.0), ("done", 6.0)] {
        let task = service.task(account, Some(session), false).await;
        let end =
            "UPDATE tasks SET status = $2, ended_at = now() - make_interval(secs => $3::float8 * 86400) WHERE id = $1";
        service.execute(end, &[&task, &status, &days]).await;
    }
    for (key, hours) in [("old", 25.0), ("young", 23.0)] {
        let insert = "INSERT INTO idempotency (account_id, key, request_hash, answer, created_at)
            VALUES ($1, $2, '', '', now() - make_interval(secs => $3::float8 * 3600))";
        service.execute(insert, &[&account, &key, &hours]).await;
    }
    for minutes in [61.0, 59.0] {
        let insert = "INSERT INTO workers (id, host, pid, version, permits, seen_at)
            VALUES (gen_random_uuid(), 'here', 1, '1', 1, now() - make_interval(secs => $1::float8 * 60))";
        service.execute(insert, &[&minutes]).await;
    }
    let events = service.count("events").await;
    service.retain().await;
    assert_eq!(service.count("events").await, events - 1);
    assert_eq!(
        service.value::<String>("SELECT string_agg(status, ' ' ORDER BY id) FROM tasks", &[]).await,
        "parked done"
    );
    assert_eq!(service.value::<String>("SELECT string_agg(key, ' ') FROM idempotency", &[]).await, "young");
    assert_eq!(service.count("workers").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn staged_rows_go_once_no_session_of_their_sync_is_under_way() {
    let service = Service::new().await;
    let account = service.account().await;
    let session = service.working(account, None).await;
    let stage = "WITH dataset AS (INSERT INTO datasets (sync_id, account_id, name)
            SELECT sync_id, account_id, 'people' FROM sessions WHERE id = $1 RETURNING id)
        INSERT INTO staged_runs (dataset_id, side, created_at)
        SELECT id, 'source', now() - interval '2 hours' FROM dataset";
    service.execute(stage, &[&session.0]).await;
    let rows = "INSERT INTO staged_rows SELECT r.id + lost, convert_to(n::text, 'UTF8'), '' FROM staged_runs r,
        generate_series(1, 10) n, (VALUES (0), (7), (9)) l (lost)";
    service.execute(rows, &[]).await;
    service.retain().await;
    assert_eq!(service.count("staged_rows").await, 10, "of those runs that nobody knows, none");

    service.move_to(account, session, Paused, Some("asked_for")).await;
    service.retain().await;
    assert_eq!(service.count("staged_rows").await, 10, "it may go on");

    service.move_to(account, session, pinksync_model::SessionStatus::Cancelled, None).await;
    service.retain().await;
    assert_eq!((service.count("staged_runs").await, service.count("staged_rows").await), (0, 0));
}
