//! The `guards` and `options` of a sync file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BaseKind, HumanDuration, Incremental, Verify};

/// Limits that stop a session before it does harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// Largest share of a dataset's records that one session may delete, in percent.
    #[schemars(range(min = 0, max = 100))]
    pub max_delete_percent: f64,
}

impl Default for Guards {
    fn default() -> Self {
        Self { max_delete_percent: 50.0 }
    }
}

/// How a session goes about its work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Records per batch, 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    pub batch_size: u32,
    /// How much of a dataset a session looks at.
    pub incremental: Incremental,
    /// How often an incremental sync compares everything. Has no effect yet: every session compares everything.
    pub full_every: Option<HumanDuration>,
    /// What is read again after writing.
    pub verify: Verify,
    /// Two `modified_at` closer than this are not told apart.
    pub clock_tolerance: HumanDuration,
    /// Most records that are read from and written to a side per second, each side by itself; unlimited if left out.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub records_per_second: Option<u32>,
    /// What is remembered of a record; values if left out and conflicts may need them, else hashes.
    pub base: Option<BaseKind>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch_size: 1000,
            incremental: Incremental::default(),
            full_every: None,
            verify: Verify::default(),
            clock_tolerance: HumanDuration::ZERO,
            records_per_second: None,
            base: None,
        }
    }
}
