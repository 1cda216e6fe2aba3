//! What each test begins with: a service of its own and two systems to keep in agreement.

mod gate;
mod line;
mod pair;
mod process;
mod rest;
mod service;

pub use gate::Gate;
pub use line::Line;
pub use pair::{Pair, digest, fill};
pub use process::Process;
pub use rest::{Rest, count, written};
pub use service::{Service, Setup};
