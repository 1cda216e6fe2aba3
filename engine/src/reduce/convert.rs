//! A value of one type as a value of another.

use super::{ConversionError, Excess, number, text, type_name};
use crate::schema::FieldType;
use crate::time::MICROSECONDS_PER_DAY;
use crate::value::Value;

/// Converts a value that has type `from`. NULL and missing pass through.
pub(super) fn convert(
    value: &Value,
    from: &FieldType,
    to: &FieldType,
    excess: Excess,
) -> Result<Value, ConversionError> {
    use FieldType as T;
    match (value, to) {
        (Value::Null | Value::Missing, _) => Ok(value.clone()),
        (Value::Text(_), T::Text { .. } | T::Native { .. }) => Ok(value.clone()),
        (Value::Text(read), to) => text::read(read, to).map_err(|reason| ConversionError::of(value, reason)),
        (value, T::Text { .. }) => Ok(Value::Text(text::write(value, from).into())),
        (Value::Bool(_), T::Bool)
        | (Value::Bytes(_), T::Bytes)
        | (Value::Uuid(_), T::Uuid)
        | (Value::Json(_), T::Json)
        | (Value::Date(_), T::Date) => Ok(value.clone()),
        (Value::Bool(v), T::Int { .. }) => Ok(Value::Int(i64::from(*v))),
        (Value::Int(v @ (0 | 1)), T::Bool) => Ok(Value::Bool(*v == 1)),
        (Value::Int(_) | Value::Float(_) | Value::Decimal(_), T::Int { .. } | T::Float { .. } | T::Decimal { .. }) => {
            number::convert(value, from, to, excess).map_err(|reason| ConversionError::of(value, reason))
        }
        (Value::Date(_) | Value::Time(_) | Value::Timestamp(_) | Value::Instant(_), to) => {
            convert_time(value, to, excess).map_err(|reason| ConversionError::of(value, reason))
        }
        (value, to) => Err(ConversionError::of(value, no_conversion(to))),
    }
}

fn no_conversion(to: &FieldType) -> String {
    format!("does not fit {}", type_name(to))
}

fn convert_time(value: &Value, to: &FieldType, excess: Excess) -> Result<Value, String> {
    use FieldType as T;
    match (value, to) {
        (Value::Date(days), T::Timestamp { .. }) => midnight(*days).map(Value::Timestamp),
        (Value::Date(days), T::Instant { .. }) => midnight(*days).map(Value::Instant),
        (Value::Timestamp(time) | Value::Instant(time), T::Date) => match to_days(*time) {
            (days, 0) => Ok(Value::Date(days)),
            (days, _) if excess == Excess::Round => Ok(Value::Date(days)),
            _ => Err("has a time of day, which a date does not hold".to_owned()),
        },
        (Value::Time(time), T::Time { precision }) => to_precision(*time, *precision, excess).map(Value::Time),
        (Value::Timestamp(time) | Value::Instant(time), T::Timestamp { precision }) => {
            to_precision(*time, *precision, excess).map(Value::Timestamp)
        }
        (Value::Timestamp(time) | Value::Instant(time), T::Instant { precision }) => {
            to_precision(*time, *precision, excess).map(Value::Instant)
        }
        (_, to) => Err(no_conversion(to)),
    }
}

fn midnight(days: i32) -> Result<i64, String> {
    match days {
        i32::MAX => Ok(i64::MAX),
        i32::MIN => Ok(i64::MIN),
        days => i64::from(days)
            .checked_mul(MICROSECONDS_PER_DAY)
            .ok_or_else(|| "is out of the range of timestamps".to_owned()),
    }
}

/// The day of a time, and the microseconds that the day leaves.
fn to_days(time: i64) -> (i32, i64) {
    match time {
        i64::MAX => (i32::MAX, 0),
        i64::MIN => (i32::MIN, 0),
        time => (time.div_euclid(MICROSECONDS_PER_DAY) as i32, time.rem_euclid(MICROSECONDS_PER_DAY)),
    }
}

/// Microseconds with so many digits of a second, halves away from zero.
pub(super) fn to_precision(time: i64, precision: u8, excess: Excess) -> Result<i64, String> {
    if precision >= 6 || matches!(time, i64::MIN | i64::MAX) {
        return Ok(time);
    }
    let unit = 10_i64.pow(6 - u32::from(precision));
    let rest = time % unit;
    if rest == 0 {
        return Ok(time);
    }
    if excess == Excess::Refuse {
        return Err(format!("has more than {precision} digits of a second"));
    }
    let up = if rest.abs() * 2 >= unit { unit * rest.signum() } else { 0 };
    (time - rest)
        .checked_add(up)
        .filter(|rounded| !matches!(*rounded, i64::MIN | i64::MAX))
        .ok_or_else(|| "is out of the range of timestamps".to_owned())
}
