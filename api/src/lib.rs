//! The REST API of the service: thin, it opens no connection to a customer's system.
//!
//! A request passes, from outside to inside: `request_id` (id, problems, headers, metrics), a guard against panics, a time
//! limit, `access` (token, rate limit, permission), and comes to a handler in `routes`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod answer;
mod app;
mod ask;
mod change;
mod definition;
mod docs;
mod etag;
mod follow;
mod health;
mod input;
mod limit;
mod negotiate;
mod openapi;
mod page;
mod problem;
mod request_id;
mod routes;
mod run;
mod serve;

pub use app::{AssemblyError, Metrics, Parts, document, router};
pub use health::{Needs, QueueState, serve_health};
pub use limit::RateLimit;
pub use problem::Code;
pub use run::{RunError, run};
pub use serve::{ServeError, serve};
