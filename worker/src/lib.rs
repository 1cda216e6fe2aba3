//! Carries out tasks: claims them under fenced leases, runs the engine, settles in PostgreSQL.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod home;
