//! Conflicts that wait for a person.

use serde_json::{Value, json};

use crate::support::{Pair, Rest, Setup, count, written};

const ITEMS: u64 = 200;

async fn open(rest: &Rest) -> Vec<Value> {
    rest.get("/v1/conflicts").await["data"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_resolved_by_a_person_do_not_come_back() {
    let (service, pair) = tokio::join!(Setup::new().start(), Pair::with_items(ITEMS));
    let mut definition = pair.two_way();
    definition["strategy"] = json!("manual");
    service.rest.complete(&definition).await;
    pair.source.batch("UPDATE items SET name = 'source' WHERE id <= 3").await;
    pair.target.batch("UPDATE items SET name = 'target' WHERE id <= 3").await;
    let session = service.rest.complete(&definition).await;
    assert_eq!(count(&session, "conflicts.open"), 3, "{session}");
    assert_eq!(written(&session), [[0; 3]; 2]);
    let mut conflicts = open(&service.rest).await;
    conflicts.sort_by_key(|conflict| conflict["key"]["id"].as_i64());
    assert_eq!(conflicts.len(), 3, "{conflicts:?}");
    for (conflict, choice) in conflicts.iter().zip(["source", "target", "skip"]) {
        let path = format!("/v1/conflicts/{}/resolve", conflict["id"].as_str().unwrap());
        service.rest.post(&path, &json!({"choice": choice})).await;
    }
    let after = service.rest.complete(&definition).await;
    assert_eq!((written(&after), count(&after, "conflicts.open")), ([[0; 3]; 2], 0), "{after}");
    assert!(open(&service.rest).await.is_empty());
    let names = "SELECT name FROM items WHERE id <= 3 ORDER BY id";
    assert_eq!(pair.source.column::<String>(names, &[]).await, ["source", "target", "source"]);
    assert_eq!(pair.target.column::<String>(names, &[]).await, ["source", "target", "target"]);
}
