//! The REST API of the service: thin, it opens no connection to a customer's system.
#![cfg_attr(test, allow(clippy::unwrap_used))]
