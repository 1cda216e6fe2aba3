//! What processes tell of themselves: log lines and metrics.

mod log;
mod metrics;

pub use log::{AlreadyLogging, start_log};
pub use metrics::{AlreadyMeasuring, Metrics, names};
