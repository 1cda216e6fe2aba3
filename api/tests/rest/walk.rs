//! Walks all operations of the OpenAPI document, so that a new one cannot be forgotten.

use axum::http::Method;
use pinksync_common::auth::Permission;
use pinksync_test_support::{Client, Reply};
use serde_json::Value;

use super::fixture::Things;
use super::service::{Service, with_service};

/// Operations that change nothing, and so have nothing to keep.
const CHANGES_NOTHING: [&str; 4] = ["issue_token", "validate_sync", "validate_saved_sync", "test_connection"];

/// Operations that only a worker can carry out; there is none here.
const NEEDS_A_WORKER: [&str; 1] = ["list_datasets"];

/// An operation as the document describes it.
#[derive(Debug, Clone)]
struct Operation {
    method: Method,
    path: String,
    id: String,
    /// None: open to all.
    needs: Option<Permission>,
    has_body: bool,
    headers: Vec<String>,
}

impl Operation {
    fn names_a_thing(&self) -> bool {
        self.path.contains('{')
    }

    /// Sends it with the ids of some account's things, so that nothing but permission and ids can be in the way.
    async fn send(&self, client: &Client, things: &Things) -> Reply {
        let mut asked = client.ask(self.method.clone(), things.fill(&self.path)).header("if-match", "*");
        if self.has_body {
            let body = things.body(&self.id).unwrap_or_else(|| panic!("give a good body for {}", self.id));
            asked = asked.json(&body);
        }
        asked.send().await
    }
}

async fn operations(client: &Client) -> Vec<Operation> {
    let document = client.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, operation)| Operation {
            method: method.to_uppercase().parse().unwrap(),
            path: path.clone(),
            id: operation["operationId"].as_str().unwrap().to_owned(),
            needs: operation.pointer("/security/0/token/0").map(|scope| scope.as_str().unwrap().parse().unwrap()),
            has_body: operation.get("requestBody").is_some(),
            headers: headers(operation),
        })
    });
    let operations: Vec<_> = operations.collect();
    assert!(operations.len() > 20, "{operations:?}");
    operations
}

fn headers(operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let headers = parameters.filter(|parameter| parameter["in"] == "header");
    headers.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
}

/// A client of a key that may do everything but one thing.
async fn all_but(service: &Service, account: pinksync_common::ids::AccountId, missing: Permission) -> Client {
    let others: Vec<_> =
        Permission::ALL.into_iter().filter(|one| *one != missing && *one != Permission::Admin).collect();
    service.key(account, &others).await.1
}

#[tokio::test]
async fn no_operation_is_open_without_a_token_but_those_that_say_so() {
    with_service(|service| async move {
        let things = Things::of(&service.tenant("acme").await).await;
        for operation in operations(&service.open).await {
            let reply = operation.send(&service.open, &things).await;
            match operation.needs {
                Some(_) => {
                    reply.problem(401, "token_missing");
                    assert!(reply.header("www-authenticate").starts_with("Bearer"), "{operation:?}");
                }
                None => assert!(reply.status.is_success() || operation.id == "issue_token", "{operation:?}: {reply:?}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_operation_is_refused_without_its_permission() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        for operation in operations(&service.open).await {
            let Some(needed) = operation.needs else { continue };
            let client = all_but(&service, tenant.account, needed).await;
            let problem = operation.send(&client, &things).await.problem(403, "permission_missing");
            assert!(problem["detail"].as_str().unwrap().contains(needed.as_str()), "{operation:?}: {problem}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_id_of_another_account_is_unknown_and_stays_untouched() {
    with_service(|service| async move {
        let (ours, theirs) = (service.tenant("acme").await, service.tenant("other").await);
        let things = Things::of(&theirs).await;
        let mut named = 0;
        for operation in operations(&service.open).await.into_iter().filter(Operation::names_a_thing) {
            operation.send(&ours.client, &things).await.problem(404, "not_found");
            // A key that lacks the permission learns nothing about what is there.
            let client = all_but(&service, ours.account, operation.needs.unwrap()).await;
            operation.send(&client, &things).await.problem(403, "permission_missing");
            named += 1;
        }
        assert!(named > 10, "only {named} operations name a thing");
        for operation in operations(&service.open).await {
            if operation.method == Method::GET && operation.names_a_thing() {
                let metadata = service.pool.get().await.unwrap();
                metadata.batch_execute(&things.preparation(&operation.id)).await.unwrap();
                let reply = operation.send(&theirs.client, &things).await;
                match NEEDS_A_WORKER.contains(&operation.id.as_str()) {
                    true => drop(reply.problem(503, "no_worker")),
                    false => drop(reply.with_status(200)),
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn no_list_shows_what_is_another_accounts() {
    with_service(|service| async move {
        let (ours, theirs) = (service.tenant("acme").await, service.tenant("other").await);
        let things = Things::of(&theirs).await;
        let ids = [&things.connection, &things.sync, &things.key, &things.schedule, &things.session];
        let found = [&things.conflict, &things.task];
        for operation in operations(&service.open).await {
            if operation.method == Method::GET && operation.needs.is_some() && !operation.names_a_thing() {
                let reply = operation.send(&ours.client, &things).await.with_status(200);
                assert!(
                    ids.iter().chain(&found).all(|id| !reply.text.contains(id.as_str())),
                    "{operation:?}: {reply:?}"
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_post_is_carried_out_once_with_an_idempotency_key() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        for operation in operations(&service.open).await.into_iter().filter(|one| one.method == Method::POST) {
            assert!(operation.headers.iter().any(|name| name == "Idempotency-Key"), "{operation:?}");
            if CHANGES_NOTHING.contains(&operation.id.as_str()) {
                continue;
            }
            let things = Things::of(&tenant).await;
            let metadata = service.pool.get().await.unwrap();
            metadata.batch_execute(&things.preparation(&operation.id)).await.unwrap();
            let (path, body) = (things.fill(&operation.path), things.body(&operation.id));
            let send = async |body: &Option<Value>| {
                let mut asked = tenant.client.ask(Method::POST, path.clone());
                asked = asked.header("idempotency-key", operation.id.clone());
                if let Some(body) = body {
                    asked = asked.json(body);
                }
                asked.send().await
            };
            let first = send(&body).await;
            assert!(first.status.is_success(), "{operation:?}: {first:?}");
            let again = send(&body).await;
            assert_eq!((again.status, &again.text), (first.status, &first.text), "{operation:?}");
            for header in ["etag", "location"] {
                assert_eq!(again.headers.get(header), first.headers.get(header), "{operation:?}");
            }
            if let Some(mut other) = things.body(&operation.id) {
                if operation.id == "create_session" {
                    other["mode"] = "plan".into();
                }
                send(&Some(other)).await.problem(422, "idempotency_key_reused");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_change_of_a_definition_names_its_revision() {
    with_service(|service| async move {
        let tenant = service.tenant("acme").await;
        let things = Things::of(&tenant).await;
        for operation in operations(&service.open).await {
            if ![Method::PUT, Method::PATCH, Method::DELETE].contains(&operation.method) {
                continue;
            }
            assert!(operation.headers.iter().any(|name| name == "If-Match"), "{operation:?}");
            let path = things.fill(&operation.path);
            tenant.client.ask(operation.method.clone(), path.clone()).send().await.problem(428, "revision_required");
            let mut asked = tenant.client.ask(operation.method.clone(), path).header("if-match", "\"77\"");
            if let Some(body) = things.body(&operation.id) {
                asked = asked.json(&body);
            }
            asked.send().await.problem(412, "revision_changed");
        }
    })
    .await;
}
