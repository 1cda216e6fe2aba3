//! Keeps sessions within their limits, starts planned ones, and mends what was lost.
#![cfg_attr(test, allow(clippy::unwrap_used))]
