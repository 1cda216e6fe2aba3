//! The named choices of a sync file, each a small enum with the spelling the file uses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which sides are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Only the target is written.
    #[default]
    OneWay,
    /// Changes of either side are carried to the other.
    TwoWay,
}

impl Direction {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneWay => "one_way",
            Self::TwoWay => "two_way",
        }
    }
}

/// What decides a record that both sides changed differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Nothing is written; the conflict waits for a person.
    #[default]
    Manual,
    /// The source's state stands.
    SourceWins,
    /// The target's state stands.
    TargetWins,
    /// The side with the later `modified_at` stands.
    NewestWins,
}

impl Strategy {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::SourceWins => "source_wins",
            Self::TargetWins => "target_wins",
            Self::NewestWins => "newest_wins",
        }
    }
}

/// Whether a conflict is decided for the whole record or field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeMode {
    /// Changes on both sides are a conflict of the record.
    #[default]
    Record,
    /// Fields changed on one side only are combined.
    Field,
}

impl MergeMode {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Field => "field",
        }
    }
}

/// What happens to a record that is gone on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deletes {
    /// It is deleted on the other side too.
    #[default]
    Propagate,
    /// It stays on the other side.
    Ignore,
}

impl Deletes {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Propagate => "propagate",
            Self::Ignore => "ignore",
        }
    }
}

/// How much of a dataset a session looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Incremental {
    /// Every record is compared (blocks whose sums are unchanged are skipped).
    #[default]
    Full,
    /// Only records whose `modified_at` moved; deletes are seen by the next full comparison. Not available yet.
    Cursor,
}

impl Incremental {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Cursor => "cursor",
        }
    }
}

/// What is read again after writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// Nothing.
    #[default]
    None,
    /// The records that this session wrote.
    Written,
    /// All records of both sides.
    Full,
}

impl Verify {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Written => "written",
            Self::Full => "full",
        }
    }
}

/// What is remembered of a pair of records between sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BaseKind {
    /// The values themselves, so that fields can be merged and conflicts show what they started from.
    Values,
    /// Two hashes per record: smaller, enough for one direction and a strategy that decides.
    Hashes,
}

impl BaseKind {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Hashes => "hashes",
        }
    }
}

/// Whether a field may lose data between the two columns' types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lossy {
    /// A mapping that would lose data is an error at planning.
    #[default]
    Deny,
    /// The loss is accepted for this field.
    Allow,
}

impl Lossy {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

/// The type of a column of a text file, which has none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Whole numbers.
    Int,
    /// Exact decimal numbers.
    Decimal,
    /// Binary floating-point numbers.
    Float,
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// Days without a time.
    Date,
    /// Instants.
    Timestamp,
    /// JSON values.
    Json,
    /// Binary data.
    Bytes,
}

impl ColumnType {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Decimal => "decimal",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Text => "text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Json => "json",
            Self::Bytes => "bytes",
        }
    }
}
