//! Whatever is wrong with a request, the answer is a problem that says what and where.

use axum::http::Method;
use pinksync_test_support::Reply;
use serde_json::{Value, json};

use super::fixture::{PASSWORD, connection, sync};
use super::service::{BODY_LIMIT, with_limited_service, with_service};

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_bad_body_is_named_by_its_place() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        for (body, status, code, places) in [
            ("{\"name\"", 400, "malformed_json", vec![]),
            ("{\"name\": \"a\", \"permissions\": [\"sync:read\"], \"role\": 1}", 422, "invalid_body", vec!["/role"]),
            ("{\"name\": 5, \"permissions\": [\"sync:read\"]}", 422, "invalid_body", vec!["/name"]),
            ("{\"name\": \"a\"}", 422, "invalid_body", vec!["/permissions"]),
            (
                "{\"name\": \"a\", \"permissions\": [\"sync:read\", \"root\"]}",
                422,
                "invalid_body",
                vec!["/permissions/1"],
            ),
            ("{\"name\": \"a\", \"permissions\": []}", 422, "invalid_body", vec!["/permissions"]),
            ("{\"name\": \"\", \"permissions\": [\"sync:read\"]}", 422, "invalid_body", vec!["/name"]),
            ("{\"name\": \"a\\u0000\", \"permissions\": [\"sync:read\"]}", 422, "invalid_body", vec!["/name"]),
            ("[]", 422, "invalid_body", vec![""]),
            ("", 422, "invalid_body", vec!["/name"]),
        ] {
            let asked = client.ask(Method::POST, "/v1/api-keys").header("content-type", "application/json");
            let problem = asked.bytes(body).send().await.problem(status, code);
            assert_eq!(pointers(&problem), places, "{body}: {problem}");
        }
        let asked = client.ask(Method::POST, "/v1/api-keys").header("content-type", "text/plain");
        asked.bytes("{}").send().await.problem(415, "unsupported_media_type");
        let long = format!("{{\"name\": \"{}\"}}", "a".repeat(BODY_LIMIT));
        let asked = client.ask(Method::POST, "/v1/api-keys").header("content-type", "application/json");
        asked.bytes(long).send().await.problem(413, "body_too_large");
    })
    .await;
}

#[tokio::test]
async fn all_mistakes_of_a_definition_are_told_at_once() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let mut document = sync("shop");
        document["strategy"] = json!("newest");
        document["datasets"][0]["keys"] = json!(["id"]);
        document["source"] = json!({"connection": "crm"});
        let problem = client.post("/v1/syncs", &document).await.problem(422, "invalid_definition");
        let mut places = pointers(&problem);
        places.sort_unstable();
        assert_eq!(places, ["/datasets/0/keys", "/source/connection", "/strategy"]);
        let validation = client.post("/v1/syncs/validate", &document).await.with_status(200).json();
        assert_eq!((&validation["valid"], &validation["errors"]), (&json!(false), &problem["errors"]));
        let validation = client.post("/v1/syncs/validate", &sync("shop")).await.with_status(200).json();
        assert_eq!(validation, json!({"valid": true, "errors": []}));

        let problem = client.post("/v1/connections", &json!({"name": "crm", "type": "oracle"})).await;
        assert_eq!(pointers(&problem.problem(422, "invalid_definition")), ["/type"]);
        let mut unnamed = sync("shop");
        unnamed.as_object_mut().unwrap().remove("name");
        assert_eq!(pointers(&client.post("/v1/syncs", &unnamed).await.problem(422, "invalid_definition")), ["/name"]);
    })
    .await;
}

#[tokio::test]
async fn a_bad_address_query_or_header_is_a_problem() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        client.get("/v1/connections/7").await.problem(400, "invalid_path");
        client.get("/v1/nothing").await.problem(404, "not_found");
        service.open.get("/nothing").await.problem(404, "not_found");
        for (query, place) in [("limit=x", "limit"), ("limit=0", "limit"), ("limit=201", "limit"), ("page=2", "page")] {
            let problem = client.get(format!("/v1/connections?{query}")).await.problem(400, "invalid_query");
            assert_eq!(pointers(&problem), [place], "{query}: {problem}");
        }
        client.get("/v1/connections?cursor=%00").await.problem(400, "invalid_query");
        for cursor in ["x", "AQ", "AQAAAAAAAAAAAQ"] {
            client.get(format!("/v1/connections?cursor={cursor}")).await.problem(400, "invalid_cursor");
        }
        let refused = client.ask(Method::PATCH, "/v1/connections").send().await;
        refused.problem(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), "GET, POST");
        let asked = client.ask(Method::POST, "/v1/connections").header("idempotency-key", "a".repeat(256));
        asked.json(&connection("crm")).send().await.problem(400, "invalid_header");
    })
    .await;
}

