//! Suites that every connector and every home passes: plain functions, run by the tests of each.

pub mod connector;
pub mod home;
