//! Reads dates and times: the canonical text, ISO 8601 with `T` and offsets, and PostgreSQL's own output with ` BC`.

use super::civil::Civil;
use super::{MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND, TimeError};

const DATE: TimeError = TimeError::Form("a date like 2024-02-29");
const TIME: TimeError = TimeError::Form("a time of day like 13:04:05.5");
const TIMESTAMP: TimeError = TimeError::Form("a date and time like 2024-02-29 13:04:05.5");
const INSTANT: TimeError = TimeError::Form("a date and time like 2024-02-29 13:04:05.5Z");

/// Days since 2000-01-01.
pub fn parse_date(text: &str) -> Result<i32, TimeError> {
    match infinity(text) {
        Some(true) => return Ok(i32::MAX),
        Some(false) => return Ok(i32::MIN),
        None => {}
    }
    let mut cursor = Cursor::new(text, DATE);
    let date = cursor.date()?;
    let days = cursor.era(date)?;
    cursor.end()?;
    match i32::try_from(days) {
        Ok(i32::MIN | i32::MAX) | Err(_) => Err(TimeError::Range),
        Ok(days) => Ok(days),
    }
}

/// Microseconds since midnight; `24:00:00` is the end of the day.
pub fn parse_time(text: &str) -> Result<i64, TimeError> {
    let mut cursor = Cursor::new(text, TIME);
    let time = cursor.time()?;
    if cursor.offset()?.is_some() {
        return Err(TimeError::Offset);
    }
    cursor.end()?;
    Ok(time)
}

/// Microseconds since 2000-01-01T00:00:00. A date alone is its midnight. Offsets other than zero are refused.
pub fn parse_timestamp(text: &str) -> Result<i64, TimeError> {
    date_and_time(text, TIMESTAMP, |offset| match offset {
        None | Some(0) => Ok(0),
        Some(_) => Err(TimeError::Offset),
    })
}

/// Microseconds since 2000-01-01T00:00:00Z. A date alone is its midnight; text without an offset is UTC.
pub fn parse_instant(text: &str) -> Result<i64, TimeError> {
    date_and_time(text, INSTANT, |offset| Ok(offset.unwrap_or(0)))
}

fn date_and_time(
    text: &str,
    form: TimeError,
    use_offset: fn(Option<i64>) -> Result<i64, TimeError>,
) -> Result<i64, TimeError> {
    match infinity(text) {
        Some(true) => return Ok(i64::MAX),
        Some(false) => return Ok(i64::MIN),
        None => {}
    }
    let mut cursor = Cursor::new(text, form);
    let date = cursor.date()?;
    let (mut time, mut offset) = (0, None);
    if cursor.skip_any(b"Tt") || cursor.skip_before_digit(b' ') {
        time = cursor.time()?;
        offset = cursor.offset()?;
    }
    let days = cursor.era(date)?;
    cursor.end()?;
    if time == MICROSECONDS_PER_DAY {
        return Err(TimeError::Nonexistent);
    }
    let offset = use_offset(offset)? * MICROSECONDS_PER_SECOND;
    // In 128 bits, since the last day that fits begins after the last microsecond that does, less an offset.
    let microseconds = i128::from(days) * i128::from(MICROSECONDS_PER_DAY) + i128::from(time) - i128::from(offset);
    match i64::try_from(microseconds) {
        Ok(i64::MIN | i64::MAX) | Err(_) => Err(TimeError::Range),
        Ok(microseconds) => Ok(microseconds),
    }
}

/// True for `infinity`, false for `-infinity`.
fn infinity(text: &str) -> Option<bool> {
    let text = text.trim_ascii();
    let (positive, name) = match text.as_bytes().first()? {
        b'-' => (false, &text[1..]),
        b'+' => (true, &text[1..]),
        _ => (true, text),
    };
    name.eq_ignore_ascii_case("infinity").then_some(positive)
}

