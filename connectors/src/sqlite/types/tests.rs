//! Values in and out, against a real table of each affinity.

use pinksync_engine::schema::Fold;
use rusqlite::{Connection, params};

use super::*;

fn column(native: FieldType, common: FieldType) -> SideColumn {
    SideColumn { name: "c".to_owned(), native, common, writable: true, empty_is_null: false }
}

/// Stores a value in a column of the declared type and reads it again; `Err`: it was refused.
fn round_trip(declared: &str, column: &SideColumn, value: &Value) -> Result<Value, String> {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(&format!("CREATE TABLE t (c {declared})")).unwrap();
    let stored = store(value, Affinity::of(declared, false), column)?;
    connection.execute("INSERT INTO t VALUES (?1)", params![stored]).unwrap();
    let back = connection.query_row("SELECT c FROM t", [], |row| Ok(read(row.get_ref(0)?, &column.native)));
    Ok(back.unwrap())
}

#[test]
fn affinities_follow_the_declared_type() {
    for (declared, affinity) in [
        ("INTEGER", Affinity::Integer),
        ("bigint", Affinity::Integer),
        ("FLOATING POINT", Affinity::Integer),
        ("VARCHAR(10)", Affinity::Text),
        ("CLOB", Affinity::Text),
        ("BLOB", Affinity::None),
        ("", Affinity::None),
        ("DOUBLE PRECISION", Affinity::Real),
        ("DECIMAL(10,2)", Affinity::Numeric),
        ("DATETIME", Affinity::Numeric),
        ("STRING", Affinity::Numeric),
        ("ANY", Affinity::Numeric),
    ] {
        assert_eq!(Affinity::of(declared, false), affinity, "{declared}");
    }
    assert_eq!(Affinity::of("ANY", true), Affinity::None);
}

