//! One decision on many conflicts.

use serde_json::{Value, json};

use super::shop::with_shop;

#[tokio::test]
async fn many_conflicts_are_tried_and_then_decided_as_they_were_counted() {
    with_shop(6, |shop| async move {
        (1..=4).for_each(|id| shop.clash(id));
        shop.edit("source", "DELETE FROM customers WHERE id = 5");
        shop.edit("target", "UPDATE customers SET name = 'kept' WHERE id = 5");
        shop.run().await;
        assert_eq!(shop.open_conflicts().await.len(), 5);
        let resolve = async |more: Value| {
            let mut body = json!({"filter": {"sync_id": shop.sync, "kind": "update/update"}, "choice": "source"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            shop.client.post("/v1/conflicts/resolve", &body).await
        };
        let tried = resolve(json!({"dry_run": true})).await.with_status(200).json();
        assert_eq!((&tried["count"], tried["samples"].as_array().unwrap().len()), (&json!(4), 4));
        resolve(json!({"expected": 3})).await.problem(409, "count_changed");
        resolve(json!({})).await.problem(422, "invalid_body");
        resolve(json!({"expected": 4, "choice": "value"})).await.problem(422, "invalid_body");
        assert_eq!(shop.open_conflicts().await.len(), 5);

        let submitted = resolve(json!({"expected": 4})).await.with_status(202).json();
        assert_eq!((&submitted["submitted"], &submitted["remaining"]), (&json!(4), &json!(0)));
        for session in submitted["session_ids"].as_array().unwrap() {
            let ended = shop.ended(session.as_str().unwrap()).await;
            assert_eq!(ended["status"], "completed", "{ended}");
        }
        for id in 1..=4 {
            assert_eq!(shop.name("target", id), Some(format!("source {id}")));
        }
        let left: Vec<i64> = shop.open_conflicts().await.into_iter().map(|(id, _)| id).collect();
        assert_eq!(left, [5]);
    })
    .await;
}
