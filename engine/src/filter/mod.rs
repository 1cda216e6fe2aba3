//! Filters over mapped fields: resolved against a mapping, evaluated by the engine, pushed down by connectors.

mod like;
mod resolve;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use pinksync_model::Op;

use crate::row::SideColumn;
use crate::value::Value;

/// A resolved filter. Values are in the field's common form.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    /// `column` is an index into the spec's columns. NULL compares as unknown, as in SQL.
    Compare {
        column: usize,
        op: Op,
        value: Value,
    },
    In {
        column: usize,
        values: Vec<Value>,
    },
    /// `%` any run of characters, `_` any one; `\` escapes. Case counts.
    Like {
        column: usize,
        pattern: String,
    },
    IsNull {
        column: usize,
        negated: bool,
    },
}

/// What of a filter does not go with the mapped fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FilterError {
    pub field: String,
    /// Names the field.
    pub reason: String,
}

impl Filter {
    /// Finds the fields of a filter among the columns of the source, and takes its values to their common types.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn resolve(filter: &pinksync_model::Filter, columns: &[SideColumn]) -> Result<Self, Vec<FilterError>> {
        let mut mistakes = Vec::new();
        match resolve::resolve(filter, columns, &mut mistakes) {
            Some(resolved) if mistakes.is_empty() => Ok(resolved),
            _ => Err(mistakes),
        }
    }

    /// Whether a record (its fields in common form) is in scope. Unknown, as every comparison with NULL is, is not.
    pub fn matches(&self, values: &[Value]) -> bool {
        self.holds(values) == Some(true)
    }

    /// Three-valued: `None` is unknown.
    fn holds(&self, values: &[Value]) -> Option<bool> {
        match self {
            Self::All(parts) => combine(parts, values, false),
            Self::Any(parts) => combine(parts, values, true),
            Self::Not(part) => part.holds(values).map(|holds| !holds),
            Self::Compare { column, op, value } => compare(present(values, *column)?, *op, value),
            Self::In { values: list, .. } if list.is_empty() => Some(false),
            Self::In { column, values: list } => {
                let value = present(values, *column)?;
                Some(list.iter().any(|one| compare(value, Op::Eq, one) == Some(true)))
            }
            Self::Like { column, pattern } => match present(values, *column)? {
                Value::Text(text) => Some(like::matches(pattern, text)),
                _ => None,
            },
            Self::IsNull { column, negated } => Some(values.get(*column).is_none_or(Value::is_null) != *negated),
        }
    }
}

fn present(values: &[Value], column: usize) -> Option<&Value> {
    values.get(column).filter(|value| !value.is_null())
}

/// `any` (decisive true) and `all` (decisive false): one decisive part decides, else one unknown part makes it unknown.
fn combine(parts: &[Filter], values: &[Value], decisive: bool) -> Option<bool> {
    let mut result = Some(!decisive);
    for part in parts {
        match part.holds(values) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

/// A value that is not NULL against one of the filter; JSON has equality and no order.
fn compare(value: &Value, op: Op, with: &Value) -> Option<bool> {
    if let (Value::Json(_), Value::Json(_)) = (value, with) {
        return match op {
            Op::Eq => Some(value.same(with)),
            Op::Ne => Some(!value.same(with)),
            _ => None,
        };
    }
    let order = value.compare(with)?;
    match op {
        Op::Eq => Some(order == Ordering::Equal),
        Op::Ne => Some(order != Ordering::Equal),
        Op::Lt => Some(order == Ordering::Less),
        Op::Le => Some(order != Ordering::Greater),
        Op::Gt => Some(order == Ordering::Greater),
        Op::Ge => Some(order != Ordering::Less),
        Op::In | Op::Like | Op::IsNull => None,
    }
}
