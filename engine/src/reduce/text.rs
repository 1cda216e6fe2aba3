//! Values in columns of text: the canonical text of every type, and reading it back.

use serde::de::IgnoredAny;

use super::convert::to_precision;
use super::number::{self, MAX_DIGITS};
use super::{Excess, type_name};
use crate::schema::FieldType;
use crate::time::{
    MICROSECONDS_PER_DAY, format_date, format_instant, format_time, format_timestamp, parse_date, parse_instant,
    parse_time, parse_timestamp,
};
use crate::value::Value;
use crate::value::decimal::Digits;

/// Characters of a value that a message shows.
const SHOWN: usize = 40;

/// The canonical text of a value of type `ty`. Decimals, JSON and native types keep the system's spelling.
pub(super) fn write(value: &Value, ty: &FieldType) -> String {
    match value {
        Value::Missing | Value::Null => "NULL".to_owned(),
        Value::Bool(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Float(v) => write_float(*v, matches!(ty, FieldType::Float { bits: ..=32 })),
        Value::Decimal(v) | Value::Text(v) | Value::Json(v) => v.to_string(),
        Value::Bytes(v) => hex(v),
        Value::Date(v) => format_date(*v),
        Value::Time(v) => format_time(*v),
        Value::Timestamp(v) => format_timestamp(*v),
        Value::Instant(v) => format_instant(*v),
        Value::Uuid(v) => uuid::Uuid::from_bytes(*v).hyphenated().to_string(),
    }
}

/// A value in a message, shortened.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        // Enough bytes for the characters shown, so that a large value is not written out for its beginning.
        Value::Bytes(v) => hex(&v[..v.len().min(SHOWN)]),
        Value::Decimal(v) | Value::Text(v) | Value::Json(v) => v.chars().take(SHOWN + 1).collect(),
        value => write(value, &FieldType::TEXT),
    };
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(SHOWN).map(printable).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

/// The fewest digits that read back as the same float.
fn write_float(value: f64, single: bool) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let plain = value == 0.0 || (1e-5..1e17).contains(&value.abs());
    match (plain, single) {
        (true, true) => (value as f32).to_string(),
        (true, false) => value.to_string(),
        (false, true) => format!("{:e}", value as f32),
        (false, false) => format!("{value:e}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Reads text as a type; the reason where it is not of that type or has more digits than the type holds.
/// White space around it does not matter, except where the type is text itself.
pub(crate) fn read(text: &str, ty: &FieldType) -> Result<Value, String> {
    let trimmed = text.trim_ascii();
    let wrong = || format!("is not {}", type_name(ty));
    match ty {
        FieldType::Bool => read_bool(trimmed).map(Value::Bool).ok_or_else(wrong),
        FieldType::Int { .. } => read_int(trimmed).map(Value::Int).ok_or_else(wrong),
        FieldType::Float { bits } => number::parse_float(trimmed, *bits).map(Value::Float),
        FieldType::Decimal { precision, scale } => {
            read_decimal(trimmed, *precision, *scale).map(|text| Value::Decimal(text.into()))
        }
        FieldType::Text { .. } | FieldType::Native { .. } => Ok(Value::text(text)),
        FieldType::Bytes => read_hex(trimmed)
            .map(|bytes| Value::Bytes(bytes.into()))
            .ok_or_else(|| format!("{}: bytes are written as \\x and hexadecimal digits", wrong())),
        FieldType::Date => read_date(trimmed).map(Value::Date),
        FieldType::Time { precision } => {
            let time = parse_time(trimmed).map_err(|error| error.to_string())?;
            to_precision(time, *precision, Excess::Refuse).map(Value::Time)
        }
        FieldType::Timestamp { precision } => {
            let time = parse_timestamp(trimmed).map_err(|error| error.to_string())?;
            to_precision(time, *precision, Excess::Refuse).map(Value::Timestamp)
        }
        FieldType::Instant { precision } => {
            let time = parse_instant(trimmed).map_err(|error| error.to_string())?;
            to_precision(time, *precision, Excess::Refuse).map(Value::Instant)
        }
        FieldType::Uuid => match uuid::Uuid::try_parse(trimmed) {
            Ok(uuid) => Ok(Value::Uuid(uuid.into_bytes())),
            Err(_) => Err(wrong()),
        },
        FieldType::Json => match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Ok(Value::Json(text.into())),
            Err(_) => Err(wrong()),
        },
    }
}

fn read_bool(text: &str) -> Option<bool> {
    const WORDS: [(&str, bool); 8] = [
        ("true", true),
        ("false", false),
        ("t", true),
        ("f", false),
        ("1", true),
        ("0", false),
        ("yes", true),
        ("no", false),
    ];
    WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value)
}

/// A whole number, also written as `12.0` or `1.2e1`.
fn read_int(text: &str) -> Option<i64> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let digits = Digits::parse(text).filter(|digits| digits.fraction() == 0)?;
    digits.to_plain(20)?.parse().ok()
}

fn read_decimal(text: &str, precision: Option<u16>, scale: Option<i16>) -> Result<String, String> {
    const WRONG: &str = "is not a decimal";
    const TOO_LONG: &str = "has too many digits";
    let Some(digits) = Digits::parse(text) else {
        let special = match text.to_ascii_lowercase().as_str() {
            "nan" => "NaN",
            "infinity" | "+infinity" | "inf" | "+inf" => "Infinity",
            "-infinity" | "-inf" => "-Infinity",
            _ => return Err(WRONG.to_owned()),
        };
        return Ok(special.to_owned());
    };
    if let Some(scale) = scale
        && !digits.is_zero()
        && digits.count().saturating_sub(digits.exponent) > i64::from(scale)
    {
        return Err(number::too_fine(scale));
    }
    // Whole numbers of 64 bits pass: where decimals are floats, those are kept apart as integers.
    if let Some(precision) = precision
        && digits.count() > i64::from(precision)
        && read_int(text).is_none()
    {
        return Err(format!("has more than {precision} digits"));
    }
    let spelled = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let nice = matches!(spelled, [b'1'..=b'9', ..] | [b'0'] | [b'0', b'.', _, ..])
        && !spelled.ends_with(b".")
        && Digits::plain(text).is_some();
    if nice && text.len() <= MAX_DIGITS {
        return Ok(text.to_owned());
    }
    digits.to_plain(MAX_DIGITS).ok_or_else(|| TOO_LONG.to_owned())
}

fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x").or_else(|| text.strip_prefix("\\X"))?.as_bytes();
    let value = |digit: &u8| char::from(*digit).to_digit(16).map(|value| value as u8);
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(value(high)? << 4 | value(low)?)).collect()
}

/// A date, also written as its midnight.
fn read_date(text: &str) -> Result<i32, String> {
    parse_date(text).or_else(|error| match parse_timestamp(text) {
        Ok(time) if time % MICROSECONDS_PER_DAY == 0 => {
            i32::try_from(time / MICROSECONDS_PER_DAY).map_err(|_| error.to_string())
        }
        _ => Err(error.to_string()),
    })
}
