//! How much there is to do, who does it, and what has failed for good; schedules that are made to start now.

use axum::http::Method;
use serde_json::{Value, json};

use super::fixture::Things;
use super::service::with_service;
use super::shop::with_shop;

#[tokio::test]
async fn workers_and_queue_are_shown_with_what_the_broker_says() {
    with_shop(1, |shop| async move {
        let workers = shop.client.get("/v1/workers").await.with_status(200).json();
        assert_eq!((workers["data"].as_array().unwrap().len(), &workers["data"][0]["permits"]), (1, &json!(1)));
        let queue = shop.client.get("/v1/queue").await.with_status(200).json();
        assert_eq!((&queue["broker_answers"], &queue["workers"]), (&json!(true), &json!(1)), "{queue}");
        let classes: Vec<&Value> = queue["classes"].as_array().unwrap().iter().map(|one| &one["class"]).collect();
        assert_eq!(classes, ["interactive", "bulk"]);
        assert!(queue["classes"][0]["consumers"].as_u64().unwrap() > 0, "{queue}");
    })
    .await;
}

#[tokio::test]
async fn without_a_broker_the_database_is_asked_alone() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let queue = client.get("/v1/queue").await.with_status(200).json();
        assert_eq!((&queue["broker_answers"], &queue["desired_workers"]), (&json!(false), &json!(0)), "{queue}");
        assert_eq!(queue["classes"][1]["waiting_in_broker"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_task_that_failed_for_good_is_listed_with_its_remedy_and_driven_again() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        let listed = tenant.client.get("/v1/queue/dead-letters").await.with_status(200).json();
        let letter = &listed["data"][0];
        assert_eq!(
            (&letter["task_id"], &letter["code"], &letter["remedy"]),
            (&json!(things.task), &json!("poison"), &json!("look"))
        );
        let retry = format!("/v1/queue/dead-letters/{}/retry", things.task);
        let driven = tenant.client.ask(Method::POST, &retry).send().await.with_status(202).json();
        assert_eq!(driven, json!({"task_id": things.task, "session_id": null}));
        tenant.client.ask(Method::POST, &retry).send().await.problem(404, "not_found");
        let listed = tenant.client.get("/v1/queue/dead-letters").await.json();
        assert_eq!(listed["data"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn driving_the_task_of_a_paused_session_again_lets_that_go_on() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        let metadata = service.pool.get().await.unwrap();
        let paused = format!(
            "UPDATE sessions SET status = 'paused', started_at = now(), paused_at = now() WHERE id = '{0}';
             UPDATE tasks SET session_id = '{0}', kind = 'segment' WHERE id = '{1}'",
            things.session, things.task
        );
        metadata.batch_execute(&paused).await.unwrap();
        let listed = tenant.client.get("/v1/queue/dead-letters").await.with_status(200).json();
        assert_eq!(
            (&listed["data"][0]["task_id"], &listed["data"][0]["pauses_session"]),
            (&json!(things.task), &json!(true))
        );
        let retry = format!("/v1/queue/dead-letters/{}/retry", things.task);
        let driven = tenant.client.ask(Method::POST, retry).send().await.with_status(202).json();
        assert_eq!(driven["session_id"], json!(things.session));
        let session = tenant.client.get(format!("/v1/sessions/{}", things.session)).await.json();
        assert_eq!(session["status"], "in_progress");
        assert_eq!(tenant.client.get("/v1/queue/dead-letters").await.json()["data"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_schedule_is_made_to_start_a_session_now() {
    with_shop(1, |shop| async move {
        let body = json!({"sync_id": shop.sync, "name": "nightly", "cron": "0 3 * * *", "timezone": "UTC"});
        let schedule = shop.client.post("/v1/schedules", &body).await.with_status(201).json();
        let path = format!("/v1/schedules/{}", schedule["id"].as_str().unwrap());
        let made = shop.client.ask(Method::POST, format!("{path}/trigger")).send().await.with_status(201);
        assert_eq!(made.json()["schedule_id"], schedule["id"]);
        let ended = shop.ended(made.json()["id"].as_str().unwrap()).await;
        assert_eq!(ended["status"], "completed", "{ended}");
        let now = shop.client.get(&path).await.json();
        assert_eq!(now["next_at"], schedule["next_at"]);
    })
    .await;
}
