//! The connectors' suite against systems in memory, every flavour of them, and against broken ones.
#![allow(clippy::unwrap_used)]

mod harness;
mod sabotage;

use harness::MemoryHarness;
use pinksync_engine::conformance::connector;
use pinksync_engine::memory::Flavour;
use sabotage::{Sabotage, Sabotaged};

#[tokio::test]
async fn a_database_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::DATABASE)).await;
}

#[tokio::test]
async fn a_database_that_locks_and_compares_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::LOCKING)).await;
}

#[tokio::test]
async fn an_unordered_database_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::UNORDERED)).await;
}

#[tokio::test]
async fn a_file_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::FILE)).await;
}

#[tokio::test]
async fn a_file_of_nothing_but_text_passes_the_suite() {
    connector::all(&MemoryHarness::text_only(Flavour::FILE)).await;
}

#[tokio::test]
async fn a_database_of_nothing_but_text_passes_the_suite() {
    connector::all(&MemoryHarness::text_only(Flavour::DATABASE)).await;
}

#[tokio::test]
async fn an_api_passes_the_suite() {
    connector::all(&MemoryHarness::new(Flavour::API)).await;
}

#[tokio::test]
async fn the_suite_notices_each_sabotage() {
    connector::all(&Sabotaged(MemoryHarness::new(Flavour::LOCKING), Sabotage::None)).await;
    for sabotage in Sabotage::ALL {
        let harness = Sabotaged(MemoryHarness::new(Flavour::LOCKING), sabotage);
        let ended = tokio::spawn(async move { connector::all(&harness).await }).await;
        let panicked = ended.expect_err(&format!("{sabotage:?} went unnoticed")).into_panic();
        let message = panicked.downcast_ref::<String>().expect("a message");
        let topics = ["read: ", "write: ", "guard: ", "refusal: ", "sums: ", "faults: "];
        assert!(topics.iter().any(|topic| message.contains(topic)), "{sabotage:?}: no topic is named: {message}");
    }
}