#[tokio::test]
async fn a_request_is_named_in_answer_and_problem() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let own = client.ask(Method::GET, "/v1/connections/7").header("x-request-id", "mine-1").send().await;
        assert_eq!(own.problem(400, "invalid_path")["request_id"], "mine-1");
        for odd in ["a b", "ä", "", &"a".repeat(129)] {
            let asked = client.ask(Method::GET, "/livez").header("x-request-id", odd);
            let given = asked.send().await.with_status(200).header("x-request-id").to_owned();
            assert!(given != odd && given.len() == 36, "{odd} became {given}");
        }
        let reply = client.get("/v1/syncs").await;
        assert_eq!((reply.header("x-content-type-options"), reply.header("cache-control")), ("nosniff", "no-store"));
        assert!(reply.headers.get("access-control-allow-origin").is_none());
    })
    .await;
}

#[tokio::test]
async fn a_failing_database_shows_nothing_of_itself() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let metadata = service.pool.get().await.unwrap();
        metadata.batch_execute("ALTER TABLE syncs RENAME TO syncs_elsewhere").await.unwrap();
        let reply = client.get("/v1/syncs").await;
        let problem = reply.problem(500, "internal");
        assert!(!reply.text.contains("syncs_elsewhere") && !reply.text.contains("relation"), "{problem}");
        assert_eq!(problem["retryable"], false);
        metadata.batch_execute("INSERT INTO migrations (number, name) VALUES (9999, 'later')").await.unwrap();
        service.open.get("/readyz").await.problem(503, "unavailable");
    })
    .await;
}

#[tokio::test]
async fn a_secret_never_comes_back() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let made = client.post("/v1/connections", &connection("crm")).await.with_status(201);
        let saved = client.post("/v1/syncs", &sync("shop")).await.with_status(201);
        let mut wrong = connection("other");
        wrong["port"] = PASSWORD.into();
        let mut twice = sync("shop");
        twice["target"]["path"] = json!([PASSWORD]);
        let id = |reply: &Reply| reply.json()["id"].as_str().unwrap().to_owned();
        let replies = [
            client.get("/v1/connections").await,
            client.get(format!("/v1/connections/{}", id(&made))).await,
            client.get(format!("/v1/syncs/{}/revisions/1", id(&saved))).await,
            client.get("/v1/audit").await,
            client.post("/v1/connections", &connection("crm")).await,
            client.post("/v1/syncs", &twice).await,
            client.post("/v1/syncs/validate", &twice).await,
            client.post("/v1/connections", &wrong).await,
            client.post("/v1/api-keys", &json!({"name": "a", "permissions": [PASSWORD], "expires_at": PASSWORD})).await,
            service.open.post("/v1/auth/token", &json!({"api_key": PASSWORD})).await,
            made.clone(),
            saved,
        ];
        for reply in replies {
            assert!(!reply.text.contains(PASSWORD), "{reply:?}");
        }
        assert_eq!(made.json()["password"], "***");
        let metadata = service.pool.get().await.unwrap();
        let tables = "SELECT concat_ws(' ', c::text, (SELECT string_agg(r::text, ' ') FROM sync_revisions r),
                          (SELECT string_agg(a::text, ' ') FROM audit a)) FROM connections c";
        let stored: String = metadata.query_one(tables, &[]).await.unwrap().get(0);
        assert!(stored.contains("db.example") && !stored.contains(PASSWORD), "{stored}");
    })
    .await;
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    with_limited_service(3, |service| async move {
        let (one, other) = (service.tenant("acme").await.client, service.tenant("other").await.client);
        for left in [2, 1, 0] {
            let reply = one.get("/v1/syncs").await.with_status(200);
            assert!(reply.header("ratelimit").starts_with(&format!("\"key\";r={left};t=")), "{reply:?}");
            assert_eq!(reply.header("ratelimit-policy"), "\"key\";q=3;w=60");
        }
        let refused = one.get("/v1/syncs").await;
        assert_eq!(refused.problem(429, "rate_limited")["retryable"], true);
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert!(refused.headers.contains_key("ratelimit"));
        other.get("/v1/syncs").await.with_status(200);
        one.get("/livez").await.with_status(200);
    })
    .await;
}
