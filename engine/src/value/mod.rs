//! One field's value as a system gave it, and its canonical bytes for comparing and hashing.

pub mod decimal;
mod json;

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use decimal::canonical_decimal;
pub use json::canonical_json;

/// A value. The variant says its type; text-like variants keep the system's own spelling, and
/// [`Value::canonical`] makes equal values (`1.0` and `1.00`, JSON keys in another order) equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// The field does not exist in this record (documents only; a table's column is never missing).
    Missing,
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Plain notation without exponent, optional leading `-`; or `NaN`, `Infinity`, `-Infinity`.
    Decimal(Box<str>),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    /// Days since 2000-01-01, proleptic Gregorian; `i32::MAX` and `i32::MIN` are the infinities.
    Date(i32),
    /// Microseconds since midnight, 0 ..= 86 400 000 000.
    Time(i64),
    /// Microseconds since 2000-01-01T00:00:00 without a zone; `i64::MAX`/`MIN` are the infinities.
    Timestamp(i64),
    /// Microseconds since 2000-01-01T00:00:00Z; `i64::MAX`/`MIN` are the infinities.
    Instant(i64),
    Uuid([u8; 16]),
    /// JSON text as the system gave it.
    Json(Box<str>),
}

/// The values of a record or of a key, in the order of their columns. Cheap to clone: what was read is what is written,
/// journaled and kept.
pub type Values = Arc<[Value]>;

impl Value {
    pub fn text(text: impl Into<Box<str>>) -> Self {
        Self::Text(text.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Missing)
    }

    /// Equal in canonical form.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
            (Self::Decimal(a), Self::Decimal(b)) => a == b || canonical_decimal(a) == canonical_decimal(b),
            (Self::Json(a), Self::Json(b)) => a == b || canonical_json(a) == canonical_json(b),
            _ => self == other,
        }
    }

    /// Appends type tag, length and canonical bytes, so that no two different rows give the same bytes.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        match self {
            Self::Missing => out.push(0),
            Self::Null => out.push(1),
            Self::Bool(v) => out.extend([2, u8::from(*v)]),
            Self::Int(v) => fixed(out, 3, &v.to_le_bytes()),
            Self::Float(v) => fixed(out, 4, &if v.is_nan() { f64::NAN } else { *v }.to_bits().to_le_bytes()),
            Self::Decimal(v) => sized(out, 5, canonical_decimal(v).as_bytes()),
            Self::Text(v) => sized(out, 6, v.as_bytes()),
            Self::Bytes(v) => sized(out, 7, v),
            Self::Date(v) => fixed(out, 8, &v.to_le_bytes()),
            Self::Time(v) => fixed(out, 9, &v.to_le_bytes()),
            Self::Timestamp(v) => fixed(out, 10, &v.to_le_bytes()),
            Self::Instant(v) => fixed(out, 11, &v.to_le_bytes()),
            Self::Uuid(v) => fixed(out, 12, v),
            Self::Json(v) => sized(out, 13, canonical_json(v).as_bytes()),
        }
    }

    /// Order of two values of one type; `None` where they have none (different types, NULL, JSON).
    /// Numbers compare by value, `-0` equals `0`, NaN equals itself and is greater than all else, as in PostgreSQL.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) | (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) | (Self::Instant(a), Self::Instant(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b).or_else(|| Some(a.is_nan().cmp(&b.is_nan()))),
            (Self::Decimal(a), Self::Decimal(b)) => decimal::compare(a, b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Uuid(a), Self::Uuid(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// What kind of value this is, for messages: "a whole number", "text".
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "a missing field",
            Self::Null => "NULL",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a float",
            Self::Decimal(_) => "a decimal",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Date(_) => "a date",
            Self::Time(_) => "a time of day",
            Self::Timestamp(_) => "a timestamp",
            Self::Instant(_) => "an instant",
            Self::Uuid(_) => "a UUID",
            Self::Json(_) => "JSON",
        }
    }

    /// Bytes this value takes in memory, about; used to bound batches.
    pub fn size(&self) -> usize {
        std::mem::size_of::<Self>()
            + match self {
                Self::Decimal(v) | Self::Text(v) | Self::Json(v) => v.len(),
                Self::Bytes(v) => v.len(),
                _ => 0,
            }
    }
}

fn fixed(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn sized(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_null_and_empty_are_three_things() {
        let bytes = |value: Value| {
            let mut out = Vec::new();
            value.canonical(&mut out);
            out
        };
        let all = [bytes(Value::Missing), bytes(Value::Null), bytes(Value::text("")), bytes(Value::Bytes([].into()))];
        for (index, one) in all.iter().enumerate() {
            assert!(all[index + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn sameness_is_equality_of_canonical_bytes() {
        let values = [
            Value::Missing,
            Value::Null,
            Value::Float(0.0),
            Value::Float(-0.0),
            Value::Float(f64::NAN),
            Value::Float(-f64::NAN),
            Value::Decimal("1.0".into()),
            Value::Decimal("1".into()),
            Value::Int(1),
            Value::Json("[1.0]".into()),
            Value::Json("[1]".into()),
            Value::text("1"),
            Value::Date(1),
            Value::Time(1),
            Value::Timestamp(1),
            Value::Instant(1),
        ];
        let bytes = |value: &Value| {
            let mut out = Vec::new();
            value.canonical(&mut out);
            out
        };
        for one in &values {
            for other in &values {
                assert_eq!(one.same(other), bytes(one) == bytes(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn values_of_one_type_have_an_order_and_others_have_none() {
        let less = |a: Value, b: Value| {
            assert_eq!(a.compare(&b), Some(Ordering::Less), "{a:?} {b:?}");
            assert_eq!(b.compare(&a), Some(Ordering::Greater), "{a:?} {b:?}");
        };
        less(Value::Bool(false), Value::Bool(true));
        less(Value::Int(-1), Value::Int(1));
        less(Value::Float(f64::INFINITY), Value::Float(f64::NAN));
        less(Value::Decimal("9.9".into()), Value::Decimal("10".into()));
        less(Value::text("Z"), Value::text("a"));
        less(Value::Instant(i64::MIN), Value::Instant(0));
        assert_eq!(Value::Float(f64::NAN).compare(&Value::Float(f64::NAN)), Some(Ordering::Equal));
        assert_eq!(Value::Float(0.0).compare(&Value::Float(-0.0)), Some(Ordering::Equal));
        assert_eq!(Value::Json("1".into()).compare(&Value::Json("1".into())), None);
        assert_eq!(Value::Null.compare(&Value::Null), None);
        assert_eq!(Value::Int(1).compare(&Value::text("1")), None);
    }
}
