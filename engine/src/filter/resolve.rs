//! A filter as it stands in the sync file to one over columns and values of their common types.

use pinksync_model::{Filter as Definition, Op};
use serde_json::Value as Json;

use super::{Filter, FilterError};
use crate::reduce::{read, type_name};
use crate::row::SideColumn;
use crate::schema::FieldType;
use crate::value::Value;

/// `None` where some part is a mistake, which is added to `mistakes`.
pub(super) fn resolve(filter: &Definition, columns: &[SideColumn], mistakes: &mut Vec<FilterError>) -> Option<Filter> {
    match filter {
        Definition::All(parts) => Some(Filter::All(all(parts, columns, mistakes))),
        Definition::Any(parts) => Some(Filter::Any(all(parts, columns, mistakes))),
        Definition::Not(part) => Some(Filter::Not(Box::new(resolve(part, columns, mistakes)?))),
        Definition::Compare { field, op, value } => {
            let resolved = match columns.iter().position(|column| column.name == *field) {
                Some(column) => comparison(column, &columns[column].common, *op, value)
                    .map_err(|reason| format!("field `{field}`: {reason}")),
                None => Err(unknown(field, columns)),
            };
            let mistake = |reason| FilterError { field: field.clone(), reason };
            resolved.map_err(|reason| mistakes.push(mistake(reason))).ok()
        }
    }
}

fn all(parts: &[Definition], columns: &[SideColumn], mistakes: &mut Vec<FilterError>) -> Vec<Filter> {
    parts.iter().filter_map(|part| resolve(part, columns, mistakes)).collect()
}

fn unknown(field: &str, columns: &[SideColumn]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).take(20).collect();
    format!("the field `{field}` is not one of the synced ones (they are: {})", names.join(", "))
}

fn comparison(column: usize, ty: &FieldType, op: Op, value: &Json) -> Result<Filter, String> {
    let ordered = !matches!(ty, FieldType::Bytes | FieldType::Json | FieldType::Native { .. });
    match (op, value) {
        (Op::IsNull, Json::Null) => Ok(Filter::IsNull { column, negated: false }),
        (Op::IsNull, Json::Bool(is_null)) => Ok(Filter::IsNull { column, negated: !is_null }),
        (Op::IsNull, _) => Err("`is_null` takes true or false".to_owned()),
        (Op::In, Json::Array(items)) => {
            let values = items.iter().map(|item| operand(item, ty)).collect::<Result<_, _>>()?;
            Ok(Filter::In { column, values })
        }
        (Op::In, _) => Err("`in` takes a list".to_owned()),
        (Op::Like, Json::String(pattern)) if matches!(ty, FieldType::Text { .. }) => {
            if ends_with_escape(pattern) {
                return Err("the pattern ends with `\\`, which stands for nothing: write `\\\\`".to_owned());
            }
            Ok(Filter::Like { column, pattern: pattern.clone() })
        }
        (Op::Like, Json::String(_)) => Err(format!("`like` is for text; the field is {}", type_name(ty))),
        (Op::Like, _) => Err("`like` takes a pattern in quotes".to_owned()),
        (Op::Lt | Op::Le | Op::Gt | Op::Ge, _) if !ordered => {
            Err(format!("the field is {}, which has no order: use eq, ne, in or is_null", type_name(ty)))
        }
        (Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge, value) => {
            Ok(Filter::Compare { column, op, value: operand(value, ty)? })
        }
    }
}

fn ends_with_escape(pattern: &str) -> bool {
    let escapes = pattern.bytes().rev().take_while(|byte| *byte == b'\\').count();
    escapes % 2 == 1
}

/// A value of the filter in the field's type. It may have more digits than the type holds: it is only compared.
fn operand(json: &Json, ty: &FieldType) -> Result<Value, String> {
    let wrong = || format!("`{}` is not {}", shortened(json), type_name(ty));
    let text = match (json, ty) {
        (Json::Null, _) => return Err("nothing equals NULL: use `op: is_null`".to_owned()),
        (json, FieldType::Json) => return Ok(Value::Json(document(json).into())),
        (Json::String(text), FieldType::Native { .. } | FieldType::Text { .. }) => {
            return Ok(Value::text(text.as_str()));
        }
        (Json::Bool(value), FieldType::Bool) => return Ok(Value::Bool(*value)),
        (
            Json::Number(number),
            FieldType::Bool | FieldType::Int { .. } | FieldType::Float { .. } | FieldType::Decimal { .. },
        ) => number.to_string(),
        (Json::String(text), _) => text.clone(),
        (_, FieldType::Text { .. }) => return Err(format!("{}: write it in quotes", wrong())),
        _ => return Err(wrong()),
    };
    read(&text, &unlimited(ty)).map_err(|reason| format!("`{}` {reason}", shortened(json)))
}

/// The type without its limits of digits.
fn unlimited(ty: &FieldType) -> FieldType {
    match ty {
        FieldType::Decimal { .. } => FieldType::Decimal { precision: None, scale: None },
        FieldType::Time { .. } => FieldType::Time { precision: 6 },
        FieldType::Timestamp { .. } => FieldType::Timestamp { precision: 6 },
        FieldType::Instant { .. } => FieldType::Instant { precision: 6 },
        other => other.clone(),
    }
}

/// JSON to compare a document with: as it stands; text that is itself an object or a list stands for that.
fn document(json: &Json) -> String {
    match json {
        Json::String(text) => match serde_json::from_str(text) {
            Ok(Json::Object(_) | Json::Array(_)) => text.clone(),
            _ => json.to_string(),
        },
        json => json.to_string(),
    }
}

fn shortened(json: &Json) -> String {
    let text = match json {
        Json::String(text) => text.clone(),
        json => json.to_string(),
    };
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
