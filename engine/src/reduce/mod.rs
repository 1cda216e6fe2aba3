//! Common form: the type both columns of a field hold without loss, and the conversions to and from it.
//!
//! What would be lost silently is found while planning ([`common`]) and needs `lossy: allow`; then the coarser type
//! is the common one and values are rounded to it as PostgreSQL rounds (half away from zero). Without it no
//! conversion changes a value: what does not fit is a [`ConversionError`], which makes the record a reject.

mod common;
mod convert;
mod number;
#[cfg(test)]
mod tests;
mod text;

pub use common::common;
pub(crate) use text::read;

use convert::convert;

use crate::row::SideColumn;
use crate::schema::{Carrier, ColumnSchema, FieldType, Fold};
use crate::value::Value;

/// A value that its column's partner cannot hold; the record becomes a reject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConversionError(pub String);

impl ConversionError {
    /// "`value` reason", the value shortened.
    fn of(value: &Value, reason: impl std::fmt::Display) -> Self {
        Self(format!("`{}` {reason}", text::shown(value)))
    }
}

/// Why two columns cannot be a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// One of them would lose something; `lossy: allow` accepts it.
    Lossy(String),
    /// One has a zone and the other has none; `lossy: allow` takes the times without one as UTC.
    Zone(String),
    /// There is no conversion.
    Incompatible(String),
}

/// What to do with digits (of a number, of a second) that the type does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excess {
    /// Half away from zero.
    Round,
    Refuse,
}

/// The type a column is read and written as when its field's common type is `common`: its own, or text for text carriers.
pub fn native(column: &ColumnSchema) -> FieldType {
    match column.carrier {
        Carrier::Text => FieldType::TEXT,
        Carrier::Typed | Carrier::Float64 => column.ty.clone(),
    }
}

/// As [`native`], where the common type is known: a column that holds decimals as floats takes its partner's floats as they
/// are, since its own scale would round them.
pub fn native_beside(column: &ColumnSchema, common: &FieldType) -> FieldType {
    match (column.carrier, common) {
        (Carrier::Float64, FieldType::Float { .. }) => FieldType::Float { bits: 64 },
        _ => native(column),
    }
}

/// Native to common form.
pub fn reduce(value: &Value, native: &FieldType, common: &FieldType) -> Result<Value, ConversionError> {
    if is_common(value, native, common) {
        return Ok(value.clone());
    }
    if !belongs(value, native) {
        return Err(ConversionError::of(value, format_args!("is {}, not {}", value.kind(), type_name(native))));
    }
    // Rounding was accepted for the types of two columns; text has no type of its own that could have been looked at,
    // and the digits of floats are only known from the values.
    let excess = match (native, common) {
        (FieldType::Text { .. }, _) | (FieldType::Float { .. }, FieldType::Decimal { .. }) => Excess::Refuse,
        _ => Excess::Round,
    };
    convert(value, native, common, excess)
}

/// Common to native form.
pub fn expand(value: &Value, common: &FieldType, native: &FieldType) -> Result<Value, ConversionError> {
    // Only under `lossy: allow` is a decimal or a whole number compared as a float.
    let excess = if matches!(common, FieldType::Float { .. }) { Excess::Round } else { Excess::Refuse };
    convert(value, common, native, excess)
}

/// A whole row to common form; `None` where nothing differs from the native values.
pub fn row(columns: &[SideColumn], native: &[Value]) -> Result<Option<Vec<Value>>, ConversionError> {
    let same = columns
        .iter()
        .zip(native)
        .take_while(|(column, value)| is_common(value, &column.native, &column.common) && !is_left_out(column, value))
        .count();
    if same == columns.len().min(native.len()) {
        return Ok(None);
    }
    let mut common = Vec::with_capacity(native.len());
    common.extend_from_slice(&native[..same]);
    for (column, value) in columns.iter().zip(native).skip(same) {
        if is_left_out(column, value) {
            common.push(Value::Null);
            continue;
        }
        let value = reduce(value, &column.native, &column.common)
            .map_err(|error| ConversionError(format!("column `{}`: {error}", column.name)))?;
        common.push(value);
    }
    Ok(Some(common))
}

/// An empty text in a field of which one side cannot tell it from NULL.
fn is_left_out(column: &SideColumn, value: &Value) -> bool {
    column.empty_is_null && matches!(value, Value::Text(text) if text.is_empty())
}

/// Each value in common form is one of its column's own, too: nothing needs to be expanded.
pub(crate) fn fits_as_it_is(columns: &[SideColumn], common: &[Value]) -> bool {
    columns.iter().zip(common).all(|(column, value)| match (value, &column.native) {
        _ if column.native == column.common => true,
        (Value::Int(v), FieldType::Int { bits }) => number::in_range(*v, *bits).is_ok(),
        _ => is_common(value, &column.common, &column.native),
    })
}

