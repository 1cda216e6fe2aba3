//! Whole sessions of the built binary over real PostgreSQL and SQLite.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_servers;
mod cut;
mod keys;
mod killed;
mod memory;
mod pair;
mod postgres_pairs;
mod proxy;
mod relations;
mod support;
mod two_way;
mod types;
mod writers;
