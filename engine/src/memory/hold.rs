//! What a typed column makes of a value: holds it, rounds it, or refuses it, as a database would.

use crate::connector::Refusal;
use crate::reduce;
use crate::schema::{ColumnSchema, FieldType};
use crate::value::{Value, canonical_decimal};

pub(super) fn refusal(code: &str, reason: String, retry: bool) -> Refusal {
    Refusal { code: code.to_owned(), reason, retry }
}

/// The value as the column holds it. `ty` is the type the column is written as.
pub(super) fn hold(value: Value, column: &ColumnSchema, ty: &FieldType) -> Result<Value, Refusal> {
    let name = &column.name;
    if value.is_null() {
        let null = || refusal("not_null", format!("column \"{name}\" must not be null"), false);
        return if column.nullable { Ok(Value::Null) } else { Err(null()) };
    }
    let unfit =
        |value: &Value| refusal("type", format!("column \"{name}\" of type {ty:?} cannot hold {value:?}"), false);
    match (&value, ty) {
        (Value::Int(number), FieldType::Int { bits }) if fits(*number, *bits) => Ok(value),
        (Value::Float(number), FieldType::Float { bits: 32 }) => Ok(Value::Float(f64::from(*number as f32))),
        (Value::Decimal(_), FieldType::Decimal { precision, scale }) => {
            let held = round(&value, &FieldType::Decimal { precision: None, scale: None }, ty);
            held.filter(|held| digits_fit(held, *precision, *scale)).ok_or_else(|| unfit(&value))
        }
        (Value::Text(text), FieldType::Text { max_chars: Some(max), .. }) if text.chars().count() > *max as usize => {
            Err(refusal("too_large", format!("column \"{name}\" holds at most {max} characters"), false))
        }
        (Value::Time(_), FieldType::Time { .. }) => {
            round(&value, &FieldType::Time { precision: 6 }, ty).ok_or_else(|| unfit(&value))
        }
        (Value::Timestamp(_), FieldType::Timestamp { .. }) => {
            round(&value, &FieldType::Timestamp { precision: 6 }, ty).ok_or_else(|| unfit(&value))
        }
        (Value::Instant(_), FieldType::Instant { .. }) => {
            round(&value, &FieldType::Instant { precision: 6 }, ty).ok_or_else(|| unfit(&value))
        }
        (Value::Bool(_), FieldType::Bool)
        | (Value::Float(_), FieldType::Float { .. })
        | (Value::Text(_), FieldType::Text { .. } | FieldType::Native { .. })
        | (Value::Bytes(_), FieldType::Bytes)
        | (Value::Date(_), FieldType::Date)
        | (Value::Uuid(_), FieldType::Uuid)
        | (Value::Json(_), FieldType::Json) => Ok(value),
        _ => Err(unfit(&value)),
    }
}

fn fits(number: i64, bits: u8) -> bool {
    match bits {
        16 => i16::try_from(number).is_ok(),
        32 => i32::try_from(number).is_ok(),
        _ => true,
    }
}

/// Rounded to the type's digits; `None` where it is no such number or time.
fn round(value: &Value, widest: &FieldType, ty: &FieldType) -> Option<Value> {
    reduce::reduce(value, widest, ty).ok()
}

/// Digits before the point are at most those that precision and scale leave.
fn digits_fit(value: &Value, precision: Option<u16>, scale: Option<i16>) -> bool {
    let (Value::Decimal(text), Some(precision)) = (value, precision) else { return true };
    let canonical = canonical_decimal(text);
    let digits = canonical.trim_start_matches('-');
    let before = digits.split('.').next().unwrap_or(digits).trim_start_matches('0').len();
    i32::try_from(before).is_ok_and(|before| before <= i32::from(precision) - i32::from(scale.unwrap_or(0)))
}
