//! What only a worker can tell: connections tested, their datasets, syncs looked at.

use std::fs;
use std::os::unix::fs::symlink;

use axum::http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fixture::Things;
use super::service::with_service;
use super::shop::with_shop;

#[tokio::test]
async fn a_connection_is_tested_step_by_step_and_its_datasets_are_listed() {
    with_shop(1, |shop| async move {
        let save = async |name: &str, path: Value| {
            let body = json!({"name": name, "type": "sqlite", "path": path});
            shop.client.post("/v1/connections", &body).await.with_status(201).header("location").to_owned()
        };
        let good = save("good", json!(shop.path("source"))).await;
        let tested = shop.client.post(format!("{good}/test"), &json!({})).await.with_status(200).json();
        assert_eq!(tested["ok"], true, "{tested}");
        assert!(!tested["steps"].as_array().unwrap().is_empty(), "{tested}");
        let held = shop.client.get(format!("{good}/datasets")).await.with_status(200).json();
        let customers = &held["datasets"][0];
        assert_eq!((&customers["name"], &customers["key"]), (&json!("customers"), &json!(["id"])), "{held}");
        assert_eq!(customers["columns"].as_array().unwrap().len(), 3);

        let forbidden = save("forbidden", json!("/etc/passwd")).await;
        let tested = shop.client.post(format!("{forbidden}/test"), &json!({"writes": false})).await.with_status(200);
        let tested = tested.json();
        assert_eq!(tested["ok"], false, "{tested}");
        assert!(tested["steps"][0]["hint"].as_str().unwrap().contains("PINKSYNC_FILE_ROOTS"), "{tested}");
        let problem = shop.client.get(format!("{forbidden}/datasets")).await.problem(502, "system_failed");
        assert!(problem["errors"][0]["remedy"].as_str().unwrap().contains("PINKSYNC_FILE_ROOTS"), "{problem}");
        let parked = shop.client.get("/v1/queue/dead-letters").await.with_status(200).json();
        assert_eq!(parked["data"], json!([]), "somebody was told: nothing is left to be driven again");
    })
    .await;
}

#[tokio::test]
async fn a_link_below_an_allowed_folder_opens_no_file_outside() {
    with_shop(1, |shop| async move {
        let [from, to] = ["from", "to"].map(|name| shop.path("source").with_file_name(name));
        let outside = TempDir::new().unwrap();
        fs::write(outside.path().join("out.csv"), "id,name\n1,somebody\n").unwrap();
        for folder in [&from, &to] {
            fs::create_dir(folder).unwrap();
            symlink(outside.path().join("out.csv"), folder.join("link.csv")).unwrap();
            symlink(outside.path(), folder.join("folder")).unwrap();
        }
        fs::write(from.join("in.csv"), "id,name\n1,somebody\n").unwrap();
        let carry = async |source: &str, target: &str| {
            let side = |path| json!({"type": "csv", "path": path});
            let datasets = json!([{"source": source, "target": target, "key": ["id"], "create_target": true}]);
            let definition = json!({"source": side(&from), "target": side(&to), "datasets": datasets});
            let made =
                shop.client.post("/v1/sessions", &json!({"definition": definition})).await.with_status(201).json();
            shop.ended(made["id"].as_str().unwrap()).await
        };
        for (source, target) in [("link", "a"), ("l*", "b"), ("folder/out", "c"), ("in", "folder/new"), ("in", "link")]
        {
            let ended = carry(source, target).await;
            assert_eq!(ended["status"], "failed", "{source} to {target}: {ended}");
            assert!(ended["reason"].to_string().contains("not below a folder that this service may use"), "{ended}");
        }
        let left = [outside.path(), &to].map(|folder| fs::read_dir(folder).unwrap().count());
        assert_eq!(left, [1, 2], "nothing was made");
        let saved = json!({"name": "files", "type": "csv", "path": from});
        let saved = shop.client.post("/v1/connections", &saved).await.with_status(201).header("location").to_owned();
        let tested = shop.client.post(format!("{saved}/test"), &json!({})).await.with_status(200).json();
        assert_eq!(tested["ok"], false, "{tested}");
        assert_eq!(carry("i*", "new").await["status"], "completed");
    })
    .await;
}

#[tokio::test]
async fn a_saved_sync_is_compared_with_both_systems() {
    with_shop(1, |shop| async move {
        let path = format!("/v1/syncs/{}/validate", shop.sync);
        let looked = shop.client.ask(Method::POST, &path).send().await.with_status(200).json();
        assert_eq!((&looked["valid"], &looked["errors"]), (&json!(true), &json!([])), "{looked}");
        assert_eq!(looked["datasets"][0]["source"], "customers", "{looked}");
        shop.edit("target", "DROP TABLE customers");
        let looked = shop.client.ask(Method::POST, &path).send().await.with_status(200).json();
        assert_eq!(looked["valid"], false, "{looked}");
        assert!(looked["errors"][0]["message"].as_str().unwrap().contains("customers"), "{looked}");
    })
    .await;
}

#[tokio::test]
async fn without_a_worker_it_is_said_at_once_what_to_do() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let (client, things) = (&tenant.client, Things::of(&tenant).await);
        let connection = format!("/v1/connections/{}", things.connection);
        let replies = [
            client.post(format!("{connection}/test"), &json!({})).await,
            client.get(format!("{connection}/datasets")).await,
            client.ask(Method::POST, format!("/v1/syncs/{}/validate", things.sync)).send().await,
        ];
        for reply in replies {
            let problem = reply.problem(503, "no_worker");
            assert!(problem["detail"].as_str().unwrap().contains("`pinksync worker`"), "{problem}");
            assert_eq!(problem["retryable"], true);
        }
    })
    .await;
}
