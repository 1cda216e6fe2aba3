//! The description of the API: whole in itself, and the same as what the API does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::service::with_service;

/// All references of a document.
fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get("$ref") {
                found.insert(target);
            }
            fields.values().for_each(|part| references(part, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn the_document_is_whole_and_describes_problems_and_the_sync_file() {
    with_service(|service| async move {
        let document = service.open.get("/openapi.json").await.with_status(200).json();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in &found {
            let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            assert!(target.is_some(), "{reference} leads nowhere");
        }
        for name in ["Problem", "SyncDefinition", "NewConnection"] {
            assert!(found.contains(format!("#/components/schemas/{name}").as_str()), "nothing refers to {name}");
        }
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: its id is taken");
                assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.contains_key("default"), "{method} {path}");
                assert!(responses.values().all(|response| response["description"].is_string()), "{method} {path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_page_names_every_path_and_loads_nothing() {
    with_service(|service| async move {
        let document = service.open.get("/openapi.json").await.json();
        let page = service.open.get("/docs").await.with_status(200);
        for path in document["paths"].as_object().unwrap().keys() {
            assert!(page.text.contains(path.as_str()), "{path} is not on the page");
        }
        assert!(page.text.contains("id=\"idempotency_key_reused\""));
        for foreign in ["<script", "<link", "src=", "http://", "https://", "@import", "url("] {
            assert!(!page.text.contains(foreign), "{foreign}");
        }
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    })
    .await;
}

#[tokio::test]
async fn the_process_tells_how_it_is() {
    with_service(|service| async move {
        for path in ["/livez", "/readyz"] {
            assert_eq!(service.open.get(path).await.with_status(200).json()["status"], "ok");
        }
        // There is no broker there: what is accepted waits for one.
        let ready = service.open.get("/readyz").await.with_status(200).json();
        assert_eq!(ready, json!({"status": "ok", "database": "ok", "queue": "unreachable"}));
        assert!(service.open.get("/metrics").await.with_status(200).text.contains("pinksync_up"));
    })
    .await;
}
