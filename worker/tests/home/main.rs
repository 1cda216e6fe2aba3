//! The PostgreSQL home over a real server, which `PINKSYNC_TEST_POSTGRES_URL` names (`./dev test` starts one).
#![allow(clippy::unwrap_used)]

mod answers;
mod database;
mod fence;
mod made;
mod staging;
mod suite;
mod together;
mod view;
