//! Values: what is written comes back as it was, or is refused; it is never changed on the way.

use super::case::{Case, INT, assert_written, int, same, some, text};
use super::harness::{Edit, Harness, Table};
use crate::connector::{Guard, Outcome};
use crate::memory::{column, required, schema};
use crate::schema::FieldType;
use crate::value::Value;

/// Values of one type: those that every system holds, and those that it may refuse.
struct Sample {
    name: &'static str,
    ty: FieldType,
    held: Vec<Value>,
    extreme: Vec<Value>,
}

fn sample(name: &'static str, ty: FieldType, held: Vec<Value>, extreme: Vec<Value>) -> Sample {
    Sample { name, ty, held, extreme }
}

fn samples() -> Vec<Sample> {
    let decimals = |all: &[&str]| all.iter().map(|digits| Value::Decimal((*digits).into())).collect::<Vec<_>>();
    let texts = |all: &[&str]| all.iter().map(|word| text(word)).collect::<Vec<_>>();
    let jsons = |all: &[&str]| all.iter().map(|json| Value::Json((*json).into())).collect::<Vec<_>>();
    let day = 86_400_000_000;
    // Noon of a day in 2024, 1969, 1900 and 1; the first and the last microsecond of a day.
    let times = [8_825, -11_000, -36_500, -730_000].map(|days: i64| days * day + day / 2 + 1).to_vec();
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
            times.iter().copied().chain([0, -1, 1]).map(Value::Timestamp).collect(),
            [i64::MAX, i64::MIN, 3_000_000 * day].map(Value::Timestamp).to_vec(),
        ),
        sample(
            "instant",
            FieldType::Instant { precision: 6 },
            times.iter().copied().chain([0, -1, 1]).map(Value::Instant).collect(),
            [i64::MAX, i64::MIN].map(Value::Instant).to_vec(),
        ),
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

pub(super) async fn every_value_comes_back_or_is_refused(harness: &dyn Harness) {
    for sample in samples() {
        let name = format!("values_{}", sample.name);
        let columns = vec![required("id", INT), column("v", sample.ty.clone())];
        let table = Table { schema: schema(&name, &["id"], columns), rows: vec![], at_most: None, upper_case: None };
        let case = Case::new(harness, "values: written and read", table).await;
        let dataset = case.opened().await;
        let held = sample.held.len();
        let rows: Vec<Vec<Value>> = (0..)
            .zip(sample.held.iter().chain(&sample.extreme).chain([&Value::Null]))
            .map(|(id, value)| vec![int(id), value.clone()])
            .collect();
        let writes = rows.iter().map(|row| case.create(&dataset, row)).collect();
        let outcomes = case.apply(&dataset, Guard::Compare, writes).await;
        let mut written = Vec::new();
        for (index, (row, outcome)) in rows.iter().zip(&outcomes).enumerate() {
            let may_refuse = index >= held && !row[1].is_null();
            match outcome {
                Outcome::Written => written.push(row.clone()),
                Outcome::Rejected(_) if may_refuse => {}
                other => panic!("{}: {} {:?} is answered with {other:?}", case.topic, sample.name, row[1]),
            }
        }
        let read = case.read(&dataset).await;
        assert_eq!(read.len(), written.len(), "{}: {}: records read", case.topic, sample.name);
        for (read, written) in read.iter().zip(&written) {
            let read = read.values();
            assert!(same(read, written), "{}: {}: {written:?} is read as {read:?}", case.topic, sample.name);
        }
        case.assert_rows(&written).await;
    }
}

pub(super) async fn null_and_empty_text_are_told_apart(harness: &dyn Harness) {
    let columns = vec![required("id", INT), column("v", FieldType::TEXT)];
    let table =
        Table { schema: schema("values_empty", &["id"], columns), rows: vec![], at_most: None, upper_case: None };
    let case = Case::new(harness, "values: empty and NULL", table).await;
    let dataset = case.opened().await;
    let rows = [vec![int(1), text("")], vec![int(2), Value::Null], vec![int(3), text(" ")]];
    let writes = rows.iter().map(|row| case.create(&dataset, row)).collect();
    for outcome in case.apply(&dataset, Guard::Compare, writes).await {
        assert_written(&outcome, case.topic);
    }
    let read: Vec<Value> = case.read(&dataset).await.iter().map(|row| row.values()[1].clone()).collect();
    if harness.promises().empty_text {
        assert_eq!(read, [text(""), Value::Null, text(" ")], "{}", case.topic);
    } else {
        assert!(read[0] == read[1], "{}: read as {read:?}", case.topic);
        assert_eq!(read[2], text(" "), "{}", case.topic);
    }
}

pub(super) async fn what_others_wrote_is_read_as_it_is(harness: &dyn Harness) {
    for sample in samples() {
        let name = format!("values_others_{}", sample.name);
        let columns = vec![required("id", INT), column("v", sample.ty.clone())];
        let rows: Vec<Vec<Value>> = (0..).zip(&sample.held).map(|(id, value)| vec![int(id), value.clone()]).collect();
        let table = Table { schema: schema(&name, &["id"], columns), rows, at_most: None, upper_case: None };
        let case = Case::new(harness, "values: written by others", table).await;
        case.edit(Edit::Put(vec![int(1000), sample.held[0].clone()])).await;
        let dataset = case.opened().await;
        let mut expected = case.table.rows.clone();
        expected.push(vec![int(1000), sample.held[0].clone()]);
        let read = case.read(&dataset).await;
        assert_eq!(read.len(), expected.len(), "{}: {}: records read", case.topic, sample.name);
        for (row, expected) in read.iter().zip(&expected) {
            let values = row.values();
            assert!(same(values, expected), "{}: {}: {expected:?} is read as {values:?}", case.topic, sample.name);
            let found = case.find(&dataset, &expected[..1]).await;
            let found = some(found, case.topic, "the record is not found by its key");
            assert_eq!(found.hash, row.hash, "{}: {}: looked up it has another hash", case.topic, sample.name);
        }
    }
}
