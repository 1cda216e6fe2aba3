//! One part of a key: a type tag and bytes in the order of the values.

use std::borrow::Cow;

use super::{KeyError, decimal};
use crate::schema::{FieldType, Fold};
use crate::value::Value;

const BOOL: u8 = 1;
const INT: u8 = 2;
const DECIMAL: u8 = 3;
const TEXT: u8 = 4;
const BYTES: u8 = 5;
const DATE: u8 = 6;
const TIME: u8 = 7;
const TIMESTAMP: u8 = 8;
const INSTANT: u8 = 9;
const UUID: u8 = 10;

/// Flips the sign, so that the big-endian bytes of signed integers are in their order.
const SIGN: u64 = 1 << 63;

/// Appends a value of a type.
pub(super) fn put(out: &mut Vec<u8>, value: &Value, ty: &FieldType) -> Result<(), KeyError> {
    match (value, ty) {
        (Value::Null | Value::Missing, _) => return Err(KeyError::Null),
        (_, FieldType::Float { .. }) => return Err(KeyError::Type("float")),
        (_, FieldType::Json) => return Err(KeyError::Type("JSON document")),
        (Value::Bool(v), FieldType::Bool) => out.extend([BOOL, u8::from(*v)]),
        (Value::Int(v), FieldType::Int { .. }) => number(out, INT, *v),
        (Value::Decimal(v), FieldType::Decimal { .. }) => {
            out.push(DECIMAL);
            decimal::put(out, v)?;
        }
        (Value::Text(v), FieldType::Text { fold, .. }) => escaped(out, TEXT, folded(v, *fold).as_bytes()),
        (Value::Text(v), FieldType::Native { .. }) => escaped(out, TEXT, v.as_bytes()),
        (Value::Bytes(v), FieldType::Bytes) => escaped(out, BYTES, v),
        (Value::Date(v), FieldType::Date) => number(out, DATE, i64::from(*v)),
        (Value::Time(v), FieldType::Time { .. }) => number(out, TIME, *v),
        (Value::Timestamp(v), FieldType::Timestamp { .. }) => number(out, TIMESTAMP, *v),
        (Value::Instant(v), FieldType::Instant { .. }) => number(out, INSTANT, *v),
        (Value::Uuid(v), FieldType::Uuid) => {
            out.push(UUID);
            out.extend_from_slice(v);
        }
        (value, ty) => return Err(KeyError::Unreadable(format!("it has {} where {ty:?} is due", value.kind()))),
    }
    Ok(())
}

/// Text as the coarser of the two collations sees it.
fn folded(text: &str, fold: Fold) -> Cow<'_, str> {
    match fold {
        Fold::None => Cow::Borrowed(text),
        Fold::AsciiCase if !text.bytes().any(|byte| byte.is_ascii_uppercase()) => Cow::Borrowed(text),
        Fold::AsciiCase => Cow::Owned(text.to_ascii_lowercase()),
        Fold::TrailingSpace => Cow::Borrowed(text.trim_end_matches(' ')),
    }
}

fn number(out: &mut Vec<u8>, tag: u8, value: i64) {
    out.push(tag);
    out.extend_from_slice(&(value as u64 ^ SIGN).to_be_bytes());
}

fn escaped(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    for (index, piece) in bytes.split(|byte| *byte == 0).enumerate() {
        if index > 0 {
            out.extend([0, 0xff]);
        }
        out.extend_from_slice(piece);
    }
    out.extend([0, 0]);
}

/// Reads what [`put`] wrote, from the front of `rest`.
pub(super) fn take(rest: &mut &[u8]) -> Result<Value, KeyError> {
    Ok(match take_byte(rest)? {
        BOOL => Value::Bool(take_byte(rest)? != 0),
        INT => Value::Int(take_number(rest)?),
        DECIMAL => Value::Decimal(decimal::take(rest)?.into()),
        TEXT => {
            let text = String::from_utf8(take_escaped(rest)?).map_err(|_| damaged("its text is not UTF-8"))?;
            Value::Text(text.into())
        }
        BYTES => Value::Bytes(take_escaped(rest)?.into()),
        DATE => Value::Date(i32::try_from(take_number(rest)?).map_err(|_| damaged("its date is out of range"))?),
        TIME => Value::Time(take_number(rest)?),
        TIMESTAMP => Value::Timestamp(take_number(rest)?),
        INSTANT => Value::Instant(take_number(rest)?),
        UUID => Value::Uuid(take_array(rest)?),
        _ => return Err(damaged("unknown type tag")),
    })
}

pub(super) fn damaged(what: &str) -> KeyError {
    KeyError::Unreadable(format!("its bytes are damaged: {what}"))
}

pub(super) fn take_byte(rest: &mut &[u8]) -> Result<u8, KeyError> {
    let [byte] = take_array(rest)?;
    Ok(byte)
}

pub(super) fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], KeyError> {
    let (head, tail) = rest.split_first_chunk().ok_or_else(|| damaged("it ends early"))?;
    *rest = tail;
    Ok(*head)
}

fn take_number(rest: &mut &[u8]) -> Result<i64, KeyError> {
    Ok((u64::from_be_bytes(take_array(rest)?) ^ SIGN) as i64)
}

fn take_escaped(rest: &mut &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut bytes = Vec::new();
    loop {
        let zero = rest.iter().position(|byte| *byte == 0).ok_or_else(|| damaged("it ends early"))?;
        bytes.extend_from_slice(&rest[..zero]);
        *rest = &rest[zero + 1..];
        match take_byte(rest)? {
            0 => return Ok(bytes),
            0xff => bytes.push(0),
            _ => return Err(damaged("an escape is not known")),
        }
    }
}
