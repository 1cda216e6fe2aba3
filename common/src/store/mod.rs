//! The metadata database. One module per table or family of tables, each of plain functions over a client or a
//! transaction; nothing outside of here writes SQL. Every row belongs to an account and every query says so.

pub mod base_blocks;
pub mod conflicts;
pub mod counters;
pub mod datasets;
pub mod deferred;
mod error;
pub mod fence;
pub mod journal;
mod migrate;
pub mod overridden;
mod pool;
pub mod prepared;
pub mod rejects;
pub mod staged;

pub use deadpool_postgres::{GenericClient, Pool, Transaction};
pub use error::{Result, StoreError};
pub use migrate::{Migration, migrate, pending, require_current};
pub use pool::{connect, tls};