/// A value in common form written to the column reads back as the same common form, whatever it is.
pub fn exact(column: &SideColumn) -> bool {
    use FieldType::{Decimal, Float, Instant, Int, Native, Text, Time, Timestamp};
    match (&column.native, &column.common) {
        // Systems cut spaces at the end that are over the limit, and pad what is shorter.
        (Text { fold: Fold::TrailingSpace, .. }, _) => false,
        (Text { max_chars: Some(limit), .. }, Text { max_chars, .. }) => max_chars.is_some_and(|most| most <= *limit),
        // Text of the partner may be another spelling of the same value (`[1,4]` for `[1,5)`).
        (Native { .. }, _) | (Text { max_chars: Some(_), .. }, Native { .. }) => false,
        (Decimal { scale: Some(a), .. }, Decimal { scale: b, .. }) => b.is_some_and(|b| b <= *a),
        (Decimal { scale: Some(a), .. }, Int { .. }) => *a >= 0,
        (Decimal { .. } | Int { .. }, Float { .. }) => false,
        (Float { bits: a }, Float { bits: b }) => a >= b,
        (Float { .. }, Int { bits }) => *bits <= 32,
        (Time { precision: a }, Time { precision: b }) => a >= b,
        (
            Timestamp { precision: a } | Instant { precision: a },
            Timestamp { precision: b } | Instant { precision: b },
        ) => a >= b,
        _ => true,
    }
}

/// The value is in common form as it stands: no conversion, no rounding.
fn is_common(value: &Value, native: &FieldType, common: &FieldType) -> bool {
    use FieldType as T;
    match (value, native, common) {
        (Value::Null | Value::Missing, _, _)
        | (Value::Bool(_), T::Bool, T::Bool)
        | (Value::Int(_), T::Int { .. }, T::Int { .. })
        | (Value::Text(_), T::Text { .. }, T::Text { .. })
        | (Value::Text(_), T::Native { .. } | T::Text { .. }, T::Native { .. })
        | (Value::Bytes(_), T::Bytes, T::Bytes)
        | (Value::Date(_), T::Date, T::Date)
        | (Value::Uuid(_), T::Uuid, T::Uuid)
        | (Value::Json(_), T::Json, T::Json) => true,
        (Value::Float(_), T::Float { bits: a }, T::Float { bits: b }) => a <= b,
        (Value::Decimal(_), T::Decimal { scale: a, .. }, T::Decimal { scale: b, .. }) => {
            a == b || b.is_none_or(|b| a.is_some_and(|a| a <= b))
        }
        (Value::Time(_), T::Time { precision: a }, T::Time { precision: b })
        | (Value::Timestamp(_), T::Timestamp { precision: a }, T::Timestamp { precision: b })
        | (Value::Instant(_), T::Instant { precision: a }, T::Instant { precision: b }) => a <= b,
        _ => false,
    }
}

/// The value is one that a column of this type holds. Numbers may come in another variant (a system that keeps
/// whole numbers in a decimal column as integers); everything else must be of the type's own.
fn belongs(value: &Value, native: &FieldType) -> bool {
    use FieldType as T;
    matches!(
        (value, native),
        (Value::Bool(_), T::Bool)
            | (Value::Int(_), T::Int { .. } | T::Float { .. } | T::Decimal { .. } | T::Bool)
            | (Value::Float(_), T::Float { .. } | T::Decimal { .. })
            | (Value::Decimal(_), T::Decimal { .. })
            | (Value::Text(_), T::Text { .. } | T::Native { .. })
            | (Value::Bytes(_), T::Bytes)
            | (Value::Date(_), T::Date)
            | (Value::Time(_), T::Time { .. })
            | (Value::Timestamp(_), T::Timestamp { .. })
            | (Value::Instant(_), T::Instant { .. })
            | (Value::Uuid(_), T::Uuid)
            | (Value::Json(_), T::Json)
    )
}

/// A type in a message.
pub(crate) fn type_name(ty: &FieldType) -> String {
    match ty {
        FieldType::Bool => "a boolean".to_owned(),
        FieldType::Int { bits } => format!("a whole number of {bits} bits"),
        FieldType::Float { bits } => format!("a float of {bits} bits"),
        FieldType::Decimal { precision: Some(precision), scale } => {
            format!("decimal({precision},{})", scale.unwrap_or(0))
        }
        FieldType::Decimal { precision: None, .. } => "a decimal".to_owned(),
        FieldType::Text { max_chars: None, .. } => "text".to_owned(),
        FieldType::Text { max_chars: Some(limit), .. } => format!("text({limit})"),
        FieldType::Bytes => "bytes".to_owned(),
        FieldType::Date => "a date".to_owned(),
        FieldType::Time { precision } => format!("time({precision})"),
        FieldType::Timestamp { precision } => format!("timestamp({precision}) without a zone"),
        FieldType::Instant { precision } => format!("timestamp({precision}) with a zone"),
        FieldType::Uuid => "a UUID".to_owned(),
        FieldType::Json => "JSON".to_owned(),
        FieldType::Native { name } => name.clone(),
    }
}
