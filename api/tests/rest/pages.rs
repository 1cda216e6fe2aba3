//! Lists in pages: to the end, nothing twice and nothing left out.

use pinksync_test_support::Client;
use serde_json::{Value, json};

use super::fixture::{Things, connection};
use super::service::with_service;

/// All items of a list, page by page.
async fn walk(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(format!("{path}?limit={limit}{cursor}")).await.with_status(200).json();
        let data = page["data"].as_array().unwrap();
        all.extend(data.iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return all };
        assert_eq!(data.len(), limit, "{page}");
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn pages_to_the_end_are_everything_and_in_order() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let mut names = Vec::new();
        for number in 0..7 {
            let name = format!("c{number}");
            client.post("/v1/connections", &connection(&name)).await.with_status(201);
            names.insert(0, json!(name));
        }
        for limit in [1, 2, 6, 7, 8] {
            let seen: Vec<Value> =
                walk(&client, "/v1/connections", limit).await.into_iter().map(|one| one["name"].clone()).collect();
            assert_eq!(seen, names, "{limit} a page");
        }
        let whole = client.get("/v1/connections").await.json();
        assert_eq!((whole["data"].as_array().unwrap().len(), &whole["next_cursor"]), (7, &Value::Null));
        let audit: Vec<i64> =
            walk(&client, "/v1/audit", 2).await.iter().map(|one| one["id"].as_i64().unwrap()).collect();
        assert!(audit.len() == 7 && audit.is_sorted_by(|one, next| one > next), "{audit:?}");
    })
    .await;
}

#[tokio::test]
async fn every_list_is_walked_to_its_end() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let mut syncs = Vec::new();
        for _ in 0..3 {
            syncs.insert(0, Things::of(&tenant).await.sync);
        }
        for (path, count) in [("/v1/syncs", 3), ("/v1/schedules", 3), ("/v1/api-keys", 4), ("/v1/connections", 3)] {
            let all = walk(&tenant.client, path, 2).await;
            assert_eq!(all.len(), count, "{path}: {all:?}");
        }
        let listed: Vec<Value> =
            walk(&tenant.client, "/v1/syncs", 1).await.into_iter().map(|one| one["id"].clone()).collect();
        assert_eq!(listed, syncs);
    })
    .await;
}
