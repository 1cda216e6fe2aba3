//! The processes of the service, and what is done to its database: assembled here, built elsewhere.

mod api;
mod health;
mod keys;
mod migrate;
mod rewrap;
mod scheduler;
mod start;
mod up;
mod worker;

pub use api::Api;
pub use health::Health;
pub use keys::Keys;
pub use migrate::Migrate;
pub use scheduler::Scheduler;
pub use up::Up;
pub use worker::Worker;
