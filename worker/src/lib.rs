//! Carries out tasks: claims them under fenced leases, runs the engine, settles in PostgreSQL.
//!
//! Read in this order: [`Worker`] assembles, `consume` takes tasks, `execute` carries them out over `begin` (a session as a
//! task works on it) and `home` (what a sync remembers).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod begin;
mod changes;
mod consume;
mod definition;
mod execute;
pub mod home;
mod lease;
mod observer;
mod outcome;
mod request;
mod run;
mod service;
mod systems;
mod validate;

pub use run::{Broken, Deps, Worker};
pub use service::Limits;
