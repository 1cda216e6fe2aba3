//! The sync file as a value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BaseKind, Connection, DatasetEntry, Direction, Guards, MergeMode, Mistakes, Options, Strategy};

/// A whole sync: two sides, what is synced between them, and by which rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "PinkCloudSync sync file")]
pub struct SyncDefinition {
    /// What the sync is called; the file's name if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// Which sides are written.
    #[serde(default)]
    pub direction: Direction,
    /// What decides a record that both sides changed differently.
    #[serde(default)]
    pub strategy: Strategy,
    /// Whether a conflict is decided for the whole record or field by field.
    #[serde(default)]
    pub merge: MergeMode,
    /// The side that is read first.
    pub source: Connection,
    /// The side that is always written.
    pub target: Connection,
    /// What is synced, at least one entry.
    #[schemars(length(min = 1))]
    pub datasets: Vec<DatasetEntry>,
    /// Limits that stop a session before it does harm.
    #[serde(default)]
    pub guards: Guards,
    /// How a session goes about its work.
    #[serde(default)]
    pub options: Options,
}

impl SyncDefinition {
    /// What is remembered of a record: what the file says, else values where conflicts may need them
    /// (two_way, `manual`, `merge: field`), else hashes.
    pub fn base_kind(&self) -> BaseKind {
        let values =
            self.direction == Direction::TwoWay || self.strategy == Strategy::Manual || self.merge == MergeMode::Field;
        self.options.base.unwrap_or(if values { BaseKind::Values } else { BaseKind::Hashes })
    }

    /// The JSON Schema of a sync file, for editors and for checking.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(SyncDefinition).to_value()
    }

    /// Reads a sync file (YAML or JSON). `${NAME}` in any text is replaced by what `environment` gives.
    ///
    /// # Errors
    /// All mistakes of the file at once; none of them shows a value that came from `environment`.
    pub fn parse(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<SyncDefinition, Mistakes> {
        crate::parse::parse(text, environment)
    }
}
