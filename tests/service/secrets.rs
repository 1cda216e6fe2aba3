//! What a user types into the wrong field is repeated by nobody: no answer holds it, and no log.

use pinksync_test_support::{Client, eventually};
use serde_json::{Value, json};

use crate::support::{Process, Setup};

const MARKER: &str = "hunter2-of-the-test";

/// Connections that are refused when they are given.
fn refused() -> Vec<Value> {
    let postgres = |field: &str, value: Value| {
        let mut connection = json!({"type": "postgres", "host": "127.0.0.1", "port": 1, "database": "d", "user": "u"});
        connection[field] = value;
        connection
    };
    let url = |text: String| json!({"type": "postgres", "url": text});
    vec![
        json!({"type": MARKER, "password": MARKER}),
        json!(MARKER),
        json!({"connection": MARKER}),
        postgres("passwort", json!(MARKER)),
        postgres("password", json!([MARKER])),
        postgres("port", json!(MARKER)),
        postgres("database", json!({"name": MARKER})),
        postgres("tls", json!(MARKER)),
        postgres("tls", json!({"mode": MARKER})),
        postgres("host", json!(format!("postgres://u:{MARKER}@127.0.0.1/d"))),
        postgres("url", json!(format!("postgres://u:{MARKER}@127.0.0.1/d"))),
        url(MARKER.to_owned()),
        url(format!("mysql://u:{MARKER}@127.0.0.1/d")),
        json!({"type": "sqlite", "path": [MARKER]}),
        json!({"type": "csv", "path": "/a", "csv": {"delimiter": MARKER, "quote": MARKER}}),
    ]
}

/// Connections in which only who opens them finds the mistake.
fn unusable() -> Vec<Value> {
    let url = |text: String| json!({"type": "postgres", "url": text});
    vec![
        url(format!("postgres://u:{MARKER}@127.0.0.1:port/d")),
        url(format!("postgres://u:a@{MARKER}@127.0.0.1:1/d")),
        url(format!("postgres://u:{MARKER}@127.0.0.1:1/d?sslmode={MARKER}")),
        url(format!("postgres://u:{MARKER}@127.0.0.1:1/d?connect_timeout={MARKER}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_a_wrong_place_of_a_connection_is_in_no_answer_and_no_log() {
    let service = Setup::new().set("LOG", "debug").start().await;
    let mut answers = Vec::new();
    for connection in refused() {
        let sync = json!({"source": connection, "target": {"type": "csv", "path": "/a"}, "datasets": ["a"]});
        let mut named = connection.clone();
        if let Some(fields) = named.as_object_mut() {
            fields.insert("name".to_owned(), json!("crm"));
        }
        for (path, body) in [
            ("/v1/connections", &named),
            ("/v1/syncs", &sync),
            ("/v1/syncs/validate", &sync),
            ("/v1/sessions", &json!({"definition": sync})),
        ] {
            let reply = service.rest.try_post(path, body).await;
            let is_refused = reply.status.is_client_error() || reply.json()["valid"] == false;
            assert!(is_refused, "{path}: {body}: {reply:?}");
            answers.push(reply.text);
        }
    }
    for (number, mut connection) in unusable().into_iter().enumerate() {
        connection["name"] = json!(format!("connection {number}"));
        let saved = service.rest.post("/v1/connections", &connection).await;
        answers.push(saved.to_string());
        let saved = saved["id"].as_str().unwrap();
        for body in [json!({}), json!({"writes": false})] {
            let reply = service.rest.try_post(&format!("/v1/connections/{saved}/test"), &body).await;
            assert_eq!(reply.json()["ok"], false, "{connection}: {reply:?}");
            answers.push(reply.text);
        }
    }
    answers.push(service.rest.get("/v1/audit").await.to_string());
    for answer in &answers {
        assert!(!answer.contains(MARKER), "{answer}");
    }
    let others = service.workers.iter().map(|worker| &worker.process).chain(&service.schedulers);
    for log in others.chain([&service.api]).map(Process::log) {
        assert!(!log.is_empty() && !log.contains(MARKER), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_a_session_that_fails_is_in_no_event_task_report_or_metric() {
    let service = Setup::new().set("LOG", "debug").start().await;
    let side = |table: &str| json!({"type": "postgres", "url": format!("postgres://u:{MARKER}@127.0.0.1:1/{table}")});
    let definition = json!({"source": side("a"), "target": side("b"), "datasets": ["a"]});
    let session = service.rest.submit(&definition).await;
    let told = "SELECT coalesce(string_agg(t::text, ' '), '') FROM tasks t WHERE error_detail IS NOT NULL";
    eventually(async || !service.metadata.value::<String>(told, &[]).await.is_empty()).await;
    service.rest.ask(&session, "cancel").await;
    let mut shown = vec![
        service.metadata.value::<String>(told, &[]).await,
        service.metadata.value("SELECT string_agg(e::text, ' ') FROM events e", &[]).await,
        service.rest.comes_to(&session, "cancelled").await.to_string(),
        service.rest.get("/v1/audit").await.to_string(),
    ];
    assert!(shown[0].contains("127.0.0.1"), "what failed is told: {}", shown[0]);
    let others = service.workers.iter().map(|worker| &worker.process).chain(&service.schedulers);
    for process in others.chain([&service.api]) {
        let metrics = Client::new(&process.base().unwrap()).get("/metrics").await.with_status(200);
        assert!(metrics.text.contains("pinksync_"), "{metrics:?}");
        shown.extend([metrics.text, process.log()]);
    }
    for text in &shown {
        assert!(!text.contains(MARKER), "{text}");
    }
}
