//! The one-process home of a sync: its state file ([`StateFile`]) and the sorted runs staged beside it.
//!
//! A state file is one SQLite database. The process that writes it holds a lock that dies with it; any
//! other may read meanwhile.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod runner;
mod staging;
mod state;

pub use state::{Holder, StateError, StateFile, StoredReject, StoredSession};
