//! The SQLite connector: the suite that every connector passes, and what is SQLite's own.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used)]

#[path = "common/filters.rs"]
mod filters;
#[path = "sqlite/foreign_keys.rs"]
mod foreign_keys;
#[path = "sqlite/harness.rs"]
mod harness;
#[path = "sqlite/locks.rs"]
mod locks;
#[path = "sqlite/filters.rs"]
mod random_filters;
#[path = "sqlite/reading.rs"]
mod reading;
#[path = "sqlite/setup.rs"]
mod setup;
#[path = "sqlite/tables.rs"]
mod tables;
#[path = "sqlite/writing.rs"]
mod writing;

use harness::{Harness, Kind};
use pinksync_engine::conformance::connector;

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_on_a_rollback_journal() {
    connector::all(&Harness::new("DELETE", Kind::Plain)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_on_a_write_ahead_log_with_strict_tables() {
    connector::all(&Harness::new("WAL", Kind::Strict)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_on_tables_without_row_ids() {
    connector::all(&Harness::new("WAL", Kind::WithoutRowid)).await;
}
