//! What the API asks of workers: payloads of tasks, as MessagePack.

use pinksync_model::Choice;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{ConflictId, ConnectionId, SessionId, SyncId};

/// Takes a session's next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Advance {
    /// The step before has just ended: nobody has begun this one.
    pub follows: bool,
}

/// Tests a saved connection, or lists its datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnConnection {
    pub connection: ConnectionId,
    /// Records are to be written there.
    pub writes: bool,
}

/// Looks at both sides of a saved sync without reading records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validate {
    pub sync: SyncId,
    pub revision: i64,
}

/// Carries out a decision on a conflict, in the task's session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolve {
    pub conflict: ConflictId,
    pub choice: Choice,
    pub value: Option<Map<String, Value>>,
    pub decided_by: String,
}

/// Shows what a session wrote: a page of its journal, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    pub session: SessionId,
    /// Journal chunks below this one.
    pub before: Option<i64>,
    /// Records to leave out of the first chunk.
    pub skip: u64,
    pub limit: u64,
}

/// A payload that is not what its task's kind says.
#[derive(Debug, thiserror::Error)]
#[error("the payload of a task is not understood: {0}")]
pub struct BadPayload(String);

/// # Errors
/// The value has a shape that MessagePack cannot hold; ours have none.
pub fn pack(payload: &impl Serialize) -> Result<Vec<u8>, BadPayload> {
    rmp_serde::to_vec_named(payload).map_err(|error| BadPayload(error.to_string()))
}

/// # Errors
/// The bytes are not such a payload.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadPayload> {
    rmp_serde::from_slice(bytes).map_err(|error| BadPayload(error.to_string()))
}
