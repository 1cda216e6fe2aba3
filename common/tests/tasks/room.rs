//! A saved connection has room for so many tasks at once.

use std::time::Duration;

use pinksync_common::ids::{AccountId, ConnectionId, TaskId, WorkerId};
use pinksync_common::queue::Class;
use pinksync_common::store::tasks::{self, Claim, NewTask, TaskKind};
use pinksync_common::store::{self, Client, accounts, connections};
use pinksync_test_support::with_database;
use serde_json::json;

const LEASE: Duration = Duration::from_secs(60);

async fn connection(client: &Client, account: AccountId, max_tasks: Option<i32>) -> ConnectionId {
    let (id, document) = (ConnectionId::new(), json!({"type": "sqlite", "path": "/data/shop.db"}));
    let contents = connections::Contents { name: &id.to_string(), document: &document, sealed: None, max_tasks };
    connections::insert(client, account, id, contents).await.unwrap();
    id
}

async fn task(client: &Client, account: AccountId, on: ConnectionId) -> TaskId {
    let task = NewTask {
        account,
        sync: None,
        session: None,
        kind: TaskKind::Check,
        class: Class::Interactive,
        payload: Vec::new(),
        connections: vec![on.0],
        held: false,
    };
    tasks::insert(client, &[task]).await.unwrap()[0].task
}

/// `most`: for connections that say nothing themselves.
async fn claim(client: &mut Client, task: TaskId, most: i64) -> Claim {
    let transaction = store::begin(client).await.unwrap();
    let claim = tasks::claim(&transaction, task, WorkerId::new(), LEASE, most).await.unwrap();
    store::commit(transaction).await.unwrap();
    claim
}

#[tokio::test]
async fn a_connection_takes_as_many_tasks_as_it_says_or_else_as_the_service_says() {
    with_database(|pool| async move {
        let mut client = store::client(&pool).await.unwrap();
        let account = accounts::create(&client, "acme").await.unwrap().id;
        for (says, most, room) in [(None, 2, 2), (Some(1), 2, 1), (Some(3), 2, 3)] {
            let on = connection(&client, account, says).await;
            for at in 0..room {
                let task = task(&client, account, on).await;
                assert!(matches!(claim(&mut client, task, most).await, Claim::Taken(_)), "{says:?}: task {at}");
            }
            let beyond = task(&client, account, on).await;
            assert!(matches!(claim(&mut client, beyond, most).await, Claim::Later), "{says:?}: there is no room");
        }
    })
    .await;
}
