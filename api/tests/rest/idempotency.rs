//! A request that is sent twice is carried out once.

use axum::http::Method;
use pinksync_test_support::{Client, Reply};
use serde_json::Value;

use super::fixture::{connection, unique};
use super::service::with_service;

async fn create(client: &Client, key: &str, body: &Value) -> Reply {
    client.ask(Method::POST, "/v1/connections").header("idempotency-key", key).json(body).send().await
}

#[tokio::test]
async fn of_many_at_once_one_is_carried_out() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let body = connection("crm");
        let requests = (0..8).map(|_| {
            let (client, body) = (client.clone(), body.clone());
            tokio::spawn(async move { create(&client, "one", &body).await })
        });
        let requests: Vec<_> = requests.collect();
        let mut made = Vec::new();
        for request in requests {
            let reply = request.await.unwrap();
            match reply.status.as_u16() {
                201 => made.push(reply.json()["id"].clone()),
                _ => assert_eq!(reply.problem(409, "idempotency_in_progress")["retryable"], true),
            }
        }
        assert!(!made.is_empty() && made.iter().all(|id| *id == made[0]), "{made:?}");
        let again = create(&client, "one", &body).await.with_status(201);
        assert_eq!(again.json()["id"], made[0]);
        assert_eq!(client.get("/v1/connections").await.json()["data"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn while_the_first_is_at_work_the_second_is_told_to_come_back() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        // The first request waits for this lock in the middle of its work.
        let mut metadata = service.pool.get().await.unwrap();
        let blocker = metadata.transaction().await.unwrap();
        blocker.batch_execute("LOCK TABLE audit IN EXCLUSIVE MODE").await.unwrap();
        let (first, body) = (client.clone(), connection("crm"));
        let first = tokio::spawn(async move { create(&first, "one", &body).await });
        let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'audit'::regclass AND NOT granted";
        while blocker.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
        let second = create(&client, "one", &connection("crm")).await;
        second.problem(409, "idempotency_in_progress");
        assert_eq!(second.header("retry-after"), "1");
        blocker.rollback().await.unwrap();
        first.await.unwrap().with_status(201);
    })
    .await;
}

#[tokio::test]
async fn what_was_refused_is_carried_out_when_it_can_be() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let taken = client.post("/v1/connections", &connection("crm")).await.with_status(201);
        create(&client, "one", &connection("crm")).await.problem(409, "name_taken");
        let path = format!("/v1/connections/{}", taken.json()["id"].as_str().unwrap());
        client.delete(path, taken.header("etag")).await.with_status(204);
        create(&client, "one", &connection("crm")).await.with_status(201);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_and_is_an_account_s_and_an_api_key_s_own() {
    with_service(|service| async move {
        let (tenant, other) = (service.tenant("acme").await, service.tenant("other").await);
        let body = connection("crm");
        let first = create(&tenant.client, "one", &body).await.with_status(201).json();
        assert_ne!(create(&other.client, "one", &body).await.with_status(201).json()["id"], first["id"]);
        let (_, second_key) = service.key(tenant.account, &[pinksync_common::auth::Permission::SyncWrite]).await;
        create(&second_key, "one", &body).await.problem(422, "idempotency_key_reused");
        let metadata = service.pool.get().await.unwrap();
        metadata.batch_execute("UPDATE idempotency SET created_at = now() - interval '25 hours'").await.unwrap();
        let renamed = connection(&unique("later"));
        assert_ne!(create(&tenant.client, "one", &renamed).await.with_status(201).json()["id"], first["id"]);
    })
    .await;
}

#[tokio::test]
async fn a_secret_in_a_kept_answer_is_sealed() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let body = serde_json::json!({"name": "k", "permissions": ["sync:read"]});
        let asked = client.ask(Method::POST, "/v1/api-keys").header("idempotency-key", "one").json(&body);
        let made = asked.send().await.with_status(201).json();
        let metadata = service.pool.get().await.unwrap();
        let kept: Vec<u8> = metadata.query_one("SELECT answer FROM idempotency", &[]).await.unwrap().get(0);
        let secret = made["api_key"].as_str().unwrap().as_bytes();
        assert!(!kept.windows(secret.len()).any(|window| window == secret));
    })
    .await;
}
