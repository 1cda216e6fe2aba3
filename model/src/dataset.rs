//! What is synced: tables or files, their key, their fields and the rules for each.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{ColumnType, Deletes, Filter, Lossy, Strategy};

/// One entry of `datasets`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "a file has few entries, and most are definitions")]
pub enum DatasetEntry {
    /// A name, or a pattern such as `public.*` that stands for all tables with a key.
    Pattern(#[schemars(length(min = 1))] String),
    /// A dataset with its rules.
    Definition(DatasetDefinition),
}

/// A pair of datasets and the rules for its records. Field names are the source's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DatasetDefinition {
    /// Name on the source; may be left out where the source is one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub source: Option<String>,
    /// Name on the target; the source's name if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub target: Option<String>,
    /// Fields that identify a record; the source's declared primary key if empty.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub key: Vec<String>,
    /// The field that tells when a record was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<ModifiedAt>,
    /// Renames and rules per field; all other fields of the same name are synced too.
    pub fields: IndexMap<String, FieldRule>,
    /// Fields that are not synced.
    pub exclude: Vec<String>,
    /// Which records are in scope, on both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// What happens to a record that is gone on one side.
    pub deletes: Deletes,
    /// Whether records that the source never had are deleted from the target (one_way only).
    pub mirror: bool,
    /// Whether a missing target dataset is created from the source's schema.
    pub create_target: bool,
    /// Types of the columns of a text file.
    pub types: IndexMap<String, ColumnType>,
}

/// The name of the field that tells when a record was last changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum ModifiedAt {
    /// The same name on both sides.
    Same(#[schemars(length(min = 1))] String),
    /// A name for each side.
    PerSide {
        /// Name on the source.
        source: String,
        /// Name on the target.
        target: String,
    },
}

impl ModifiedAt {
    /// The field's name on the source.
    pub fn source(&self) -> &str {
        match self {
            Self::Same(name) => name,
            Self::PerSide { source, .. } => source,
        }
    }

    /// The field's name on the target, where it is said; a rename in `fields` is not looked at.
    pub fn target(&self) -> &str {
        match self {
            Self::Same(name) => name,
            Self::PerSide { target, .. } => target,
        }
    }
}

/// What holds for one field; a bare text in the file is the rename.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(from = "FieldRuleForm")]
pub struct FieldRule {
    /// The field's name on the target; the same name if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Whether the pair of types may lose data.
    pub lossy: Lossy,
    /// What decides this field under `merge: field`; the sync's strategy if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
}

/// The two ways of writing a [`FieldRule`].
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
#[schemars(rename = "FieldRule")]
enum FieldRuleForm {
    /// The field's name on the target.
    Rename(#[schemars(length(min = 1))] String),
    /// A rule in full.
    Rule {
        /// The field's name on the target; the same name if left out.
        #[serde(default)]
        #[schemars(length(min = 1))]
        to: Option<String>,
        /// Whether the pair of types may lose data.
        #[serde(default)]
        lossy: Lossy,
        /// What decides this field under `merge: field`; the sync's strategy if left out.
        #[serde(default)]
        strategy: Option<Strategy>,
    },
}

impl From<FieldRuleForm> for FieldRule {
    fn from(form: FieldRuleForm) -> Self {
        match form {
            FieldRuleForm::Rename(name) => Self { to: Some(name), ..Self::default() },
            FieldRuleForm::Rule { to, lossy, strategy } => Self { to, lossy, strategy },
        }
    }
}

/// One name or a list of names.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    /// One name.
    One(#[schemars(length(min = 1))] String),
    /// Several names.
    Many(Vec<String>),
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(name) => vec![name],
        OneOrMany::Many(names) => names,
    })
}
