//! What the processes of the service must agree on: ids, the metadata database, queue messages, settings, secrets,
//! telemetry, shutdown.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod calendar;
pub mod ids;
pub mod queue;
pub mod store;
pub mod time;
