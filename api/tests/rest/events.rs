//! Sessions are followed: from the beginning, from the middle, to their end, and no longer than the token stands.

use std::time::Duration;

use axum::http::Method;
use pinksync_common::auth::Permission;
use pinksync_test_support::soon;
use serde_json::{Value, json};

use super::fixture::Things;
use super::service::{with_hurried_service, with_service};
use super::shop::with_shop;

/// The ids, kinds and data of server-sent events.
fn events(text: &str) -> Vec<(i64, String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.starts_with("id: "));
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {block}")).to_owned()
    };
    let event = |block: &str| {
        let data = serde_json::from_str(&field(block, "data")).unwrap();
        (field(block, "id").parse().unwrap(), field(block, "event"), data)
    };
    blocks.map(event).collect()
}

#[tokio::test]
async fn a_session_is_followed_to_its_end_and_from_the_middle() {
    with_shop(3, |shop| async move {
        let session = shop.run().await;
        let path = format!("/v1/sessions/{session}/events");
        let reply = soon(shop.client.get(&path)).await.with_status(200);
        assert_eq!(reply.header("content-type"), "text/event-stream");
        let all = events(&reply.text);
        assert!(all.len() >= 3 && all.is_sorted_by_key(|(id, ..)| *id), "{all:?}");
        let states: Vec<&Value> =
            all.iter().filter(|(_, kind, _)| kind == "session").map(|(.., data)| &data["status"]).collect();
        assert_eq!(states, ["pending", "in_progress", "completed"]);
        assert!(all[0].2["at"].is_string());

        let middle = all[0].0;
        let rest = all[1..].to_vec();
        let resumed = shop.client.ask(Method::GET, &path).header("last-event-id", middle.to_string());
        assert_eq!(events(&soon(resumed.send()).await.text), rest);
        assert_eq!(events(&soon(shop.client.get(format!("{path}?after={middle}"))).await.text), rest);
        let lines = shop.client.ask(Method::GET, format!("{path}?after={middle}"));
        let lines = soon(lines.header("accept", "application/x-ndjson").send()).await.with_status(200);
        assert_eq!(lines.header("content-type"), "application/x-ndjson");
        let lines: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected: Vec<Value> =
            rest.iter().map(|(id, event, data)| json!({"id": id, "event": event, "data": data})).collect();
        assert_eq!(lines, expected);
        let last = all.last().unwrap().0;
        assert_eq!(soon(shop.client.get(format!("{path}?after={last}"))).await.with_status(200).text, "");
        let odd = shop.client.ask(Method::GET, &path).header("last-event-id", "x");
        odd.send().await.problem(400, "invalid_header");
    })
    .await;
}

#[tokio::test]
async fn who_follows_sees_the_end_when_it_comes() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        let (client, path) = (tenant.client.clone(), format!("/v1/sessions/{}", things.session));
        let following = tokio::spawn({
            let (client, path) = (client.clone(), format!("{path}/events"));
            async move { client.get(path).await }
        });
        client.ask(Method::POST, format!("{path}/cancel")).send().await.with_status(202);
        let seen = events(&soon(following).await.unwrap().with_status(200).text);
        assert_eq!(seen.last().unwrap().2["status"], "cancelled");
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_with_its_key() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        let (key, reader) = service.key(tenant.account, &[Permission::SyncRead]).await;
        let path = format!("/v1/sessions/{}/events", things.session);
        let following = tokio::spawn({
            let (reader, path) = (reader.clone(), path.clone());
            async move { reader.get(path).await }
        });
        tenant.client.ask(Method::POST, format!("/v1/api-keys/{}/revoke", key.id)).send().await.with_status(200);
        let reply = soon(following).await.unwrap();
        // Revoked before the first look, it is refused; after it, cut off.
        assert!([200, 401].contains(&reply.status.as_u16()), "{reply:?}");
        assert!(events(&reply.text).iter().all(|(_, _, data)| data["status"] == "pending"), "{reply:?}");
        reader.get(path).await.problem(401, "token_invalid");
    })
    .await;
}

#[tokio::test]
async fn a_stream_is_not_cut_off_by_the_time_limit_of_requests() {
    with_hurried_service(Duration::from_secs(1), |service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        let (client, path) = (tenant.client.clone(), format!("/v1/sessions/{}", things.session));
        let following = tokio::spawn({
            let (client, path) = (client.clone(), format!("{path}/events"));
            async move { client.get(path).await }
        });
        // A request that waits for this lock is given up.
        let mut metadata = service.pool.get().await.unwrap();
        let blocker = metadata.transaction().await.unwrap();
        blocker.batch_execute("LOCK TABLE syncs IN ACCESS EXCLUSIVE MODE").await.unwrap();
        client.get("/v1/syncs").await.problem(503, "timed_out");
        client.get("/v1/syncs").await.problem(503, "timed_out");
        blocker.rollback().await.unwrap();
        client.ask(Method::POST, format!("{path}/cancel")).send().await.with_status(202);
        let seen = events(&soon(following).await.unwrap().with_status(200).text);
        assert_eq!(seen.last().unwrap().2["status"], "cancelled");
    })
    .await;
}
