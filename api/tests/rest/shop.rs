//! A service with a worker, and a sync of two SQLite files that the test edits as people would.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use pinksync_common::definition::HostPolicy;
use pinksync_common::queue::Broker;
use pinksync_test_support::{Client, Reply, VirtualHost, eventually, soon, topology, with_database};
use pinksync_worker::{Deps, Limits};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::service::{Service, Wishes};

/// One task at a time: two who write one SQLite file would wait for each other, and nobody here repeats wake-ups.
const LIMITS: Limits = Limits {
    permits: 1,
    segments_at_once: 1,
    window: 4,
    lease: Duration::from_secs(30),
    heartbeat: Duration::from_secs(5),
    grace: Duration::from_secs(5),
    slice: Duration::from_secs(60),
    tasks_per_connection: 8,
    session_cap: 100,
};

/// Both sides, and who keeps them in agreement.
pub struct Shop {
    _service: Arc<Service>,
    pub client: Client,
    pub sync: String,
    folder: TempDir,
}

/// Runs a test against a service with a worker. Both sides hold the records 1 to `records`, and have met.
pub async fn with_shop<F: Future<Output = ()> + Send + 'static>(
    records: i64,
    test: impl FnOnce(Arc<Shop>) -> F + Send + 'static,
) {
    with_database(move |pool| async move {
        let (vhost, folder, stop) = (VirtualHost::make(), TempDir::new().unwrap(), CancellationToken::new());
        let broker = Broker::new(&vhost.url).unwrap();
        let service = Arc::new(Service::start(pool.clone(), &broker, Wishes::default()));
        soon(service.publisher.ready()).await;
        let deps = Deps {
            pool,
            broker,
            topology: topology(),
            keys: service.ring.clone(),
            hosts: HostPolicy::default(),
            file_roots: vec![folder.path().canonicalize().unwrap()],
            limits: LIMITS,
        };
        let worker = tokio::spawn(pinksync_worker::Worker::new(deps, stop.clone()).run());
        let shop = Arc::new(Shop::open(service, folder, records).await);
        let outcome = tokio::spawn(test(shop)).await;
        stop.cancel();
        soon(worker).await.unwrap().unwrap();
        drop(vhost);
        if let Err(failure) = outcome {
            std::panic::resume_unwind(failure.into_panic());
        }
    })
    .await;
}

impl Shop {
    async fn open(service: Arc<Service>, folder: TempDir, records: i64) -> Self {
        let client = service.tenant("acme").await.client;
        let rows = format!(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
             WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {records})
             INSERT INTO customers SELECT id, 'name ' || id, 'city ' || id FROM n"
        );
        let mut shop = Self { _service: service, client, sync: String::new(), folder };
        for side in ["source", "target"] {
            shop.edit(side, &rows);
        }
        let made = shop.client.post("/v1/syncs", &shop.definition()).await.with_status(201);
        shop.sync = made.json()["id"].as_str().unwrap().to_owned();
        let workers = async || shop.client.get("/v1/workers").await.with_status(200).json()["data"].clone();
        eventually(async || workers().await != json!([])).await;
        shop.run().await;
        shop
    }

    fn definition(&self) -> Value {
        json!({
            "name": "shop",
            "direction": "two_way",
            "strategy": "manual",
            "source": {"type": "sqlite", "path": self.path("source")},
            "target": {"type": "sqlite", "path": self.path("target")},
            "datasets": [{"source": "customers", "target": "customers", "key": ["id"]}],
        })
    }

    pub fn path(&self, side: &str) -> PathBuf {
        let folder: &Path = self.folder.path();
        folder.canonicalize().unwrap().join(format!("{side}.db"))
    }

    pub fn edit(&self, side: &str, statements: &str) {
        let file = Connection::open(self.path(side)).unwrap();
        file.busy_timeout(Duration::from_secs(10)).unwrap();
        file.execute_batch(statements).unwrap();
    }

    /// The name of a record, if it is there.
    pub fn name(&self, side: &str, id: i64) -> Option<String> {
        let file = Connection::open(self.path(side)).unwrap();
        let mut query = file.prepare("SELECT name FROM customers WHERE id = ?1").unwrap();
        query.query_map([id], |row| row.get(0)).unwrap().next().map(Result::unwrap)
    }

    /// The names that both sides hold of a record.
    pub fn names(&self, id: i64) -> [Option<String>; 2] {
        [self.name("source", id), self.name("target", id)]
    }

    /// Both sides change the record's name, each in its own way.
    pub fn clash(&self, id: i64) {
        for side in ["source", "target"] {
            self.edit(side, &format!("UPDATE customers SET name = '{side} {id}' WHERE id = {id}"));
        }
    }

    /// A session of the sync, to its end; gives its id.
    pub async fn run(&self) -> String {
        let made = self.client.post("/v1/sessions", &json!({"sync_id": self.sync})).await.with_status(201).json();
        let id = made["id"].as_str().unwrap().to_owned();
        let ended = self.ended(&id).await;
        assert_eq!(ended["status"], "completed", "{ended}");
        id
    }

    /// A session that has ended, after it has.
    pub async fn ended(&self, id: &str) -> Value {
        soon(self.client.get(format!("/v1/sessions/{id}/events"))).await.with_status(200);
        self.client.get(format!("/v1/sessions/{id}")).await.with_status(200).json()
    }

    /// The open conflicts, by the key of their records.
    pub async fn open_conflicts(&self) -> Vec<(i64, String)> {
        let list = self.client.get(format!("/v1/conflicts?sync_id={}&limit=200", self.sync)).await.with_status(200);
        let list = list.json();
        let one = |one: &Value| (one["key"]["id"].as_i64().unwrap(), one["id"].as_str().unwrap().to_owned());
        let mut found: Vec<_> = list["data"].as_array().unwrap().iter().map(one).collect();
        found.sort_unstable();
        found
    }

    pub async fn resolve(&self, conflict: &str, decision: &Value) -> Reply {
        self.client.post(format!("/v1/conflicts/{conflict}/resolve"), decision).await
    }

    /// The same with an `Idempotency-Key`.
    pub async fn resolve_once(&self, conflict: &str, key: &str, decision: &Value) -> Reply {
        let asked = self.client.ask(Method::POST, format!("/v1/conflicts/{conflict}/resolve"));
        asked.header("idempotency-key", key).json(decision).send().await
    }
}
