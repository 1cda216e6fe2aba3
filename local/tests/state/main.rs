//! State files: opening and locking, the book of sessions, conflicts, rejects.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod conflicts;
mod opening;
mod rejects;
mod sessions;
mod undoing;
