//! The REST API over HTTP, against a real metadata database.
#![allow(clippy::unwrap_used)]

#[path = "../../../common/tests/queue/broker.rs"]
#[allow(dead_code, reason = "shared with other test binaries, of which each uses a part")]
mod broker;
mod bulk;
mod client;
mod database;
mod decisions;
mod document;
mod events;
mod fixture;
mod https;
mod idempotency;
mod keys;
mod pages;
mod parts;
mod problems;
mod queue;
mod reach;
mod revisions;
mod service;
mod shop;
mod support;
mod walk;
