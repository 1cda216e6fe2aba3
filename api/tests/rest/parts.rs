//! What a session has written and left out, and its report in all forms.

use axum::http::Method;
use serde_json::Value;

use super::fixture::Things;
use super::service::with_service;
use super::shop::with_shop;

#[tokio::test]
async fn what_was_written_is_shown_page_by_page_before_and_after() {
    with_shop(2, |shop| async move {
        let more: String =
            (10..15).map(|id| format!("INSERT INTO customers VALUES ({id}, 'new {id}', 'x');")).collect();
        shop.edit("source", &more);
        shop.edit("source", "UPDATE customers SET name = 'changed' WHERE id = 1");
        shop.edit("target", "DELETE FROM customers WHERE id = 2");
        let session = shop.run().await;
        let mut all: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page =
                shop.client.get(format!("/v1/sessions/{session}/changes?limit=2{cursor}")).await.with_status(200);
            let page = page.json();
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let of = |id: i64| all.iter().find(|one| one["key"]["id"] == id).unwrap_or_else(|| panic!("{id} in {all:?}"));
        assert_eq!(all.len(), 7, "{all:?}");
        let (created, updated, deleted) = (of(10), of(1), of(2));
        assert_eq!((&created["action"], &created["side"]), (&"create".into(), &"target".into()));
        assert_eq!((&created["before"], &created["after"]["name"]), (&Value::Null, &"new 10".into()));
        assert_eq!((&updated["before"]["name"], &updated["after"]["name"]), (&"name 1".into(), &"changed".into()));
        assert_eq!((&deleted["action"], &deleted["side"]), (&"delete".into(), &"source".into()));
        assert_eq!((&deleted["before"]["name"], &deleted["after"]), (&"name 2".into(), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn a_report_is_a_document_a_page_or_a_table() {
    with_shop(3, |shop| async move {
        shop.edit("source", "INSERT INTO customers VALUES (9, 'new', 'x')");
        let session = shop.run().await;
        let path = format!("/v1/sessions/{session}/report");
        let report = shop.client.get(&path).await.with_status(200).json();
        assert_eq!(report["datasets"][0]["to_target"]["created"], 1, "{report}");
        let page = shop.client.ask(Method::GET, &path).header("accept", "text/html").send().await.with_status(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.text.contains(&session) && page.text.contains("<td>1 / 0 / 0"), "{}", page.text);
        for foreign in ["<script", "<link", "src=", "http://", "https://", "@import", "url("] {
            assert!(!page.text.contains(foreign), "{foreign}");
        }
        let table = shop.client.ask(Method::GET, &path).header("accept", "text/csv").send().await.with_status(200);
        assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
        let lines: Vec<&str> = table.text.lines().collect();
        let column = lines[0].split(',').position(|name| name == "to_target.created").unwrap();
        assert_eq!((lines.len(), lines[1].split(',').nth(column)), (2, Some("1")), "{}", table.text);
    })
    .await;
}

#[tokio::test]
async fn a_name_in_a_report_is_no_markup() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        let metadata = service.pool.get().await.unwrap();
        metadata.batch_execute("UPDATE datasets SET name = '<script>\"&\"</script>'").await.unwrap();
        let path = format!("/v1/sessions/{}/report", things.session);
        let page = tenant.client.ask(Method::GET, path).header("accept", "text/html").send().await.with_status(200);
        assert!(!page.text.contains("<script") && page.text.contains("&lt;script&gt;"), "{}", page.text);
    })
    .await;
}

#[tokio::test]
async fn what_was_left_out_is_listed_in_order() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        let metadata = service.pool.get().await.unwrap();
        let insert = format!(
            "INSERT INTO rejects (account_id, session_id, dataset_id, side, line, code, reason, shown_key, identity)
             SELECT s.account_id, s.id, d.id, 'source', n, 'odd', 'it is odd', jsonb_build_object('id', n),
                    int8send(n) FROM sessions s JOIN datasets d ON d.sync_id = s.sync_id, generate_series(1, 5) n
             WHERE s.id = '{}'",
            things.session
        );
        metadata
            .batch_execute(&insert.replace("generate_series(1, 5) n", "generate_series(1, 5::bigint) n"))
            .await
            .unwrap();
        let path = format!("/v1/sessions/{}/rejects", things.session);
        let first = tenant.client.get(format!("{path}?limit=3")).await.with_status(200).json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = tenant.client.get(format!("{path}?limit=3&cursor={cursor}")).await.with_status(200).json();
        let lines: Vec<&Value> = [&first, &second]
            .into_iter()
            .flat_map(|page| page["data"].as_array().unwrap().iter().map(|one| &one["line"]))
            .collect();
        assert_eq!(lines, [1, 2, 3, 4, 5]);
        let one = &first["data"][0];
        assert_eq!((&one["dataset"], &one["key"]["id"]), (&"public.customers".into(), &1.into()), "{one}");
        assert_eq!(
            (&one["code"], &one["reason"], &one["side"]),
            (&"odd".into(), &"it is odd".into(), &"source".into())
        );
    })
    .await;
}
