//! Single values and rows, in and out of common form.

use super::*;

fn reduced(value: Value, native: &FieldType, common: &FieldType) -> Result<Value, String> {
    reduce(&value, native, common).map_err(|error| error.0)
}

fn dec(text: &str) -> Value {
    Value::Decimal(text.into())
}

#[test]
fn text_is_read_strictly() {
    let read = |text: &str, ty: FieldType| reduced(Value::text(text), &FieldType::TEXT, &ty);
    for (text, ty, value) in [
        ("T", FieldType::Bool, Value::Bool(true)),
        ("no", FieldType::Bool, Value::Bool(false)),
        (" 12 ", INT, Value::Int(12)),
        ("12.0", INT, Value::Int(12)),
        ("1e3", INT, Value::Int(1000)),
        ("-9223372036854775808", INT, Value::Int(i64::MIN)),
        ("0.1", FLOAT, Value::Float(0.1)),
        ("-inf", FLOAT, Value::Float(f64::NEG_INFINITY)),
        ("0.1", FieldType::Float { bits: 32 }, Value::Float(f64::from(0.1_f32))),
        ("1.50", decimal(10, 2), dec("1.50")),
        ("1.5000", decimal(10, 2), dec("1.5000")),
        ("+1.5", decimal(10, 2), dec("1.5")),
        ("15e-1", decimal(10, 2), dec("1.5")),
        (".5", ANY_DECIMAL, dec("0.5")),
        ("inf", ANY_DECIMAL, dec("Infinity")),
        ("\\x00fF", FieldType::Bytes, Value::Bytes([0, 255].into())),
        ("2024-02-29", FieldType::Date, Value::Date(8_825)),
        ("2024-02-29 00:00:00", FieldType::Date, Value::Date(8_825)),
        ("00:00:01.50", FieldType::Time { precision: 1 }, Value::Time(1_500_000)),
        ("2000-01-01T00:00", timestamp(0), Value::Timestamp(0)),
        ("2000-01-01 00:00:00", instant(6), Value::Instant(0)),
        ("{11111111-1111-1111-1111-111111111111}", FieldType::Uuid, Value::Uuid([0x11; 16])),
        ("[1, 2]", FieldType::Json, Value::Json("[1, 2]".into())),
        ("10.0.0.1", named("inet"), Value::text("10.0.0.1")),
    ] {
        assert_eq!(read(text, ty), Ok(value), "{text}");
    }
    for (text, ty, reason) in [
        ("maybe", FieldType::Bool, "is not a boolean"),
        ("12.5", INT, "is not a whole number of 64 bits"),
        ("", INT, "is not a whole number"),
        ("1e999", FLOAT, "is out of the range of floats"),
        ("1e-999", FLOAT, "is out of the range of floats"),
        ("1,5", FLOAT, "is not a number"),
        ("1.234", decimal(10, 2), "has more than 2 digits after the point: round it"),
        ("12345678901234567890.1", decimal(15, 2), "has more than 15 digits"),
        ("1e999999999", ANY_DECIMAL, "has too many digits"),
        ("abc", ANY_DECIMAL, "is not a decimal"),
        ("\\x0", FieldType::Bytes, "hexadecimal"),
        ("2023-02-29", FieldType::Date, "does not exist"),
        ("00:00:01.55", FieldType::Time { precision: 1 }, "has more than 1 digits of a second"),
        ("2024-02-29 00:00:00+02", timestamp(6), "has an offset from UTC"),
        ("123", FieldType::Uuid, "is not a UUID"),
        ("{", FieldType::Json, "is not JSON"),
    ] {
        let error = read(text, ty).unwrap_err();
        assert!(error.contains(reason) && error.starts_with(&format!("`{text}` ")), "{error}");
    }
}

