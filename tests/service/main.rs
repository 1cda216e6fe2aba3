//! The service end to end: the built binary as API, workers and schedulers over real PostgreSQL and RabbitMQ, asked over
//! REST, and disturbed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../flows/address.rs"]
mod address;
#[path = "../../common/tests/queue/broker.rs"]
#[allow(dead_code, reason = "shared with other test binaries, of which each uses a part")]
mod broker;
#[path = "../../api/tests/rest/client.rs"]
#[allow(dead_code, reason = "shared with other test binaries, of which each uses a part")]
mod client;
mod faults;
mod frozen;
mod health;
mod limits;
mod secrets;
mod sessions;
mod support;
