//! The service end to end: the built binary as API, workers and schedulers over real PostgreSQL and RabbitMQ, asked over
//! REST, and disturbed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod frozen;
mod health;
mod limits;
mod secrets;
mod sessions;
mod support;
