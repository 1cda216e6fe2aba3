//! Values between SQLite's storage classes and ours. What a column's affinity would silently change is refused.

use pinksync_engine::Value;
use pinksync_engine::reduce;
use pinksync_engine::row::SideColumn;
use pinksync_engine::schema::FieldType;
use rusqlite::types::{Null, ToSqlOutput, ValueRef};

/// What SQLite does to a value stored in a column (<https://www.sqlite.org/datatype3.html#determination_of_column_affinity>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    Integer,
    Real,
    Numeric,
    Text,
    /// Keeps everything as it is given (declared BLOB or nothing; ANY in a STRICT table).
    None,
}

impl Affinity {
    pub fn of(declared: &str, strict: bool) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        match () {
            () if strict && declared == "ANY" => Self::None,
            () if has("INT") => Self::Integer,
            () if has("CHAR") || has("CLOB") || has("TEXT") => Self::Text,
            () if declared.is_empty() || has("BLOB") => Self::None,
            () if has("REAL") || has("FLOA") || has("DOUB") => Self::Real,
            () => Self::Numeric,
        }
    }

    /// Turns text that looks like a number into one.
    fn makes_numbers(self) -> bool {
        matches!(self, Self::Integer | Self::Real | Self::Numeric)
    }
}

/// A stored value as one of a column of type `native`. A storage class that does not fit the type is kept as it is,
/// so that the record is found not convertible and is left alone.
pub fn read(stored: ValueRef<'_>, native: &FieldType) -> Value {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => integer(number, native),
        ValueRef::Real(number) => real(number, native),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.into()),
        ValueRef::Text(bytes) => match (std::str::from_utf8(bytes), native) {
            (Ok(text), FieldType::Json) => Value::Json(text.into()),
            (Ok(text), _) => Value::Text(text.into()),
            (Err(_), _) => Value::Bytes(bytes.into()),
        },
    }
}

fn integer(number: i64, native: &FieldType) -> Value {
    match native {
        FieldType::Bool if number == 0 || number == 1 => Value::Bool(number == 1),
        // The cast back saturates, so that a number beyond 2^53 compares unequal unless it is held exactly.
        FieldType::Float { .. } if number as f64 as i64 == number && number != i64::MAX => Value::Float(number as f64),
        FieldType::Decimal { .. } => Value::Decimal(number.to_string().into()),
        FieldType::Text { .. } | FieldType::Native { .. } => Value::Text(number.to_string().into()),
        FieldType::Json => Value::Json(number.to_string().into()),
        _ => Value::Int(number),
    }
}

fn real(number: f64, native: &FieldType) -> Value {
    match native {
        FieldType::Decimal { .. } => Value::Decimal(plain(number).into()),
        FieldType::Text { .. } | FieldType::Native { .. } => Value::Text(plain(number).into()),
        FieldType::Json if number.is_finite() => Value::Json(plain(number).into()),
        _ => Value::Float(number),
    }
}

/// The shortest digits that give this number again, without an exponent.
fn plain(number: f64) -> String {
    match number {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        // SQLite makes no difference between 0 and -0 where it counts as a number.
        0.0 => "0".to_owned(),
        number => number.to_string(),
    }
}

/// A stored value as it is, for the image of a whole record. `None`: text that is not UTF-8 has no place in an image.
pub fn image(stored: ValueRef<'_>) -> Option<Value> {
    Some(match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(bytes) => Value::Text(std::str::from_utf8(bytes).ok()?.into()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.into()),
    })
}

/// A value as it is stored in `column`.
///
/// # Errors
/// Says why SQLite would not give the same value back.
pub fn store<'a>(value: &'a Value, affinity: Affinity, column: &SideColumn) -> Result<ToSqlOutput<'a>, String> {
    match value {
        Value::Missing | Value::Null => Ok(ToSqlOutput::from(Null)),
        Value::Bool(value) => Ok(ToSqlOutput::from(i64::from(*value))),
        Value::Int(number) => Ok(ToSqlOutput::from(*number)),
        Value::Float(number) => float(*number, affinity),
        Value::Decimal(digits) if affinity.makes_numbers() => decimal(digits, value, column),
        Value::Decimal(text) | Value::Text(text) | Value::Json(text) => {
            if affinity.makes_numbers() {
                check_text(text, value, column)?;
            }
            Ok(ToSqlOutput::from(&**text))
        }
        Value::Bytes(bytes) => Ok(ToSqlOutput::from(&**bytes)),
        Value::Date(_) | Value::Time(_) | Value::Timestamp(_) | Value::Instant(_) | Value::Uuid(_) => {
            Err("SQLite has no such type: the value must come as text".to_owned())
        }
    }
}