#[test]
fn lossy_types_round_half_away_from_zero() {
    let to_cents = |text: &str| reduced(dec(text), &decimal(10, 4), &decimal(10, 2));
    assert_eq!(to_cents("1.005"), Ok(dec("1.01")));
    assert_eq!(to_cents("-1.005"), Ok(dec("-1.01")));
    assert_eq!(to_cents("1.0049"), Ok(dec("1.00")));
    assert!(to_cents("0.001").unwrap().same(&dec("0")));
    assert!(to_cents("-0.001").unwrap().same(&dec("0")));
    assert_eq!(to_cents("NaN"), Ok(dec("NaN")));
    assert!(reduced(dec("1250"), &decimal(10, 0), &decimal(5, -2)).unwrap().same(&dec("1300")));
    assert_eq!(reduced(dec("2.5"), &decimal(10, 4), &INT), Ok(Value::Int(3)));
    assert_eq!(reduced(dec("-2.5"), &decimal(10, 4), &INT), Ok(Value::Int(-3)));
    assert!(reduced(dec("NaN"), &ANY_DECIMAL, &INT).is_err());
    assert_eq!(reduced(Value::Float(2.5), &FLOAT, &INT), Ok(Value::Int(3)));
    assert_eq!(
        reduced(Value::Float(0.1), &FLOAT, &FieldType::Float { bits: 32 }),
        Ok(Value::Float(f64::from(0.1_f32)))
    );
    assert_eq!(reduced(Value::Timestamp(1_500_000), &timestamp(6), &timestamp(0)), Ok(Value::Timestamp(2_000_000)));
    assert_eq!(reduced(Value::Timestamp(-1_500_000), &timestamp(6), &timestamp(0)), Ok(Value::Timestamp(-2_000_000)));
    assert_eq!(reduced(Value::Timestamp(1_499_999), &timestamp(6), &timestamp(0)), Ok(Value::Timestamp(1_000_000)));
    assert_eq!(reduced(Value::Instant(i64::MAX), &instant(6), &instant(0)), Ok(Value::Instant(i64::MAX)));
    assert!(reduced(Value::Instant(i64::MAX - 1), &instant(6), &instant(0)).is_err());
    assert_eq!(reduced(Value::Timestamp(-1), &timestamp(6), &FieldType::Date), Ok(Value::Date(-1)));
    assert_eq!(reduced(Value::Timestamp(i64::MIN), &timestamp(6), &FieldType::Date), Ok(Value::Date(i32::MIN)));
    assert_eq!(reduced(Value::Timestamp(5), &timestamp(6), &instant(6)), Ok(Value::Instant(5)));
}

#[test]
fn the_noise_of_floats_is_no_digit_of_a_short_decimal() {
    let price = decimal(10, 2);
    assert_eq!(reduced(Value::Float(19.990000000000002), &FLOAT, &price), Ok(dec("19.99")));
    assert_eq!(reduced(Value::Float(0.1 + 0.2), &floats_type(), &price), Ok(dec("0.3")));
    assert_eq!(
        reduced(Value::Float(f64::from(0.1_f32)), &FieldType::Float { bits: 32 }, &decimal(6, 2)),
        Ok(dec("0.1"))
    );
    assert_eq!(reduced(Value::Float(0.1 + 0.2), &FLOAT, &ANY_DECIMAL), Ok(dec("0.30000000000000004")));
    assert_eq!(reduced(Value::Float(1e21), &FLOAT, &ANY_DECIMAL), Ok(dec("1000000000000000000000")));
    assert_eq!(reduced(Value::Float(f64::NAN), &FLOAT, &ANY_DECIMAL), Ok(dec("NaN")));
    assert!(reduced(Value::Float(1.234), &FLOAT, &price).unwrap_err().contains("more than 2 digits after the point"));
}

fn floats_type() -> FieldType {
    native(&floats(ANY_DECIMAL))
}

#[test]
fn values_that_do_not_belong_are_named_and_shortened() {
    let error = reduced(Value::text("x".repeat(100)), &INT, &INT).unwrap_err();
    assert_eq!(error, format!("`{}…` is text, not a whole number of 64 bits", "x".repeat(40)));
    assert_eq!(reduced(Value::Int(2), &FieldType::Bool, &FieldType::Bool).unwrap_err(), "`2` does not fit a boolean");
    assert!(reduced(Value::Int(5), &FieldType::TEXT, &INT).is_err());
    assert!(reduced(Value::Bytes(vec![0; 100].into()), &FieldType::TEXT, &FieldType::TEXT).is_err());
    assert_eq!(reduced(Value::Int(5), &ANY_DECIMAL, &ANY_DECIMAL), Ok(dec("5")));
    assert_eq!(reduced(Value::Int(1), &INT, &FieldType::Bool), Ok(Value::Bool(true)));
    let fits = |value: i64, bits| expand(&Value::Int(value), &INT, &int(bits)).is_ok();
    assert!(fits(32_767, 16) && fits(-32_768, 16) && !fits(32_768, 16) && !fits(-32_769, 16));
    assert!(fits(i64::MAX, 64) && !fits(1 << 31, 32));
    assert!(expand(&dec("1.5"), &ANY_DECIMAL, &INT).is_err());
    assert!(expand(&dec("1e5"), &ANY_DECIMAL, &INT).is_err());
    assert_eq!(expand(&dec("5.0"), &ANY_DECIMAL, &INT), Ok(Value::Int(5)));
    assert!(expand(&Value::Date(i32::MAX - 1), &FieldType::Date, &timestamp(6)).is_err());
    assert_eq!(expand(&Value::Date(i32::MAX), &FieldType::Date, &timestamp(6)), Ok(Value::Timestamp(i64::MAX)));
    assert_eq!(expand(&Value::Float(1.25), &FLOAT, &decimal(5, 1)), Ok(dec("1.3")));
}

