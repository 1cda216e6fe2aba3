//! Definitions change revision by revision, and nothing that is needed goes away.

use serde_json::json;

use super::fixture::{PASSWORD, Things, connection, schedule, sync};
use super::service::with_service;

#[tokio::test]
async fn of_two_who_change_the_same_the_second_is_refused() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let made = client.post("/v1/connections", &connection("crm")).await.with_status(201);
        let path = made.header("location").to_owned();
        assert_eq!((made.header("etag"), client.get(&path).await.header("etag")), ("\"1\"", "\"1\""));
        let changed = client.put(&path, "\"1\"", &connection("crm2")).await.with_status(200);
        assert_eq!((changed.header("etag"), &changed.json()["name"]), ("\"2\"", &json!("crm2")));
        let refused = client.put(&path, "\"1\"", &connection("crm3")).await;
        refused.problem(412, "revision_changed");
        assert_eq!(refused.header("etag"), "\"2\"");
        client.delete(&path, "\"1\"").await.problem(412, "revision_changed");
        client.delete(&path, "\"2\"").await.with_status(204);
        client.get(&path).await.problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_sync_keeps_all_its_revisions() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let client = &tenant.client;
        let made = client.post("/v1/syncs", &sync("shop")).await.with_status(201);
        let path = made.header("location").to_owned();
        let mut next = made.json()["definition"].clone();
        next["strategy"] = json!("source_wins");
        let changed = client.put(&path, made.header("etag"), &next).await.with_status(200);
        assert_eq!(changed.json()["definition"]["strategy"], "source_wins");
        let list = client.get(format!("{path}/revisions")).await.json();
        let numbers: Vec<_> = list["data"].as_array().unwrap().iter().map(|one| one["revision"].clone()).collect();
        assert_eq!(numbers, [2, 1]);
        assert_eq!(list["data"][0]["created_by"], tenant.key.to_string());
        let first = client.get(format!("{path}/revisions/1")).await.with_status(200).json();
        assert_eq!(first["definition"], made.json()["definition"]);
        client.get(format!("{path}/revisions/3")).await.problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_masked_secret_stays_and_is_sent_to_no_other_host() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let made = client.post("/v1/connections", &connection("crm")).await.with_status(201);
        let path = made.header("location").to_owned();
        let sealed = async || {
            let row = service.pool.get().await.unwrap();
            row.query_one("SELECT sealed IS NOT NULL FROM connections", &[]).await.unwrap().get::<_, bool>(0)
        };
        let mut shown = connection("renamed");
        shown["password"] = json!("***");
        client.put(&path, "*", &shown).await.with_status(200);
        assert!(sealed().await);
        shown["host"] = json!("elsewhere.example");
        let problem = client.put(&path, "*", &shown).await.problem(422, "invalid_definition");
        assert_eq!(problem["errors"][0]["pointer"], "/password");
        shown["password"] = json!(PASSWORD);
        client.put(&path, "*", &shown).await.with_status(200);
    })
    .await;
}

#[tokio::test]
async fn what_is_in_use_stays_and_its_users_are_named() {
    with_service(|service| async move {
        let client = service.tenant("acme").await.client;
        let crm = client.post("/v1/connections", &connection("crm")).await.with_status(201);
        let by_id = client.post("/v1/connections", &connection("by-id")).await.with_status(201);
        let mut document = sync("shop");
        document["source"] = json!({"connection": "crm"});
        document["target"] = json!({"connection": by_id.json()["id"]});
        let shop = client.post("/v1/syncs", &document).await.with_status(201);
        for made in [&crm, &by_id] {
            let problem = client.delete(made.header("location"), "*").await.problem(409, "in_use");
            assert_eq!(problem["errors"][0]["pointer"], shop.header("location"));
            assert!(problem["errors"][0]["message"].as_str().unwrap().contains("`shop`"), "{problem}");
        }
        // A sync that names it by name would not find it again; one that names it by id does.
        client.put(crm.header("location"), "*", &connection("crm2")).await.problem(409, "in_use");
        client.put(by_id.header("location"), "*", &connection("by-id2")).await.with_status(200);

        let planned = client.post("/v1/schedules", &schedule(shop.json()["id"].as_str().unwrap())).await;
        let problem = client.delete(shop.header("location"), "*").await.problem(409, "in_use");
        assert_eq!(problem["errors"][0]["pointer"], planned.header("location"));
        client.delete(planned.header("location"), "*").await.with_status(204);
        client.delete(shop.header("location"), "*").await.with_status(204);
        client.delete(crm.header("location"), "*").await.with_status(204);
        client.post("/v1/syncs", &sync("shop")).await.with_status(201);
    })
    .await;
}

#[tokio::test]
async fn a_name_is_an_account_s_own_and_is_there_once() {
    with_service(|service| async move {
        let (client, other) = (service.tenant("acme").await.client, service.tenant("other").await.client);
        client.post("/v1/syncs", &sync("shop")).await.with_status(201);
        let problem = client.post("/v1/syncs", &sync("shop")).await.problem(409, "name_taken");
        assert_eq!(problem["errors"][0]["pointer"], "/name");
        other.post("/v1/syncs", &sync("shop")).await.with_status(201);
        let mut foreign = sync("mine");
        let theirs = client.post("/v1/connections", &connection("crm")).await.with_status(201);
        foreign["source"] = json!({"connection": theirs.json()["id"]});
        let problem = other.post("/v1/syncs", &foreign).await.problem(422, "invalid_definition");
        assert_eq!(problem["errors"][0]["pointer"], "/source/connection");
    })
    .await;
}

#[tokio::test]
async fn a_schedule_is_due_by_its_zone_and_not_while_it_is_paused() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let (client, things) = (&tenant.client, Things::of(&tenant).await);
        let path = format!("/v1/schedules/{}", things.schedule);
        let shown = client.get(&path).await.with_status(200).json();
        let times = client.get(format!("{path}/next?limit=3")).await.with_status(200).json();
        assert_eq!((times["data"].as_array().unwrap().len(), &times["data"][0]), (3, &shown["next_at"]));
        let paused = client.ask(axum::http::Method::POST, format!("{path}/pause")).send().await.with_status(200).json();
        assert_eq!((&paused["paused"], &paused["next_at"]), (&json!(true), &json!(null)));
        let resumed = client.ask(axum::http::Method::POST, format!("{path}/resume")).send().await.with_status(200);
        assert_eq!(resumed.json()["next_at"], shown["next_at"]);
        for (field, value, place) in [
            ("cron", json!("61 * * * *"), "/cron"),
            ("cron", json!("0 0 30 2 *"), "/cron"),
            ("cron", json!(null), "/cron"),
            ("timezone", json!("Europe/Atlantis"), "/timezone"),
            ("window", json!({"opens": "22:00", "closes": "22:00"}), "/window"),
            ("window", json!({"opens": "25:00", "closes": "22:00"}), "/window/opens"),
            ("catch_up_seconds", json!(-1), "/catch_up_seconds"),
            ("sync_id", json!("0190a0a0-0000-7000-8000-000000000000"), "/sync_id"),
        ] {
            let mut body = schedule(&things.sync);
            body[field] = value;
            let problem = client.post("/v1/schedules", &body).await.problem(422, "invalid_body");
            assert_eq!(problem["errors"][0]["pointer"], place, "{problem}");
        }
        let mut night = schedule(&things.sync);
        night["window"] = json!({"opens": "22:00", "closes": "06:00"});
        let made = client.post("/v1/schedules", &night).await.with_status(201).json();
        assert_eq!(made["window"], json!({"opens": "22:00:00", "closes": "06:00:00"}));
    })
    .await;
}
