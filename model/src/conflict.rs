//! Conflicts and rejects, as lists print them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{SessionId, Side, UnknownName};

/// What the two sides did to the record; the source's deed comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConflictKind {
    /// Both changed it differently.
    #[serde(rename = "update/update")]
    UpdateUpdate,
    /// The source changed it, the target deleted it.
    #[serde(rename = "update/delete")]
    UpdateDelete,
    /// The source deleted it, the target changed it.
    #[serde(rename = "delete/update")]
    DeleteUpdate,
    /// Both made it, differently.
    #[serde(rename = "create/create")]
    CreateCreate,
    /// Somebody kept changing it while it was being written; the next session decides afresh.
    #[serde(rename = "contended")]
    Contended,
}

impl ConflictKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::UpdateUpdate, Self::UpdateDelete, Self::DeleteUpdate, Self::CreateCreate, Self::Contended];

    /// The spelling in JSON and on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpdateUpdate => "update/update",
            Self::UpdateDelete => "update/delete",
            Self::DeleteUpdate => "delete/update",
            Self::CreateCreate => "create/create",
            Self::Contended => "contended",
        }
    }
}

impl FromStr for ConflictKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        UnknownName::find("kind of conflict", text, Self::ALL, Self::as_str)
    }
}

/// Where a conflict stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictStatus {
    /// Waits for a person.
    Open,
    /// Settled by a strategy or a person.
    Resolved,
    /// Closed because both sides became equal.
    Superseded,
}

impl ConflictStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Resolved, Self::Superseded];

    /// The spelling in JSON and on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Superseded => "superseded",
        }
    }
}

impl FromStr for ConflictStatus {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        UnknownName::find("status of a conflict", text, Self::ALL, Self::as_str)
    }
}

/// A conflict with its three versions and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConflictLine {
    /// The conflict's id, unique within its sync.
    pub id: String,
    /// The session that found it.
    pub session: SessionId,
    /// The dataset, by its name on the source.
    pub dataset: String,
    /// The record's key.
    pub key: Map<String, Value>,
    /// What the two sides did.
    pub kind: ConflictKind,
    /// Where it stands.
    pub status: ConflictStatus,
    /// The record as the base holds it; `null` where the base has none.
    pub base: Option<Map<String, Value>>,
    /// The record on the source; `null` where it is absent.
    pub source: Option<Map<String, Value>>,
    /// The record on the target; `null` where it is absent.
    pub target: Option<Map<String, Value>>,
    /// What was decided.
    pub decision: Option<String>,
    /// The strategy or the person that decided.
    pub decided_by: Option<String>,
    /// When it was found, RFC 3339 UTC.
    pub opened_at: String,
    /// When it was settled, RFC 3339 UTC.
    pub decided_at: Option<String>,
}

/// A record that could not be read or that a side refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RejectLine {
    /// The session that met it.
    pub session: SessionId,
    /// The dataset, by its name on the source.
    pub dataset: String,
    /// The side that could not be read or that refused it.
    pub side: Side,
    /// The record's key, if it could be read.
    pub key: Option<Map<String, Value>>,
    /// Line of the file, counted from 1.
    pub line: Option<u64>,
    /// What the system said.
    pub reason: String,
    /// A stable name that programs may look at, such as `has_dependents`.
    pub code: String,
    /// When, RFC 3339 UTC.
    pub at: String,
}

/// How a person settles a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The source's state stands.
    Source,
    /// The target's state stands.
    Target,
    /// Both sides get a value that the person gives.
    Value,
    /// The record is deleted on both sides.
    Delete,
    /// Both sides stay as they are.
    Skip,
}

impl Choice {
    /// The spelling in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
            Self::Value => "value",
            Self::Delete => "delete",
            Self::Skip => "skip",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_conflict_prints_all_its_fields() {
        let json = json!({"id": "1", "session": "0198c0de-0000-7000-8000-000000000000", "dataset": "customers",
            "key": {"id": 7}, "kind": "update/delete", "status": "open", "base": {"id": 7}, "source": {"id": 7},
            "target": null, "decision": null, "decided_by": null, "opened_at": "2026-01-02T03:04:05Z",
            "decided_at": null});
        let line: ConflictLine = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_string(&line).unwrap(), json.to_string());
    }

    #[test]
    fn kinds_are_spelled_alike_everywhere() {
        use ConflictKind::{Contended, CreateCreate, DeleteUpdate, UpdateDelete, UpdateUpdate};
        for kind in [UpdateUpdate, UpdateDelete, DeleteUpdate, CreateCreate, Contended] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
