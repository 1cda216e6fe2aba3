//! Values of every type, the limits among them.

use super::case::{INT, int, text};
use crate::schema::FieldType;
use crate::value::Value;

/// Values of one type.
pub(super) struct Sample {
    pub name: &'static str,
    pub ty: FieldType,
    /// Those that every system holds.
    pub held: Vec<Value>,
    /// Those that a system may refuse, but not change.
    pub extreme: Vec<Value>,
}

pub(super) fn samples() -> Vec<Sample> {
    [numbers(), texts_and_bytes(), times(), others()].into_iter().flatten().collect()
}

fn sample(name: &'static str, ty: FieldType, held: Vec<Value>, extreme: Vec<Value>) -> Sample {
    Sample { name, ty, held, extreme }
}

fn numbers() -> Vec<Sample> {
    let decimals = |all: &[&str]| all.iter().map(|digits| Value::Decimal((*digits).into())).collect::<Vec<_>>();
    let long = "12345678901234567890.12345678901234567890";
    vec![
        sample("bool", FieldType::Bool, vec![Value::Bool(true), Value::Bool(false)], vec![]),
        sample("int16", FieldType::Int { bits: 16 }, [0, -32768, 32767].map(int).to_vec(), vec![]),
        sample(
            "int32",
            FieldType::Int { bits: 32 },
            [i64::from(i32::MIN), i64::from(i32::MAX)].map(int).to_vec(),
            vec![],
        ),
        sample("int64", INT, [i64::MIN, i64::MAX, (1 << 53) + 1, -(1 << 53) - 1, -1].map(int).to_vec(), vec![]),
        sample(
            "float64",
            FieldType::Float { bits: 64 },
            [0.1, -1.5, 1e300, 5e-324, f64::MAX, f64::MIN_POSITIVE, 1.0 / 3.0].map(Value::Float).to_vec(),
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0].map(Value::Float).to_vec(),
        ),
        sample(
            "decimal",
            FieldType::Decimal { precision: None, scale: None },
            decimals(&["0", "1.50", "-0.01", "99999999999999999999.99", long, "0.000000000000000000001"]),
            decimals(&["NaN", "Infinity", "-Infinity"]),
        ),
        sample(
            "price",
            FieldType::Decimal { precision: Some(12), scale: Some(2) },
            decimals(&["0.00", "9999999999.99", "-9999999999.99", "1.10", "0.01"]),
            vec![],
        ),
    ]
}

fn texts_and_bytes() -> Vec<Sample> {
    let texts = |all: &[&str]| all.iter().map(|word| text(word)).collect::<Vec<_>>();
    vec![
        sample(
            "text",
            FieldType::TEXT,
            texts(&[
                "x",
                " ",
                "  two ",
                "ä ö ü ß",
                "日本語",
                "😀",
                "e\u{301}",
                "a\nb\r\nc",
                "\"quoted\", 'so'",
                "a;b\tc",
            ]),
            // The last two may stand for NULL in a file.
            texts(&["a\0b", "\u{feff}x", "\u{fffd}", "\\N", "NULL"]),
        ),
        sample(
            "bytes",
            FieldType::Bytes,
            [vec![0_u8], vec![0, 255, 10, 13, 34, 92], (0..=255).collect()]
                .map(|bytes| Value::Bytes(bytes.into()))
                .to_vec(),
            vec![Value::Bytes([].into())],
        ),
    ]
}

fn times() -> Vec<Sample> {
    let day = 86_400_000_000;
    // A microsecond after noon of a day in 2024, 1969, 1900 and 1; the last and the first microsecond of a day.
    let noons = [8_825, -11_000, -36_500, -730_000].map(|days: i64| days * day + day / 2 + 1);
    let times: Vec<i64> = noons.into_iter().chain([-1, 0, 1]).collect();
    vec![
        sample(
            "date",
            FieldType::Date,
            [0, -1, 8825, -36_524, -730_000].map(Value::Date).to_vec(),
            [3_000_000, -740_000, i32::MAX, i32::MIN].map(Value::Date).to_vec(),
        ),
        sample(
            "time",
            FieldType::Time { precision: 6 },
            [0, 1, day - 1, 45_296_123_000].map(Value::Time).to_vec(),
            vec![Value::Time(day)],
        ),
        sample(
            "timestamp",
            FieldType::Timestamp { precision: 6 },
            times.iter().copied().map(Value::Timestamp).collect(),
            [i64::MAX, i64::MIN, 3_000_000 * day].map(Value::Timestamp).to_vec(),
        ),
        sample(
            "instant",
            FieldType::Instant { precision: 6 },
            times.iter().copied().map(Value::Instant).collect(),
            [i64::MAX, i64::MIN].map(Value::Instant).to_vec(),
        ),
    ]
}

fn others() -> Vec<Sample> {
    let jsons = |all: &[&str]| all.iter().map(|json| Value::Json((*json).into())).collect::<Vec<_>>();
    vec![
        sample("uuid", FieldType::Uuid, [[0; 16], [255; 16], *b"0123456789abcdef"].map(Value::Uuid).to_vec(), vec![]),
        sample(
            "json",
            FieldType::Json,
            jsons(&[
                r#"{"b": 1, "a": [true, null, "x"]}"#,
                "[]",
                "12345678901234567890",
                r#""text""#,
                r#"{"long": 0.1234567890123456789}"#,
            ]),
            jsons(&["null"]),
        ),
    ]
}
