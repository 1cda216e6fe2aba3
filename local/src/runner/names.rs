//! What is stored in a state file, with the names of its fields.

use pinksync_engine::home::{Home, StoredConflict};
use pinksync_engine::{Error, names};
use pinksync_model::{ConflictLine, RejectLine};

pub use names::source_name;

use crate::{StateFile, StoredReject};

/// What the fields of a dataset are called on the source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(names::Names);

impl Names {
    /// From the terms under which the dataset's base was taken; places stand for names where there are none yet.
    pub async fn of(state: &StateFile, dataset: &str) -> Result<Self, Error> {
        Ok(Self(state.terms(dataset).await?.as_ref().map(names::Names::of).unwrap_or_default()))
    }

    /// A conflict as lists print it.
    pub fn conflict(&self, stored: &StoredConflict) -> ConflictLine {
        self.0.conflict(stored)
    }

    /// A reject as lists print it.
    pub fn reject(&self, stored: &StoredReject) -> RejectLine {
        self.0.reject(stored.session, &stored.dataset, &stored.record, &stored.at)
    }
}
