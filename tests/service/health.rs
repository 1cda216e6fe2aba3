//! How a process is, and where it says so.

use pinksync_test_support::{Client, eventually};
use serde_json::json;

use crate::support::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_on_any_free_port_says_which_one_that_is_and_how_it_finds_database_and_queue() {
    let mut service = Setup::new().workers(0).schedulers(0).start().await;
    for role in ["api", "scheduler", "worker"] {
        let amqp = service.amqp.clone();
        let process = service.spawn(role, &amqp);
        eventually(async || process.base().is_some()).await;
        let client = Client::new(&process.base().unwrap());
        let well = json!({"status": "ok", "database": "ok", "queue": "ok"});
        eventually(async || {
            let ready = client.get("/readyz").await;
            ready.status == 200 && ready.json() == well
        })
        .await;
    }
}
