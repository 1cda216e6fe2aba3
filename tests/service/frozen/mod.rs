//! A worker stands still in the middle of its work, longer than its lease; others go on, somebody changes the source back,
//! and then it awakes: nothing that it still does may have an effect.

mod files;
mod postgres;

use pinksync_test_support::eventually;
use serde_json::Value;

use crate::support::{Gate, Service, Setup, written};

/// A service with one worker, which will be the frozen one.
async fn service() -> Service {
    Setup::new().start().await
}

/// Submits a session whose worker comes to the gate and is frozen there, for the broker as if its machine were gone.
async fn freeze_at(service: &Service, gate: &Gate, definition: &Value) -> String {
    let session = service.rest.submit(definition).await;
    gate.reached().await;
    service.workers[0].process.freeze().await;
    service.workers[0].line.cut();
    session
}

/// Waits until the frozen worker's lease is taken from it.
async fn taken_over(service: &Service) {
    let ousted = "SELECT count(*) > 0 FROM tasks WHERE generation > 1";
    eventually(async || service.metadata.value(ousted, &[]).await).await;
}

/// Lets the frozen worker go on, and waits until it has seen that its task is not its own any more.
async fn thaw(service: &Service) {
    let frozen = &service.workers[0];
    assert!(!frozen.process.log().contains("the lease was lost"));
    frozen.process.thaw();
    frozen.line.mend();
    eventually(async || frozen.process.log().contains("the lease was lost")).await;
}

/// A session that the thawed worker carries out alone finds nothing to do, and nothing is left half done.
async fn assert_settled(service: &mut Service, definition: &Value) {
    for worker in service.workers.drain(1..) {
        drop(worker);
    }
    let session = service.rest.complete(definition).await;
    assert_eq!(written(&session), [[0; 3]; 2], "{session}");
    assert_eq!(service.pending_chunks().await, 0);
}
