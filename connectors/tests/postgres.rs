//! The PostgreSQL connector: the suite that every connector passes, and what is PostgreSQL's own.
//!
//! `PINKSYNC_TEST_POSTGRES_URL` names a server and its superuser; `./dev test` starts one.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used)]

#[path = "postgres/connecting.rs"]
mod connecting;
#[path = "postgres/deleting.rs"]
mod deleting;
#[path = "common/filters.rs"]
mod filters;
#[path = "postgres/guards.rs"]
mod guards;
#[path = "postgres/harness.rs"]
mod harness;
#[path = "postgres/filters.rs"]
mod random_filters;
#[path = "postgres/reading.rs"]
mod reading;
#[path = "postgres/setup.rs"]
mod setup;
#[path = "postgres/sums.rs"]
mod sums;
#[path = "postgres/tables.rs"]
mod tables;
#[path = "postgres/types.rs"]
mod types;
#[path = "postgres/writing.rs"]
mod writing;

use harness::Harness;
use pinksync_engine::conformance::connector;

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes() {
    connector::all(&Harness::new("pinksync_suite", false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_on_partitioned_tables() {
    connector::all(&Harness::new("pinksync_suite_parts", true).await).await;
}
