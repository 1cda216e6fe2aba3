//! What guards the service, against a real metadata database.
#![allow(clippy::unwrap_used)]

mod keys;
mod revocation;
