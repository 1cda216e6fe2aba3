//! The REST API over HTTP, against a real metadata database.
#![allow(clippy::unwrap_used)]

mod bulk;
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
mod walk;
