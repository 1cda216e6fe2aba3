//! What the tests of several crates begin with: a database and a virtual host of their own, a client of the REST API, and
//! bounded waiting. Only tests depend on it.
#![allow(clippy::unwrap_used, reason = "it belongs to tests")]

mod address;
mod broker;
mod client;
mod database;
mod waiting;

pub use address::Address;
pub use broker::{OwnBroker, VirtualHost, purge, topology};
pub use client::{Asked, Client, Reply};
pub use database::{Database, Parameters, with_database};
pub use waiting::{eventually, eventually_within, soon};
