//! Synchronisation logic of PinkCloudSync: records, base, decisions, segments, undo.
//!
//! Knows no database, no queue and no HTTP. Systems are reached through [`connector`], what a sync
//! remembers through [`home`]. The flow of a session is read from [`session`] downwards.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod base;
pub mod codec;
pub mod compression;
pub mod conformance;
pub mod connector;
pub mod decide;
pub mod error;
pub mod filter;
pub mod home;
pub mod json;
pub mod key;
pub mod mapping;
pub mod memory;
pub mod names;
pub mod naming;
pub mod pace;
pub mod pair;
pub mod recover;
pub mod reduce;
pub mod resolve;
mod retry;
pub mod row;
pub mod saved_plan;
pub mod schema;
mod scratch;
pub mod segment;
pub mod session;
pub mod stored;
pub mod survey;
pub mod time;
pub mod undo;
pub mod value;

pub use error::{Error, ErrorKind, Result};
pub use key::{Key, KeyRange};
pub use row::{Hash, Row};
pub use value::{Value, Values};
