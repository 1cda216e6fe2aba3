//! Dates and times of [`crate::value::Value`] to and from canonical text.
//!
//! `2024-02-29` · `13:04:05.123456` · `2024-02-29 13:04:05.5` · `2024-02-29 13:04:05.5Z` · `infinity`, `-infinity`.
//! Fractions are as short as they can be; years have at least four digits and are counted astronomically
//! (`-0043` is 44 BC).

mod civil;
mod parse;
#[cfg(test)]
mod tests;

use civil::Civil;
pub use parse::{parse_date, parse_instant, parse_time, parse_timestamp};

pub const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
pub const MICROSECONDS_PER_DAY: i64 = 86_400 * MICROSECONDS_PER_SECOND;

/// Why text is not a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text does not have the form that is named.
    #[error("is not {0}")]
    Form(&'static str),
    #[error("names a date or time that does not exist")]
    Nonexistent,
    #[error("is out of range")]
    Range,
    #[error("is finer than a microsecond")]
    TooFine,
    #[error("has an offset from UTC, for which a time without a zone has no place")]
    Offset,
}

/// Days since 2000-01-01.
pub fn format_date(days: i32) -> String {
    let mut out = String::with_capacity(10);
    match days {
        i32::MAX => out.push_str("infinity"),
        i32::MIN => out.push_str("-infinity"),
        days => put_date(&mut out, i64::from(days)),
    }
    out
}

/// Microseconds since midnight.
pub fn format_time(microseconds: i64) -> String {
    let mut out = String::with_capacity(15);
    put_time(&mut out, microseconds);
    out
}

/// Microseconds since 2000-01-01T00:00:00.
pub fn format_timestamp(microseconds: i64) -> String {
    let mut out = String::with_capacity(27);
    match microseconds {
        i64::MAX => out.push_str("infinity"),
        i64::MIN => out.push_str("-infinity"),
        microseconds => {
            put_date(&mut out, microseconds.div_euclid(MICROSECONDS_PER_DAY));
            out.push(' ');
            put_time(&mut out, microseconds.rem_euclid(MICROSECONDS_PER_DAY));
        }
    }
    out
}

/// Microseconds since 2000-01-01T00:00:00Z.
pub fn format_instant(microseconds: i64) -> String {
    let mut out = format_timestamp(microseconds);
    if !matches!(microseconds, i64::MIN | i64::MAX) {
        out.push('Z');
    }
    out
}

fn put_date(out: &mut String, days: i64) {
    let date = Civil::from_days(days);
    if date.year < 0 {
        out.push('-');
    }
    put_number(out, date.year.unsigned_abs(), 4);
    out.push('-');
    put_number(out, date.month.unsigned_abs(), 2);
    out.push('-');
    put_number(out, date.day.unsigned_abs(), 2);
}

fn put_time(out: &mut String, microseconds: i64) {
    if microseconds < 0 {
        out.push('-');
    }
    let seconds = microseconds.unsigned_abs() / 1_000_000;
    put_number(out, seconds / 3600, 2);
    out.push(':');
    put_number(out, seconds / 60 % 60, 2);
    out.push(':');
    put_number(out, seconds % 60, 2);
    let mut fraction = microseconds.unsigned_abs() % 1_000_000;
    if fraction > 0 {
        let mut width = 6;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
        out.push('.');
        put_number(out, fraction, width);
    }
}

/// A number with zeros in front up to `width` digits.
fn put_number(out: &mut String, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while number > 0 || digits.len() - start < width {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}
