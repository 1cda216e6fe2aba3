//! The one message: a wake-up for a task. What the task is stands in PostgreSQL.

use serde::{Deserialize, Serialize};

use super::{QueueError, Result};
use crate::ids::TaskId;

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// A wake-up: this task may be ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    pub task: TaskId,
    /// The W3C `traceparent` of the request that led to the task.
    pub trace: Option<String>,
}

/// A map with named fields, so that a later version can be told apart whatever else it holds.
#[derive(Serialize, Deserialize)]
struct Written {
    v: u64,
    task: TaskId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    v: u64,
}

impl Wake {
    /// A wake-up that belongs to no trace.
    pub fn of(task: TaskId) -> Self {
        Self { task, trace: None }
    }

    /// As MessagePack.
    ///
    /// # Errors
    /// Only if MessagePack cannot say it, which does not happen.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let written = Written { v: VERSION, task: self.task, trace: self.trace.clone() };
        rmp_serde::to_vec_named(&written).map_err(QueueError::Unwritable)
    }

    /// # Errors
    /// The version is not known here, or the bytes are no message.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let Version { v } = rmp_serde::from_slice(bytes).map_err(QueueError::Unreadable)?;
        if v != VERSION {
            return Err(QueueError::UnknownVersion(v));
        }
        let Written { task, trace, .. } = rmp_serde::from_slice(bytes).map_err(QueueError::Unreadable)?;
        Ok(Self { task, trace })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_is_read_as_it_was_written() {
        for trace in [None, Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned())] {
            let wake = Wake { task: TaskId::new(), trace };
            assert_eq!(Wake::decode(&wake.encode().unwrap()).unwrap(), wake);
        }
    }

    #[test]
    fn a_later_version_is_told_apart_from_rubbish() {
        let later = rmp_serde::to_vec_named(&serde_json::json!({"v": 2, "tasks": ["…"], "more": {"a": 1}})).unwrap();
        assert!(matches!(Wake::decode(&later), Err(QueueError::UnknownVersion(2))));
        for rubbish in [&b""[..], b"{}", b"\x80", b"\xc1\xc1", b"\x81\xa1v\x01", b"\x81\xa1v\xff"] {
            assert!(matches!(Wake::decode(rubbish), Err(QueueError::Unreadable(_))), "{rubbish:?}");
        }
    }
}
