//! Whole sessions of the built binary over real PostgreSQL and SQLite.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_servers;
mod creating;
mod cut;
mod init;
mod keys;
mod killed;
mod memory;
mod names;
mod pair;
mod postgres_pairs;
mod properties;
mod proxy;
mod relations;
mod support;
mod terms;
mod two_way;
mod types;
mod writers;