fn float<'a>(number: f64, affinity: Affinity) -> Result<ToSqlOutput<'a>, String> {
    if number.is_nan() {
        return Err("SQLite cannot hold NaN: it would become NULL".to_owned());
    }
    if number == 0.0 && number.is_sign_negative() && affinity.makes_numbers() {
        return Err("SQLite would store -0.0 as 0 in this column: declare it without a type to keep it".to_owned());
    }
    Ok(ToSqlOutput::from(number))
}

fn decimal<'a>(digits: &str, value: &Value, column: &SideColumn) -> Result<ToSqlOutput<'a>, String> {
    if let Ok(number) = digits.parse::<i64>() {
        return Ok(ToSqlOutput::from(number));
    }
    let number = match digits {
        "NaN" => return Err("SQLite cannot hold NaN: it would become NULL".to_owned()),
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        digits => digits.parse::<f64>().map_err(|_| format!("{} is not a number", shortened(digits)))?,
    };
    if reads_back_as(value, &real(number, &column.native), column) {
        return Ok(ToSqlOutput::from(number));
    }
    Err(format!("SQLite would round {} to {} in a numeric column", shortened(digits), shortened(&plain(number))))
}

/// Text in a column of numeric affinity becomes a number if it looks like one: `007` would come back as `7`.
fn check_text(text: &str, value: &Value, column: &SideColumn) -> Result<(), String> {
    let Some(number) = as_number(text) else {
        return Ok(());
    };
    let back = match number {
        Number::Integer(number) => integer(number, &column.native),
        Number::Real(number) => real(number, &column.native),
    };
    if reads_back_as(value, &back, column) {
        return Ok(());
    }
    Err(format!(
        "SQLite would store {} as a number in this column: declare the column as TEXT to keep it",
        shortened(text)
    ))
}

fn reads_back_as(value: &Value, back: &Value, column: &SideColumn) -> bool {
    let common = |value| reduce::reduce(value, &column.native, &column.common);
    match (common(value), common(back)) {
        (Ok(value), Ok(back)) => value.same(&back),
        (Err(_), _) | (_, Err(_)) => value.same(back),
    }
}

enum Number {
    Integer(i64),
    Real(f64),
}

/// What SQLite's numeric affinity makes of a text; `None`: it stays text.
fn as_number(text: &str) -> Option<Number> {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let numeric = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
    if !trimmed.bytes().all(numeric) || !trimmed.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    if let Ok(number) = trimmed.parse::<i64>() {
        return Some(Number::Integer(number));
    }
    trimmed.parse::<f64>().ok().map(Number::Real)
}

/// The start of a value, for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The number that a text may stand for; everything else as given.
pub fn as_number_or_given(value: &Value) -> ToSqlOutput<'_> {
    match value {
        Value::Text(text) => match as_number(text) {
            Some(Number::Integer(number)) => ToSqlOutput::from(number),
            Some(Number::Real(number)) => ToSqlOutput::from(number),
            None => as_given(value),
        },
        _ => as_given(value),
    }
}

/// A value bound without any check: for comparing, and for putting an image back.
pub fn as_given(value: &Value) -> ToSqlOutput<'_> {
    match value {
        Value::Missing | Value::Null => ToSqlOutput::from(Null),
        Value::Bool(value) => ToSqlOutput::from(i64::from(*value)),
        Value::Int(number) | Value::Time(number) | Value::Timestamp(number) | Value::Instant(number) => {
            ToSqlOutput::from(*number)
        }
        Value::Date(days) => ToSqlOutput::from(i64::from(*days)),
        Value::Float(number) => ToSqlOutput::from(*number),
        Value::Decimal(text) | Value::Text(text) | Value::Json(text) => ToSqlOutput::from(&**text),
        Value::Bytes(bytes) => ToSqlOutput::from(&**bytes),
        Value::Uuid(bytes) => ToSqlOutput::from(&bytes[..]),
    }
}

#[cfg(test)]
mod tests;
