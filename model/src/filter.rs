//! Which records are in scope: a structured condition over source fields.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A condition on a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "FilterForm", into = "FilterForm")]
pub enum Filter {
    /// Every part holds; an empty list always holds.
    All(Vec<Filter>),
    /// At least one part holds; an empty list never does.
    Any(Vec<Filter>),
    /// The part does not hold.
    Not(Box<Filter>),
    /// A field compares to a value.
    Compare {
        /// The field's name on the source.
        field: String,
        /// How it is compared.
        op: Op,
        /// A list for `in`, text for `like`, a bool for `is_null` (true if left out), else a scalar.
        value: Value,
    },
}

/// How a field is compared. Comparing with NULL holds for `is_null` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Equal to one of a list.
    In,
    /// Matches a pattern with `%` for any text and `_` for one character.
    Like,
    /// Is NULL (value true) or is not (value false).
    IsNull,
}

impl Op {
    /// The spelling in a sync file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::In => "in",
            Self::Like => "like",
            Self::IsNull => "is_null",
        }
    }
}

/// How a [`Filter`] is written in the file.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
#[schemars(rename = "Filter")]
enum FilterForm {
    /// Every part holds.
    All { all: Vec<Filter> },
    /// At least one part holds.
    Any { any: Vec<Filter> },
    /// The part does not hold.
    Not { not: Box<Filter> },
    /// A field compares to a value.
    Compare {
        /// The field's name on the source.
        #[schemars(length(min = 1))]
        field: String,
        /// How it is compared.
        op: Op,
        /// A list for `in`, text for `like`, a bool for `is_null` (true if left out), else a scalar.
        #[serde(default)]
        value: Value,
    },
}

/// As a condition is read aloud: `active eq true and not (city is null)`.
impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) if !parts.is_empty() => out.write_str(&joined(parts, " and ")),
            Self::All(_) => out.write_str("all of ()"),
            Self::Any(parts) if !parts.is_empty() => write!(out, "({})", joined(parts, " or ")),
            Self::Any(_) => out.write_str("any of ()"),
            Self::Not(part) => write!(out, "not ({part})"),
            Self::Compare { field, op: Op::IsNull, value: Value::Bool(false) } => write!(out, "{field} is not null"),
            Self::Compare { field, op: Op::IsNull, .. } => write!(out, "{field} is null"),
            Self::Compare { field, op, value } => write!(out, "{field} {} {value}", op.as_str()),
        }
    }
}

fn joined(parts: &[Filter], word: &str) -> String {
    parts.iter().map(Filter::to_string).collect::<Vec<_>>().join(word)
}

impl From<FilterForm> for Filter {
    fn from(form: FilterForm) -> Self {
        match form {
            FilterForm::All { all } => Self::All(all),
            FilterForm::Any { any } => Self::Any(any),
            FilterForm::Not { not } => Self::Not(not),
            FilterForm::Compare { field, op: Op::IsNull, value: Value::Null } => {
                Self::Compare { field, op: Op::IsNull, value: Value::Bool(true) }
            }
            FilterForm::Compare { field, op, value } => Self::Compare { field, op, value },
        }
    }
}

impl From<Filter> for FilterForm {
    fn from(filter: Filter) -> Self {
        match filter {
            Filter::All(all) => Self::All { all },
            Filter::Any(any) => Self::Any { any },
            Filter::Not(not) => Self::Not { not },
            Filter::Compare { field, op, value } => Self::Compare { field, op, value },
        }
    }
}
