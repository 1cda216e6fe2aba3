//! A saved plan: per change what it expects to find, under a fingerprint of definition and base.
//!
//! Deciding is a pure function of base, source, target and rules; a plan therefore needs to keep only which keys, and
//! which hashes they had on either side and in the base. `run --plan` decides those keys anew and carries out only what still has these hashes.

use std::collections::HashMap;

use pinksync_model::SessionId;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::row::Hash;
use crate::segment::Expected;

/// Version of the file's form.
const VERSION: u32 = 3;
/// What a plan's file begins with.
const HEADER: &[u8] = b"pinksync plan\n";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedPlan {
    version: u32,
    /// Tells it from every other plan, those that say the same too: it is carried out once.
    pub id: SessionId,
    /// By dataset: of everything that decides, as it was when the plan was made.
    pub fingerprints: HashMap<String, Hash>,
    /// By dataset: how many records the source and the target have. The guards on deletes judge by it, since a planned
    /// session reads only what it changes.
    pub present: HashMap<String, (u64, u64)>,
    changes: HashMap<String, Vec<(Key, Expected)>>,
}

impl SavedPlan {
    /// A plan without changes. `id`: of the session that makes it.
    pub fn new(id: SessionId) -> Self {
        let (fingerprints, present, changes) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { version: VERSION, id, fingerprints, present, changes }
    }

    pub fn add(&mut self, dataset: &str, key: Key, expected: Expected) {
        self.changes.entry(dataset.to_owned()).or_default().push((key, expected));
    }

    /// What the plan expects of a dataset, by key.
    pub fn expected(&self, dataset: &str) -> HashMap<Key, Expected> {
        self.changes.get(dataset).into_iter().flatten().cloned().collect()
    }

    /// Refuses a plan that was made under another definition of a dataset.
    pub fn check(&self, dataset: &str, fingerprint: Hash) -> Result<()> {
        match self.fingerprints.get(dataset) {
            Some(made_under) if *made_under == fingerprint => Ok(()),
            Some(_) => Err(damaged(&format!("{dataset}: the sync file or a schema has changed since it was made"))),
            None => Err(damaged(&format!("it knows nothing of {dataset}"))),
        }
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = rmp_serde::to_vec(self).map_err(|error| damaged(&error.to_string()))?;
        let packed = zstd::bulk::compress(&bytes, 3).map_err(|error| damaged(&error.to_string()))?;
        Ok([HEADER, &packed].concat())
    }

    /// Whether a file that begins so is empty or a plan.
    pub fn begins(beginning: &[u8]) -> bool {
        beginning.is_empty() || beginning.starts_with(HEADER)
    }

    /// Reads a plan back; another version or a damaged file is an error of kind `Definition`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let packed = bytes.strip_prefix(HEADER).ok_or_else(|| damaged("it is no plan"))?;
        let bytes = zstd::stream::decode_all(packed).map_err(|error| damaged(&error.to_string()))?;
        let plan: Self = rmp_serde::from_slice(&bytes).map_err(|error| damaged(&error.to_string()))?;
        if plan.version != VERSION {
            return Err(damaged(&format!("it has version {}, this program reads {VERSION}", plan.version)));
        }
        Ok(plan)
    }
}

fn damaged(reason: &str) -> Error {
    Error::new(ErrorKind::Definition, "read the plan", reason.to_owned())
        .with_remedy("make it again with `pinksync plan FILE --save PLAN`")
}
