//! API keys and tokens: what lets in, and what does not.

use std::time::Duration;

use axum::http::Method;
use pinksync_common::auth::{Permission, Permissions, TokenKeys};
use pinksync_common::sealing::{KeyRing, new_key};
use pinksync_test_support::{Client, Reply};
use serde_json::json;

use super::service::with_service;

/// Revoking is to work within seconds.
const WITHIN: Duration = Duration::from_secs(10);

/// Asks again until the token is refused.
async fn refused_in_time(client: &Client) -> Reply {
    let asking = async {
        loop {
            let reply = client.get("/v1/api-keys").await;
            if !reply.status.is_success() {
                return reply;
            }
        }
    };
    tokio::time::timeout(WITHIN, asking).await.expect("the token ends within seconds")
}

#[tokio::test]
async fn a_key_is_shown_once_lets_in_and_ends_when_it_is_revoked() {
    with_service(|service| async move {
        let admin = service.tenant("acme").await.client;
        let body = json!({"name": "ci", "permissions": ["admin"]});
        let made = admin.post("/v1/api-keys", &body).await.with_status(201);
        let secret = made.json()["api_key"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("pks_"));
        let shown = admin.get(made.header("location")).await.with_status(200);
        assert!(shown.json().get("api_key").is_none() && !shown.text.contains(&secret));

        let client = service.open.log_in(&secret).await;
        client.get("/v1/api-keys").await.with_status(200);
        let path = made.header("location");
        let rotated = admin.ask(Method::POST, format!("{path}/rotate")).send().await.with_status(200).json();
        assert_eq!(rotated["generation"], 2);
        refused_in_time(&client).await.problem(401, "token_invalid");
        service.open.post("/v1/auth/token", &json!({"api_key": secret})).await.problem(401, "api_key_invalid");

        let secret = rotated["api_key"].as_str().unwrap();
        let client = service.open.log_in(secret).await;
        let revoked = admin.ask(Method::POST, format!("{path}/revoke")).send().await.with_status(200).json();
        assert!(revoked["revoked_at"].is_string());
        let refused = refused_in_time(&client).await;
        refused.problem(401, "token_invalid");
        assert!(refused.header("www-authenticate").contains("invalid_token"));
        service.open.post("/v1/auth/token", &json!({"api_key": secret})).await.problem(401, "api_key_invalid");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_token_of_this_service_does_not_let_in() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let elsewhere = TokenKeys::new(&KeyRing::parse(&new_key()).unwrap());
        let permissions = Permissions::from(vec![Permission::Admin]);
        let foreign = elsewhere.issue(tenant.key, tenant.account, &permissions, 1).unwrap();
        let older = service.tokens.issue(tenant.key, tenant.account, &permissions, 0).unwrap();
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.";
        for token in [foreign.expose(), older.expose(), unsigned, "x", ""] {
            service.open.with_token(token).get("/v1/syncs").await.problem(401, "token_invalid");
        }
        let basic = service.open.ask(Method::GET, "/v1/syncs").header("authorization", "Basic dTpw").send().await;
        basic.problem(401, "token_invalid");
        for key in ["", "pks_x_y", "hunter2"] {
            service.open.post("/v1/auth/token", &json!({"api_key": key})).await.problem(401, "api_key_invalid");
        }
    })
    .await;
}

#[tokio::test]
async fn who_did_what_is_noted_and_reads_leave_no_trace() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let made = tenant.client.post("/v1/connections", &super::fixture::connection("crm")).await.with_status(201);
        tenant.client.get("/v1/connections").await.with_status(200);
        tenant.client.post("/v1/connections", &super::fixture::connection("crm")).await.problem(409, "name_taken");
        let audit = tenant.client.get("/v1/audit").await.with_status(200).json();
        let [entry] = audit["data"].as_array().unwrap().as_slice() else { panic!("{audit}") };
        assert_eq!(entry["action"], "connection.create");
        assert_eq!((&entry["object"], &entry["api_key_id"]), (&made.json()["id"], &json!(tenant.key.to_string())));
        assert_eq!(entry["request_id"], made.header("x-request-id"));
    })
    .await;
}
