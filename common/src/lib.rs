//! What the processes of the service must agree on: ids, the metadata database, queue messages, settings, secrets,
//! telemetry, shutdown.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod auth;
pub mod backoff;
pub mod calendar;
pub mod definition;
pub mod dispatch;
pub mod ids;
pub mod queue;
pub mod request;
pub mod sealing;
pub mod settings;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod time;
