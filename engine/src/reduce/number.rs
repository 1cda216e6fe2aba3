//! Whole numbers, decimals and floats into one another.

use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode};

use super::Excess;
use super::common::{FLOAT32_DIGITS, FLOAT64_DIGITS};
use crate::schema::FieldType;
use crate::value::Value;
use crate::value::decimal::Digits;

/// Longest decimal that is written out or rounded, in digits. More than any database's decimals hold.
pub(super) const MAX_DIGITS: usize = 150_000;

/// Converts between numbers; the reason where the value does not fit.
pub(super) fn convert(value: &Value, from: &FieldType, to: &FieldType, excess: Excess) -> Result<Value, String> {
    match (value, to) {
        (Value::Int(v), FieldType::Int { bits }) => in_range(*v, *bits).map(Value::Int),
        (Value::Int(v), FieldType::Decimal { scale, .. }) => {
            to_scale(&v.to_string(), *scale, excess).map(|text| Value::Decimal(text.into()))
        }
        (Value::Int(v), FieldType::Float { bits }) => int_to_float(*v, *bits, excess).map(Value::Float),
        (Value::Float(v), FieldType::Float { bits }) => Ok(Value::Float(to_width(*v, *bits))),
        (Value::Float(v), FieldType::Int { bits }) => {
            decimal_to_int(&float_digits(*v, from, None), *bits, excess).map(Value::Int)
        }
        (Value::Float(v), FieldType::Decimal { precision, scale }) => {
            to_scale(&float_digits(*v, from, *precision), *scale, excess).map(|text| Value::Decimal(text.into()))
        }
        (Value::Decimal(v), FieldType::Decimal { scale, .. }) => {
            to_scale(v, *scale, excess).map(|text| Value::Decimal(text.into()))
        }
        (Value::Decimal(v), FieldType::Int { bits }) => decimal_to_int(v, *bits, excess).map(Value::Int),
        (Value::Decimal(v), FieldType::Float { bits }) => parse_float(v, *bits).map(Value::Float),
        (_, to) => Err(format!("does not fit {}", super::type_name(to))),
    }
}

pub(super) fn in_range(value: i64, bits: u8) -> Result<i64, String> {
    let fits = match bits {
        64.. => true,
        bits => (-(1_i64 << (bits.max(1) - 1))..1_i64 << (bits.max(1) - 1)).contains(&value),
    };
    if fits { Ok(value) } else { Err(format!("does not fit a whole number of {bits} bits")) }
}

fn int_to_float(value: i64, bits: u8, excess: Excess) -> Result<f64, String> {
    let float = to_width(value as f64, bits);
    // A comparison in 128 bits, since 2^63 as a float is not an `i64`.
    if excess == Excess::Refuse && float as i128 != i128::from(value) {
        return Err(format!("does not fit a float of {bits} bits exactly"));
    }
    Ok(float)
}

fn to_width(value: f64, bits: u8) -> f64 {
    if bits > 32 { value } else { f64::from(value as f32) }
}

/// A decimal with at most `scale` digits after the point.
fn to_scale(text: &str, scale: Option<i16>, excess: Excess) -> Result<String, String> {
    let (Some(scale), Some(digits)) = (scale, Digits::plain(text)) else { return Ok(text.to_owned()) };
    if digits.is_zero() || digits.count() - digits.exponent <= i64::from(scale) {
        return Ok(text.to_owned());
    }
    match excess {
        Excess::Round => round(text, scale),
        Excess::Refuse => Err(too_fine(scale)),
    }
}

pub(super) fn too_fine(scale: i16) -> String {
    match scale {
        0 => "has digits after the point, where a whole number is due".to_owned(),
        scale => format!("has more than {scale} digits after the point: round it, or widen the column"),
    }
}

fn round(text: &str, scale: i16) -> Result<String, String> {
    if text.len() > MAX_DIGITS {
        return Err("has too many digits".to_owned());
    }
    let number = BigDecimal::from_str(text).map_err(|_| "is not a decimal".to_owned())?;
    Ok(number.with_scale_round(i64::from(scale), RoundingMode::HalfUp).to_plain_string())
}

fn decimal_to_int(text: &str, bits: u8, excess: Excess) -> Result<i64, String> {
    let whole = to_scale(text, Some(0), excess)?;
    let plain = Digits::plain(&whole).and_then(|digits| digits.to_plain(MAX_DIGITS));
    let value = plain.and_then(|plain| plain.parse().ok());
    in_range(value.ok_or_else(|| format!("does not fit a whole number of {bits} bits"))?, bits)
}

/// The decimal text of a float: the digits that `precision` can rely on, else the fewest that tell it from its
/// neighbours. The noise of binary fractions (`19.990000000000002`) is beyond what a short decimal relies on.
fn float_digits(value: f64, from: &FieldType, precision: Option<u16>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let single = matches!(from, FieldType::Float { bits: ..=32 });
    let reliable = if single { FLOAT32_DIGITS } else { FLOAT64_DIGITS };
    let text = match precision {
        Some(precision) if precision <= reliable => format!("{value:.*e}", usize::from(reliable) - 1),
        _ if single => format!("{:e}", value as f32),
        _ => format!("{value:e}"),
    };
    let plain = Digits::parse(&text).and_then(|digits| digits.to_plain(MAX_DIGITS));
    plain.unwrap_or(text)
}

/// Reads a float; a number that is too large or too small for it is refused.
pub(super) fn parse_float(text: &str, bits: u8) -> Result<f64, String> {
    let parsed = if bits > 32 { text.parse::<f64>() } else { text.parse::<f32>().map(f64::from) };
    let value = parsed.map_err(|_| "is not a number".to_owned())?;
    let lost = match Digits::parse(text) {
        Some(digits) => value.is_infinite() || (value == 0.0 && !digits.is_zero()),
        None => false,
    };
    if lost { Err(format!("is out of the range of floats of {bits} bits")) } else { Ok(value) }
}
