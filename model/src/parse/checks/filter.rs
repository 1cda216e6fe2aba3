//! Rules for filters: depth, and which value goes with which operator.

use serde_json::Value;

use crate::parse::{Gathered, Place};
use crate::{Filter, Op};

/// Most levels of a filter, a single comparison being one.
const MAX_DEPTH: usize = 32;

/// Checks the filter at `place`.
pub(super) fn check(filter: &Filter, place: &Place, found: &mut Gathered<'_>) {
    let depth = depth(filter);
    if depth > MAX_DEPTH {
        let message = format!("the filter is {depth} levels deep, at most {MAX_DEPTH} are allowed");
        found.add(place, message, "flatten it: `all` and `any` take any number of parts");
    }
    check_values(filter, place, found);
}

fn depth(filter: &Filter) -> usize {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => 1 + parts.iter().map(depth).max().unwrap_or_default(),
        Filter::Not(part) => 1 + depth(part),
        Filter::Compare { .. } => 1,
    }
}

fn check_values(filter: &Filter, place: &Place, found: &mut Gathered<'_>) {
    match filter {
        Filter::All(parts) => check_parts(parts, &place.field("all"), found),
        Filter::Any(parts) => check_parts(parts, &place.field("any"), found),
        Filter::Not(part) => check_values(part, &place.field("not"), found),
        Filter::Compare { op, value, .. } => check_value(*op, value, &place.field("value"), found),
    }
}

fn check_parts(parts: &[Filter], place: &Place, found: &mut Gathered<'_>) {
    for (index, part) in parts.iter().enumerate() {
        check_values(part, &place.index(index), found);
    }
}

fn check_value(op: Op, value: &Value, place: &Place, found: &mut Gathered<'_>) {
    const USE_IS_NULL: &str = "nothing equals NULL: write `op: is_null`, with `value: false` for its opposite";
    let name = op.as_str();
    match (op, value) {
        (Op::IsNull, Value::Bool(_)) | (Op::Like, Value::String(_)) => {}
        (Op::IsNull, _) => {
            found.add(place, "`is_null` takes true or false", "write true or false, or leave `value` out")
        }
        (Op::Like, Value::Null) => {
            found.add(place, "`like` has no pattern", "write `value: \"A%\"`: % for any text, _ for one character");
        }
        (Op::In, Value::Null) => found.add(place, "`in` has no list to look in", "write `value: [a, b]`"),
        (_, Value::Null) => found.add(place, format!("`{name}` has no value to compare with"), USE_IS_NULL),
        (Op::Like, _) => {
            found.add(place, "`like` takes text", "write a pattern in quotes: % for any text, _ for one character");
        }
        (Op::In, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                match item {
                    Value::Null => found.add(&place.index(index), "`in` cannot look for NULL", USE_IS_NULL),
                    Value::Array(_) | Value::Object(_) => {
                        found.add(
                            &place.index(index),
                            "`in` takes a list of single values",
                            "write text, numbers or bools",
                        );
                    }
                    Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                }
            }
        }
        (Op::In, _) => found.add(place, "`in` takes a list", "write value: [a, b], or use `eq`"),
        (_, Value::Array(_) | Value::Object(_)) => {
            found.add(place, format!("`{name}` takes a single value"), "write text, a number or a bool, or use `in`");
        }
        (_, Value::Bool(_) | Value::Number(_) | Value::String(_)) => {}
    }
}
