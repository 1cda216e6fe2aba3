//! Connectors of PinkCloudSync: one folder per system, the same file names in each.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "csv")]
pub mod csv;
#[cfg(any(feature = "csv", feature = "postgres", feature = "sqlite"))]
mod native_key;
pub mod origin;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod registry;
#[cfg(feature = "sqlite")]
pub mod sqlite;