#[test]
fn what_is_accepted_reads_back_as_the_same_value() {
    let decimal = FieldType::Decimal { precision: Some(15), scale: Some(2) };
    let float = FieldType::Float { bits: 64 };
    let text = FieldType::TEXT;
    let cases: Vec<(&str, FieldType, FieldType, Vec<Value>)> = vec![
        (
            "INTEGER",
            FieldType::Int { bits: 64 },
            FieldType::Int { bits: 64 },
            vec![Value::Int(i64::MIN), Value::Int(-1), Value::Int(0), Value::Int(i64::MAX), Value::Null],
        ),
        ("BOOLEAN", FieldType::Bool, FieldType::Bool, vec![Value::Bool(true), Value::Bool(false), Value::Null]),
        (
            "REAL",
            float.clone(),
            float,
            vec![
                Value::Float(0.1),
                Value::Float(0.0),
                Value::Float(5.0),
                Value::Float(f64::MIN_POSITIVE),
                Value::Float(f64::MAX),
                Value::Float(f64::INFINITY),
                Value::Float(1e300),
                Value::Float(9.007_199_254_740_993e15),
            ],
        ),
        (
            "DECIMAL(15,2)",
            decimal.clone(),
            decimal,
            vec![
                Value::Decimal("12.50".into()),
                Value::Decimal("-0.01".into()),
                Value::Decimal("9999999999999.99".into()),
                Value::Decimal("100".into()),
                Value::Decimal("0.00".into()),
                Value::Decimal("Infinity".into()),
            ],
        ),
        (
            "TEXT",
            text.clone(),
            text.clone(),
            vec![Value::text(""), Value::text("007"), Value::text("a\0b"), Value::text("ünï"), Value::text("1e5")],
        ),
        (
            "DATETIME",
            text.clone(),
            text.clone(),
            vec![Value::text("2024-02-29 13:04:05.5"), Value::text("7"), Value::text("-1.5"), Value::text("nan")],
        ),
        ("", text.clone(), text, vec![Value::text("007"), Value::text("5"), Value::text("")]),
        ("BLOB", FieldType::Bytes, FieldType::Bytes, vec![Value::Bytes([0, 255].into()), Value::Bytes([].into())]),
        (
            "JSON",
            FieldType::Json,
            FieldType::Json,
            vec![Value::Json(r#"{"a": 1.0}"#.into()), Value::Json("5".into()), Value::Json("null".into())],
        ),
    ];
    for (declared, native, common, values) in cases {
        let column = column(native, common);
        for value in values {
            let back =
                round_trip(declared, &column, &value).unwrap_or_else(|reason| panic!("{declared} {value:?}: {reason}"));
            assert!(back.same(&value), "{declared}: {value:?} came back as {back:?}");
        }
    }
}

#[test]
fn what_sqlite_would_change_is_refused() {
    let float = column(FieldType::Float { bits: 64 }, FieldType::Float { bits: 64 });
    assert!(round_trip("REAL", &float, &Value::Float(f64::NAN)).unwrap_err().contains("NaN"));
    assert!(round_trip("REAL", &float, &Value::Float(-0.0)).unwrap_err().contains("-0.0 as 0"));
    let ty = FieldType::Decimal { precision: None, scale: None };
    let decimal = column(ty.clone(), ty);
    for digits in ["NaN", "0.1234567890123456789", "12345678901234567890.5", "99999999999999999999"] {
        assert!(round_trip("NUMERIC", &decimal, &Value::Decimal(digits.into())).is_err(), "{digits}");
    }
    let text = column(FieldType::TEXT, FieldType::TEXT);
    for number in ["007", "1.50", " 5", "1e5", "+5", ".5", "5.", "12345678901234567890", "-0"] {
        let reason = round_trip("STRING", &text, &Value::text(number)).unwrap_err();
        assert!(reason.contains("TEXT"), "{reason}");
    }
    let json = column(FieldType::Json, FieldType::Json);
    assert!(round_trip("JSON", &json, &Value::Json("12345678901234567890123".into())).is_err());
    assert!(round_trip("TEXT", &text, &Value::Uuid([1; 16])).is_err());
}

#[test]
fn a_text_that_stands_for_a_number_may_be_spelled_as_sqlite_spells_it() {
    let common = FieldType::Decimal { precision: Some(10), scale: Some(2) };
    let money = column(FieldType::TEXT, common);
    assert_eq!(round_trip("MONEY", &money, &Value::text("12.50")), Ok(Value::text("12.5")));
    assert!(round_trip("MONEY", &money, &Value::text("0.1234567890123456789")).is_err());
}

#[test]
fn storage_classes_that_do_not_fit_the_type_are_kept_as_they_are() {
    let int = FieldType::Int { bits: 64 };
    assert_eq!(read(ValueRef::Real(1.5), &int), Value::Float(1.5));
    assert_eq!(read(ValueRef::Text(b"x"), &int), Value::text("x"));
    assert_eq!(read(ValueRef::Integer(2), &FieldType::Bool), Value::Int(2));
    assert_eq!(read(ValueRef::Blob(&[1]), &FieldType::TEXT), Value::Bytes([1].into()));
    assert_eq!(read(ValueRef::Text(&[0xff]), &FieldType::TEXT), Value::Bytes([0xff].into()));
    let float = FieldType::Float { bits: 64 };
    assert_eq!(read(ValueRef::Integer(7), &float), Value::Float(7.0));
    assert_eq!(read(ValueRef::Integer(i64::MAX), &float), Value::Int(i64::MAX));
    assert_eq!(read(ValueRef::Integer((1 << 53) + 1), &float), Value::Int((1 << 53) + 1));
    let folded = FieldType::Text { max_chars: None, fold: Fold::AsciiCase };
    assert_eq!(read(ValueRef::Integer(7), &folded), Value::text("7"));
    assert_eq!(read(ValueRef::Real(1e21), &FieldType::TEXT), Value::text("1000000000000000000000"));
}

#[test]
fn an_image_keeps_storage_classes() {
    assert_eq!(image(ValueRef::Integer(1)), Some(Value::Int(1)));
    assert_eq!(image(ValueRef::Real(1.0)), Some(Value::Float(1.0)));
    assert_eq!(image(ValueRef::Text(b"1")), Some(Value::text("1")));
    assert_eq!(image(ValueRef::Blob(b"1")), Some(Value::Bytes((*b"1").into())));
    assert_eq!(image(ValueRef::Null), Some(Value::Null));
    assert_eq!(image(ValueRef::Text(&[0xff])), None);
}
