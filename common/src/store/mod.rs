//! The metadata database. One module per table or family of tables, each of plain functions over a client or a
//! transaction; nothing outside of here writes SQL. Every row belongs to an account and every query says so.

pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod base_blocks;
pub mod conflicts;
pub mod connections;
pub mod counters;
pub mod datasets;
pub mod deferred;
mod error;
pub mod events;
pub mod fence;
pub mod idempotency;
pub mod journal;
pub mod leases;
pub mod load;
mod migrate;
pub mod overridden;
pub mod plans;
mod pool;
pub mod prepared;
pub mod rejects;
pub mod reports;
pub mod retention;
pub mod schedules;
pub mod scheduling;
pub mod secrets;
pub mod sessions;
pub mod staged;
pub mod syncs;
pub mod tasks;
pub mod workers;

pub use deadpool_postgres::{Client, GenericClient, Pool, Transaction};
pub use error::{Result, StoreError};
pub use migrate::{Migration, migrate, pending, require_current};
pub use pool::{begin, client, commit, connect, tls};
