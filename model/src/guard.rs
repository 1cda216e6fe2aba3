//! The guards that stop a session before it does harm.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// A guard, as named by `--allow` and in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardName {
    /// More of a dataset would be deleted than `guards.max_delete_percent` allows.
    MaxDeletePercent,
    /// A side from which deletes would be derived is empty.
    EmptySide,
    /// Mapping, key, filter or types differ from those the base was taken under.
    DefinitionChanged,
    /// A side is another host, database or path than the base's.
    DifferentSystem,
    /// A side's fields or types differ from those the base was taken under.
    SchemaDrift,
}

impl GuardName {
    /// All guards.
    pub const ALL: [Self; 5] =
        [Self::MaxDeletePercent, Self::EmptySide, Self::DefinitionChanged, Self::DifferentSystem, Self::SchemaDrift];

    /// The spelling on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxDeletePercent => "max_delete_percent",
            Self::EmptySide => "empty_side",
            Self::DefinitionChanged => "definition_changed",
            Self::DifferentSystem => "different_system",
            Self::SchemaDrift => "schema_drift",
        }
    }
}

impl fmt::Display for GuardName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for GuardName {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        UnknownName::find("guard", text, Self::ALL, Self::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guard_is_read_as_it_is_written() {
        for guard in GuardName::ALL {
            assert_eq!(guard.to_string().parse::<GuardName>().unwrap(), guard);
            assert_eq!(serde_json::to_value(guard).unwrap(), guard.as_str());
        }
    }

    #[test]
    fn an_unknown_guard_names_the_known_ones() {
        let error = "empty".parse::<GuardName>().unwrap_err();
        assert!(error.to_string().contains("empty_side"), "{error}");
    }
}
