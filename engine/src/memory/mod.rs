//! Systems and a home that live in memory, for tests: deterministic and quick, with the semantics of real ones.
//!
//! [`MemorySystem`] plays a database, an unordered source or a file, by its [`Flavour`]: snapshots, locks, triggers,
//! constraints, unreadable records, and edits by somebody else at a chosen moment. [`MemoryHome`] is a whole home.
//! [`Faults`] ends the process at a chosen effect, over these or any other system and home.

mod constraints;
mod dataset;
mod faults;
mod flavour;
mod hold;
mod home;
mod home_state;
mod hooks;
mod run;
mod schema;
mod settle;
mod state;
mod system;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod triggers;
mod view;
mod write;

pub use constraints::OnDelete;
pub use faults::{Faults, Point};
pub use flavour::Flavour;
pub use home::MemoryHome;
pub use hooks::Moment;
pub use schema::{column, required, schema};
pub use system::MemorySystem;
pub use triggers::{Check, Transform, at_most, round, trim, upper_case};
