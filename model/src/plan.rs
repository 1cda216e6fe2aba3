//! What a session would do, one line per change.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// One of the two sides of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The side under `source:`.
    Source,
    /// The side under `target:`.
    Target,
}

impl Side {
    /// The side across.
    pub fn other(self) -> Self {
        match self {
            Self::Source => Self::Target,
            Self::Target => Self::Source,
        }
    }

    /// The spelling in JSON and on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What is done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanAction {
    /// It is made on a side that lacks it.
    Create,
    /// Some of its fields are set.
    Update,
    /// It is removed.
    Delete,
    /// Nothing: it waits for a person.
    Conflict,
}

impl PlanAction {
    /// The spelling in JSON and on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Conflict => "conflict",
        }
    }
}

/// One change of a plan, or one conflict that stays open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanLine {
    /// The dataset, by its name on the source.
    pub dataset: String,
    /// The record's key.
    pub key: Map<String, Value>,
    /// What is done.
    pub action: PlanAction,
    /// The side that is written; none for a conflict.
    #[serde(default)]
    pub to: Option<Side>,
    /// The fields that differ, by their source names.
    #[serde(default)]
    pub fields: IndexMap<String, FieldChange>,
    /// Why: the rule or the strategy that decided.
    pub decision: String,
}

/// One field in its three versions: not there at all (`None`), NULL (`Some(Value::Null)`) or a value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FieldChange {
    /// What the base holds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub base: Option<Value>,
    /// What the source holds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub source: Option<Value>,
    /// What the target holds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub target: Option<Value>,
}

/// Reads what is there, so that `null` stays apart from a missing entry.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The first line of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanHeader {
    /// Version of the lines' shape.
    pub version: u32,
}

impl Default for PlanHeader {
    fn default() -> Self {
        Self { version: 1 }
    }
}

/// How many lines of each action a plan has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanSummary {
    /// Records to be made.
    pub create: u64,
    /// Records to be changed.
    pub update: u64,
    /// Records to be removed.
    pub delete: u64,
    /// Conflicts that would stay open.
    pub conflict: u64,
}

impl PlanSummary {
    /// Counts one more line.
    pub fn count(&mut self, action: PlanAction) {
        match action {
            PlanAction::Create => self.create += 1,
            PlanAction::Update => self.update += 1,
            PlanAction::Delete => self.delete += 1,
            PlanAction::Conflict => self.conflict += 1,
        }
    }

    /// Whether the plan writes nothing and leaves no conflict open.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A line of `plan -o json`: `{"version": 1}` first, then the changes, last `{"summary": …}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOutput {
    /// The last line.
    Summary(PlanSummary),
    /// The first line.
    #[serde(untagged)]
    Header(PlanHeader),
    /// A line in between.
    #[serde(untagged)]
    Line(PlanLine),
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_look_as_the_contract_says_and_are_read_back() {
        let line = json!({"dataset": "customers", "key": {"id": 7}, "action": "update", "to": "target",
            "fields": {"email": {"base": null, "source": "a@b", "target": null}, "note": {"source": "x"}},
            "decision": "source_wins"});
        let summary = json!({"summary": {"create": 1, "update": 2, "delete": 0, "conflict": 3}});
        for json in [json!({"version": 1}), line, summary] {
            let output: PlanOutput = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(serde_json::to_value(&output).unwrap(), json);
        }
        let header = PlanOutput::Header(PlanHeader::default());
        assert_eq!(serde_json::to_value(header).unwrap(), json!({"version": 1}));
    }

    #[test]
    fn null_and_missing_stay_two_things() {
        let change: FieldChange = serde_json::from_value(json!({"base": null, "source": 1})).unwrap();
        assert_eq!(change, FieldChange { base: Some(Value::Null), source: Some(1.into()), target: None });
        assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"base":null,"source":1}"#);
    }

    #[test]
    fn a_summary_counts_lines() {
        let mut summary = PlanSummary::default();
        assert!(summary.is_empty());
        for action in [PlanAction::Create, PlanAction::Create, PlanAction::Conflict] {
            summary.count(action);
        }
        assert_eq!(summary, PlanSummary { create: 2, conflict: 1, ..PlanSummary::default() });
        assert!(!summary.is_empty());
    }
}