#[test]
fn canonical_text_is_written() {
    let write = |value: Value, ty: FieldType| match expand(&value, &ty, &FieldType::TEXT) {
        Ok(Value::Text(text)) => text.into_string(),
        other => panic!("{other:?}"),
    };
    for (value, ty, text) in [
        (Value::Bool(false), FieldType::Bool, "false"),
        (Value::Int(-5), INT, "-5"),
        (Value::Float(5.0), FLOAT, "5"),
        (Value::Float(-0.0), FLOAT, "-0"),
        (Value::Float(1e300), FLOAT, "1e300"),
        (Value::Float(1.5e-7), FLOAT, "1.5e-7"),
        (Value::Float(f64::from(0.1_f32)), FieldType::Float { bits: 32 }, "0.1"),
        (Value::Float(f64::NEG_INFINITY), FLOAT, "-Infinity"),
        (dec("1.50"), decimal(10, 2), "1.50"),
        (Value::Bytes([0, 171].into()), FieldType::Bytes, "\\x00ab"),
        (Value::Date(8_825), FieldType::Date, "2024-02-29"),
        (Value::Instant(1), instant(6), "2000-01-01 00:00:00.000001Z"),
        (Value::Uuid([0x11; 16]), FieldType::Uuid, "11111111-1111-1111-1111-111111111111"),
        (Value::Json("{ }".into()), FieldType::Json, "{ }"),
    ] {
        assert_eq!(write(value, ty), text);
    }
}

#[test]
fn a_row_in_common_form_is_not_copied() {
    let columns = [
        column(INT, INT),
        column(int(16), INT),
        column(varchar(5), FieldType::TEXT),
        column(decimal(5, 2), decimal(10, 4)),
        column(timestamp(0), timestamp(6)),
    ];
    let values = vec![Value::Int(1), Value::Int(2), Value::text("x"), dec("1.5"), Value::Null];
    assert_eq!(row(&columns, &values), Ok(None));
    let columns = [column(INT, INT), column(FieldType::TEXT, decimal(5, 2))];
    assert_eq!(row(&columns, &[Value::Int(1), Value::Missing]), Ok(None));
    assert_eq!(row(&columns, &[Value::Int(1), Value::text("2.5")]), Ok(Some(vec![Value::Int(1), dec("2.5")])));
    let error = row(&columns, &[Value::Int(1), Value::text("two")]).unwrap_err();
    assert_eq!(error.0, "column `price`: `two` is not a decimal");
}

#[test]
fn what_may_read_back_differently_is_not_exact() {
    for (native, common, expected) in [
        (INT, INT, true),
        (int(16), INT, true),
        (varchar(5), FieldType::TEXT, false),
        (varchar(5), varchar(5), true),
        (FieldType::TEXT, varchar(5), true),
        (folded(Fold::TrailingSpace), folded(Fold::TrailingSpace), false),
        (folded(Fold::AsciiCase), folded(Fold::AsciiCase), true),
        (FieldType::TEXT, decimal(5, 2), true),
        (ANY_DECIMAL, decimal(5, 2), true),
        (decimal(5, 2), decimal(5, 2), true),
        (decimal(5, 2), decimal(8, 4), false),
        (decimal(5, 2), ANY_DECIMAL, false),
        (decimal(5, 2), FLOAT, false),
        (FLOAT, decimal(10, 2), true),
        (timestamp(3), timestamp(6), false),
        (timestamp(6), instant(3), true),
        (named("int4range"), named("int4range"), false),
        (FieldType::TEXT, named("int4range"), true),
        (FieldType::Json, FieldType::Json, true),
    ] {
        assert_eq!(exact(&column(native.clone(), common.clone())), expected, "{native:?} {common:?}");
    }
}

#[test]
fn an_empty_text_is_null_where_one_side_cannot_tell_them_apart() {
    let told = column(FieldType::TEXT, FieldType::TEXT);
    let not_told = SideColumn { empty_is_null: true, ..told.clone() };
    let columns = [told, not_told];
    let reduced = |one: &str, other: &str| row(&columns, &[Value::text(one), Value::text(other)]).unwrap();
    assert_eq!(reduced("", ""), Some(vec![Value::text(""), Value::Null]));
    assert_eq!(reduced("", " "), None);
}
