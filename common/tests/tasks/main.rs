//! Which tasks may be taken, against a real metadata database.
#![allow(clippy::unwrap_used)]

mod room;
