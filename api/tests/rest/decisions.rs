//! A person decides on a conflict over REST, and a worker carries it out.

use axum::http::Method;
use pinksync_common::ids::SessionId;
use pinksync_common::store::{self, sessions, tasks};
use serde_json::{Value, json};

use super::fixture::Things;
use super::service::{Tenant, with_service};
use super::shop::with_shop;

fn both(name: &str) -> [Option<String>; 2] {
    [Some(name.to_owned()), Some(name.to_owned())]
}

#[tokio::test]
async fn each_choice_is_carried_out_and_the_conflict_does_not_come_back() {
    with_shop(5, |shop| async move {
        (1..=5).for_each(|id| shop.clash(id));
        shop.run().await;
        let conflicts = shop.open_conflicts().await;
        assert_eq!(conflicts.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let decisions = [
            json!({"choice": "source"}),
            json!({"choice": "target"}),
            json!({"choice": "value", "value": {"name": "agreed"}}),
            json!({"choice": "delete"}),
            json!({"choice": "skip"}),
        ];
        for ((_, conflict), decision) in conflicts.iter().zip(&decisions) {
            let reply = shop.resolve(conflict, decision).await.with_status(200);
            let settled = reply.json();
            assert_eq!(
                (&settled["status"], &settled["decision"]),
                (&json!("resolved"), &decision["choice"]),
                "{settled}"
            );
            assert_eq!(reply.header("etag"), format!("\"{}\"", settled["revision"]));
            assert!(settled["decided_by"].as_str().unwrap().starts_with("API key "));
            let session = shop.ended(settled["decided_in"].as_str().unwrap()).await;
            assert_eq!((&session["status"], &session["resolves"]), (&json!("completed"), &json!(conflict)));
        }
        shop.run().await;
        assert_eq!(shop.open_conflicts().await, []);
        assert_eq!(shop.names(1), both("source 1"));
        assert_eq!(shop.names(2), both("target 2"));
        assert_eq!(shop.names(3), both("agreed"));
        assert_eq!(shop.names(4), [None, None]);
        assert_eq!(shop.names(5), [Some("source 5".to_owned()), Some("target 5".to_owned())]);
        let counts = shop.client.get(format!("/v1/conflicts/counts?sync_id={}", shop.sync)).await.json();
        assert_eq!(counts["data"], json!([{"status": "resolved", "kind": "update/update", "count": 5}]));
    })
    .await;
}

#[tokio::test]
async fn a_record_that_has_moved_is_shown_afresh_and_the_conflict_stays() {
    with_shop(1, |shop| async move {
        shop.clash(1);
        shop.run().await;
        let (_, conflict) = shop.open_conflicts().await.remove(0);
        let path = format!("/v1/conflicts/{conflict}");
        let seen = shop.client.get(&path).await.with_status(200);
        shop.edit("source", "UPDATE customers SET name = 'later' WHERE id = 1");
        let decision = json!({"choice": "source"});
        let moved = shop.resolve_once(&conflict, "one", &decision).await;
        let problem = moved.problem(409, "conflict_moved");
        assert_eq!(problem["fresh"]["source"]["name"], "later", "{problem}");
        assert_eq!(problem["fresh"]["target"]["name"], "target 1", "{problem}");
        assert_eq!(
            shop.resolve_once(&conflict, "one", &decision).await.problem(409, "conflict_moved")["fresh"],
            problem["fresh"]
        );
        assert_eq!(shop.names(1), [Some("later".to_owned()), Some("target 1".to_owned())]);

        let stale = shop.client.ask(Method::POST, format!("{path}/resolve")).header("if-match", seen.header("etag"));
        stale.json(&decision).send().await.problem(412, "revision_changed");
        let now = shop.client.get(&path).await.with_status(200);
        assert_eq!((&now.json()["source"]["name"], &now.json()["status"]), (&json!("later"), &json!("open")));
        let fresh = shop.client.ask(Method::POST, format!("{path}/resolve")).header("if-match", now.header("etag"));
        fresh.json(&decision).send().await.with_status(200);
        assert_eq!(shop.names(1), both("later"));
        shop.resolve(&conflict, &decision).await.problem(409, "wrong_state");
    })
    .await;
}

#[tokio::test]
async fn a_decision_sent_again_is_answered_as_before_and_carried_out_once() {
    with_shop(2, |shop| async move {
        shop.clash(1);
        shop.run().await;
        let (_, conflict) = shop.open_conflicts().await.remove(0);
        let decision = json!({"choice": "target"});
        let first = shop.resolve_once(&conflict, "one", &decision).await.with_status(200);
        let again = shop.resolve_once(&conflict, "one", &decision).await.with_status(200);
        assert_eq!((again.text.as_str(), again.header("etag")), (first.text.as_str(), first.header("etag")));
        let sessions = shop.client.get(format!("/v1/sessions?sync_id={}", shop.sync)).await.json();
        let decisions = sessions["data"].as_array().unwrap().iter().filter(|one| one["resolves"].is_string()).count();
        assert_eq!(decisions, 1);
        let other = shop.resolve_once(&conflict, "one", &json!({"choice": "skip"})).await;
        other.problem(422, "idempotency_key_reused");
    })
    .await;
}

#[tokio::test]
async fn a_decision_that_cannot_be_carried_out_says_why() {
    with_shop(1, |shop| async move {
        shop.clash(1);
        shop.run().await;
        let (_, conflict) = shop.open_conflicts().await.remove(0);
        let odd = json!({"choice": "value", "value": {"nickname": "x"}});
        let problem = shop.resolve(&conflict, &odd).await.problem(422, "decision_failed");
        assert!(problem["detail"].as_str().unwrap().contains("nickname"), "{problem}");
        assert_eq!(shop.open_conflicts().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_guard_stops_a_decision_over_another_definition() {
    with_shop(1, |shop| async move {
        shop.clash(1);
        shop.run().await;
        let (_, conflict) = shop.open_conflicts().await.remove(0);
        let path = format!("/v1/syncs/{}", shop.sync);
        let mut definition = shop.client.get(&path).await.json()["definition"].clone();
        definition["datasets"][0]["exclude"] = json!(["city"]);
        shop.client.put(&path, "*", &definition).await.with_status(200);
        shop.resolve(&conflict, &json!({"choice": "source"})).await.problem(409, "decision_guarded");
        assert_eq!(shop.open_conflicts().await.len(), 1);
        assert_eq!(shop.names(1), [Some("source 1".to_owned()), Some("target 1".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn one_decision_at_a_time_is_at_work_on_a_conflict() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let (client, things) = (&tenant.client, Things::of(&tenant).await);
        let path = format!("/v1/conflicts/{}", things.conflict);
        for (body, place) in [
            (json!({"choice": "value"}), "/value"),
            (json!({"choice": "source", "value": {}}), "/value"),
            (json!({"choice": "both"}), "/choice"),
        ] {
            let problem = client.post(format!("{path}/resolve"), &body).await.problem(422, "invalid_body");
            assert_eq!(problem["errors"][0]["pointer"], place, "{problem}");
        }
        let taken = client.post(format!("{path}/resolve"), &json!({"choice": "source"})).await.with_status(202).json();
        assert_eq!((&taken["resolves"], &taken["status"]), (&json!(things.conflict), &json!("in_progress")));
        client.post(format!("{path}/resolve"), &json!({"choice": "skip"})).await.problem(409, "decision_in_progress");
        assert_eq!(client.get(&path).await.json()["deciding"], taken["id"]);

        let cancel = format!("/v1/sessions/{}/cancel", taken["id"].as_str().unwrap());
        client.ask(Method::POST, cancel).send().await.with_status(202);
        client.post(format!("{path}/resolve"), &json!({"choice": "skip"})).await.with_status(202);
    })
    .await;
}

#[tokio::test]
async fn a_decision_that_is_parked_names_its_session_until_that_is_cancelled() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let (client, things) = (&tenant.client, Things::of(&tenant).await);
        let path = format!("/v1/conflicts/{}/resolve", things.conflict);
        let taken = client.post(&path, &json!({"choice": "source"})).await.with_status(202).json();
        let session = format!("/v1/sessions/{}", taken["id"].as_str().unwrap());
        park(&tenant, &taken["id"]).await;
        let paused = client.get(&session).await.json();
        assert_eq!((&paused["status"], &paused["actions"]), (&json!("paused"), &json!(["cancel"])), "{paused}");
        let why = paused["reason"]["detail"].as_str().unwrap();
        assert!(why.ends_with("cancel the session of this decision, and decide again"), "{why}");

        let problem = client.post(&path, &json!({"choice": "skip"})).await.problem(409, "wrong_state");
        assert_eq!((&problem["retryable"], &problem["errors"][0]["pointer"]), (&json!(false), &json!(session)));
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
        let cancel = format!("{session}/cancel");
        assert!(problem["errors"][0]["remedy"].as_str().unwrap().contains(&cancel), "{problem}");
        client.ask(Method::POST, cancel).send().await.with_status(202);
        client.post(&path, &json!({"choice": "skip"})).await.with_status(202);
    })
    .await;
}

/// The only task of a session is begun, and its worker dies, once too often.
async fn park(tenant: &Tenant, session: &Value) {
    let session = SessionId(session.as_str().unwrap().parse().unwrap());
    let mut client = tenant.pool.get().await.unwrap();
    const DIE: &str = "UPDATE tasks SET status = 'running', attempts = 8, owner = $1, generation = generation + 1,
        lease_until = now() - interval '1 second' WHERE session_id = $1";
    client.execute(DIE, &[&session.0]).await.unwrap();
    assert_eq!(tasks::rescue(&client, 8, 10).await.unwrap().len(), 1);
    let transaction = store::begin(&mut client).await.unwrap();
    let row = sessions::lock(&transaction, tenant.account, session).await.unwrap().unwrap();
    sessions::go_on(&transaction, &row).await.unwrap();
    store::commit(transaction).await.unwrap();
}

#[tokio::test]
async fn of_many_who_decide_at_once_one_does() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        let decisions = (0..8).map(|at| {
            let (client, path) = (tenant.client.clone(), format!("/v1/conflicts/{}/resolve", things.conflict));
            let choice = if at % 2 == 0 { "source" } else { "target" };
            tokio::spawn(async move { client.post(path, &json!({"choice": choice})).await })
        });
        let decisions: Vec<_> = decisions.collect();
        let mut taken = 0;
        for decision in decisions {
            let reply = decision.await.unwrap();
            match reply.status.as_u16() {
                202 => taken += 1,
                _ => assert_eq!(reply.problem(409, "decision_in_progress")["retryable"], true),
            }
        }
        assert_eq!(taken, 1);
    })
    .await;
}

#[tokio::test]
async fn a_conflict_is_shown_field_by_field_with_what_speaks_for_a_side() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        let shown = tenant.client.get(format!("/v1/conflicts/{}", things.conflict)).await.with_status(200);
        assert_eq!(shown.header("etag"), "\"1\"");
        let shown = shown.json();
        assert_eq!((&shown["dataset"], &shown["key"]), (&json!("public.customers"), &json!({"id": 7})));
        let name = &shown["fields"][1];
        assert_eq!((&name["changed_by"], &name["suggestion"]), (&json!("source"), &json!("source")));
        assert_eq!(shown["suggestion"], json!({"choice": "source", "why": "only the source changed it"}));

        for (query, count) in [
            (format!("sync_id={}", things.sync), 1),
            (format!("session_id={}&kind=update%2Fupdate&dataset=public.customers", things.session), 1),
            ("kind=update%2Fdelete".to_owned(), 0),
            ("dataset=others".to_owned(), 0),
            ("status=resolved".to_owned(), 0),
        ] {
            let list = tenant.client.get(format!("/v1/conflicts?{query}")).await.with_status(200).json();
            assert_eq!(list["data"].as_array().unwrap().len(), count, "{query}");
        }
        tenant.client.get("/v1/conflicts?kind=quarrel").await.problem(400, "invalid_query");
        let of_session = tenant.client.get(format!("/v1/sessions/{}/conflicts", things.session)).await.json();
        assert_eq!(of_session["data"][0]["id"], Value::from(things.conflict.clone()));
    })
    .await;
}
