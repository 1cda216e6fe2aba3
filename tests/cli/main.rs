//! The binary from outside, over CSV files and SQLite databases: commands, exit codes, guards, bad inputs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_inputs;
mod conflicts;
mod demo;
mod examples;
mod full_disk;
mod guards;
mod init;
mod looking;

mod mappings;
mod moved;
mod names;
mod output;
mod place;
mod plan;
mod question;
mod run;
mod state;
mod texts;
mod undo;
