//! Whole sessions of the built binary over real PostgreSQL and SQLite.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_servers;
mod keys;
mod killed;
mod memory;
mod names;
mod postgres_pairs;
mod relations;
mod support;
mod two_way;
mod types;
mod writers;
