//! The REST API over HTTP, against a real metadata database.
#![allow(clippy::unwrap_used)]

mod client;
mod database;
mod document;
mod fixture;
mod https;
mod idempotency;
mod keys;
mod pages;
mod problems;
mod revisions;
mod service;
mod walk;