/// The rest of a text, read from the front.
struct Cursor<'a> {
    rest: &'a [u8],
    /// What to say where the text has another form.
    form: TimeError,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str, form: TimeError) -> Self {
        Self { rest: text.trim_ascii().as_bytes(), form }
    }

    fn end(&self) -> Result<(), TimeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.form) }
    }

    fn skip(&mut self, byte: u8) -> Result<(), TimeError> {
        if self.skip_any(&[byte]) { Ok(()) } else { Err(self.form) }
    }

    fn skip_any(&mut self, bytes: &[u8]) -> bool {
        match self.rest {
            [first, rest @ ..] if bytes.contains(first) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn skip_before_digit(&mut self, byte: u8) -> bool {
        matches!(self.rest, [first, b'0'..=b'9', ..] if *first == byte) && self.skip_any(&[byte])
    }

    fn skip_word(&mut self, word: &str) -> bool {
        match self.rest.split_at_checked(word.len()) {
            Some((first, rest)) if first.eq_ignore_ascii_case(word.as_bytes()) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// As many digits as stand here, between two bounds (at most 18).
    fn number(&mut self, least: usize, most: usize) -> Result<i64, TimeError> {
        let digits = self.rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if digits < least {
            return Err(self.form);
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        Ok(number.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// Year, month and day as they are written, not checked.
    fn date(&mut self) -> Result<(i64, i64, i64), TimeError> {
        let negative = self.skip_any(b"-");
        if !negative {
            self.skip_any(b"+");
        }
        let year = self.number(4, 7)?;
        self.skip(b'-')?;
        let month = self.number(2, 2)?;
        self.skip(b'-')?;
        let day = self.number(2, 2)?;
        Ok((if negative { -year } else { year }, month, day))
    }

    /// The days of a date, after the ` BC` that may stand at the very end.
    fn era(&mut self, (year, month, day): (i64, i64, i64)) -> Result<i64, TimeError> {
        let before_christ = self.skip_word(" BC");
        let year = match (before_christ, year) {
            (true, ..=0) => return Err(TimeError::Nonexistent),
            (true, year) => 1 - year,
            (false, year) => year,
        };
        Civil::new(year, month, day).map(Civil::days).ok_or(TimeError::Nonexistent)
    }

    fn time(&mut self) -> Result<i64, TimeError> {
        let hours = self.number(2, 2)?;
        self.skip(b':')?;
        let minutes = self.number(2, 2)?;
        let (mut seconds, mut fraction) = (0, 0);
        if self.skip_any(b":") {
            seconds = self.number(2, 2)?;
            if self.skip_any(b".,") {
                fraction = self.fraction()?;
            }
        }
        let time = ((hours * 60 + minutes) * 60 + seconds) * MICROSECONDS_PER_SECOND + fraction;
        if minutes > 59 || seconds > 59 || time > MICROSECONDS_PER_DAY {
            return Err(TimeError::Nonexistent);
        }
        Ok(time)
    }

    /// Microseconds.
    fn fraction(&mut self) -> Result<i64, TimeError> {
        let before = self.rest.len();
        let mut fraction = self.number(1, 6)?;
        for _ in before - self.rest.len()..6 {
            fraction *= 10;
        }
        while self.skip_any(b"0") {}
        match self.rest.first() {
            Some(b'1'..=b'9') => Err(TimeError::TooFine),
            _ => Ok(fraction),
        }
    }

    /// Seconds east of UTC; `None` where no offset stands.
    fn offset(&mut self) -> Result<Option<i64>, TimeError> {
        if self.skip_any(b"Zz") || self.skip_word(" UTC") || self.skip_word(" Z") {
            return Ok(Some(0));
        }
        if matches!(self.rest, [b' ', b'+' | b'-', ..]) {
            self.skip(b' ')?;
        }
        let sign = match self.rest.first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Ok(None),
        };
        self.rest = &self.rest[1..];
        let hours = self.number(2, 2)?;
        let (mut minutes, mut seconds) = (0, 0);
        if self.skip_any(b":") {
            minutes = self.number(2, 2)?;
            if self.skip_any(b":") {
                seconds = self.number(2, 2)?;
            }
        } else if self.rest.first().is_some_and(u8::is_ascii_digit) {
            minutes = self.number(2, 2)?;
        }
        if hours > 23 || minutes > 59 || seconds > 59 {
            return Err(TimeError::Nonexistent);
        }
        Ok(Some(sign * ((hours * 60 + minutes) * 60 + seconds)))
    }
}
