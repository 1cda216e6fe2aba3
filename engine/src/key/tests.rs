//! Encoded keys are in the order of the values, for every type and for composites.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::schema::Fold;
use crate::value::canonical_decimal;

const DECIMAL: FieldType = FieldType::Decimal { precision: None, scale: None };
const FOLDED: FieldType = FieldType::Text { max_chars: None, fold: Fold::AsciiCase };
const TRIMMED: FieldType = FieldType::Text { max_chars: None, fold: Fold::TrailingSpace };

fn key(parts: &[(Value, FieldType)]) -> Key {
    encode(parts.iter().map(|(value, ty)| (value, ty))).unwrap()
}

fn decimal() -> impl Strategy<Value = Value> {
    prop_oneof![
        "-?[0-9]{1,3}(\\.[0-9]{1,3})?",
        "-?[0-9]{1,40}\\.[0-9]{0,40}",
        "-?0\\.0{0,9}[0-9]{1,3}",
        "-?[1-9]0{0,9}",
        prop::sample::select(vec!["NaN".to_owned(), "Infinity".to_owned(), "-Infinity".to_owned(), "0".to_owned()]),
    ]
    .prop_map(|text| Value::Decimal(text.into()))
}

/// Two values of one type, often close to each other.
fn pair() -> impl Strategy<Value = (Value, Value, FieldType)> {
    fn of<T: Strategy<Value = Value> + Clone + 'static>(
        one: T,
        ty: FieldType,
    ) -> BoxedStrategy<(Value, Value, FieldType)> {
        (one.clone(), one, Just(ty)).boxed()
    }
    let small = prop_oneof![-3i64..3, any::<i64>(), Just(i64::MAX), Just(i64::MIN)];
    let days = prop_oneof![-3i32..3, any::<i32>()];
    let bytes = prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xff), any::<u8>()], 0..6);
    let text = "[\u{0}a-cA-C ÄßZ\u{10ffff}]{0,5}";
    prop_oneof![
        of(any::<bool>().prop_map(Value::Bool), FieldType::Bool),
        of(small.clone().prop_map(Value::Int), FieldType::Int { bits: 64 }),
        of(decimal().boxed(), DECIMAL),
        of(text.prop_map(Value::text), FieldType::TEXT),
        of(text.prop_map(Value::text), FieldType::Native { name: "inet".into() }),
        of(bytes.prop_map(|bytes| Value::Bytes(bytes.into())), FieldType::Bytes),
        of(days.prop_map(Value::Date), FieldType::Date),
        of((0..=86_400_000_000i64).prop_map(Value::Time), FieldType::Time { precision: 6 }),
        of(small.clone().prop_map(Value::Timestamp), FieldType::Timestamp { precision: 6 }),
        of(small.prop_map(Value::Instant), FieldType::Instant { precision: 6 }),
        of(any::<[u8; 16]>().prop_map(Value::Uuid), FieldType::Uuid),
    ]
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Decimal(text) => Value::Decimal(canonical_decimal(text).into()),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn order_of_bytes_is_order_of_values((one, other, ty) in pair()) {
        let keys = [key(&[(one.clone(), ty.clone())]), key(&[(other.clone(), ty)])];
        let order = one.compare(&other).unwrap();
        prop_assert_eq!(keys[0].cmp(&keys[1]), order);
        prop_assert!(order == Ordering::Equal || !keys[1].starts_with(&keys[0]));
        prop_assert_eq!(decode(&keys[0]).unwrap(), vec![canonical(&one)]);
    }

    #[test]
    fn composites_are_ordered_part_by_part((a, b, first) in pair(), (c, d, second) in pair()) {
        let one = key(&[(a.clone(), first.clone()), (c.clone(), second.clone())]);
        let other = key(&[(b.clone(), first), (d.clone(), second)]);
        let order = a.compare(&b).unwrap().then(c.compare(&d).unwrap());
        prop_assert_eq!(one.cmp(&other), order);
        prop_assert!(order == Ordering::Equal || !other.starts_with(&one));
        prop_assert_eq!(decode(&one).unwrap(), vec![canonical(&a), canonical(&c)]);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..12), (one, _, ty) in pair()) {
        let _ = decode(&Key::from_bytes(bytes));
        let whole = key(&[(one, ty)]);
        for cut in 1..whole.len() {
            prop_assert!(decode(&Key::from_bytes(&whole[..cut])).is_err());
        }
    }
}

#[test]
fn equal_values_have_one_key() {
    let same = |a: Value, b: Value, ty: FieldType| assert_eq!(key(&[(a, ty.clone())]), key(&[(b, ty)]));
    same(Value::Decimal("1.0".into()), Value::Decimal("01.00".into()), DECIMAL);
    same(Value::Decimal("-0.0".into()), Value::Decimal("0".into()), DECIMAL);
    same(Value::text("Straße A"), Value::text("sTRAße a"), FOLDED);
    same(Value::text("a  "), Value::text("a"), TRIMMED);
    assert_ne!(key(&[(Value::text("Ä"), FOLDED)]), key(&[(Value::text("ä"), FOLDED)]));
    assert_ne!(key(&[(Value::text(" a"), TRIMMED)]), key(&[(Value::text("a"), TRIMMED)]));
}

#[test]
fn what_cannot_be_a_key_is_said() {
    let error = |value: Value, ty: FieldType| encode([(&value, &ty)].into_iter()).unwrap_err();
    assert!(matches!(error(Value::Null, FieldType::Uuid), KeyError::Null));
    assert!(matches!(error(Value::Missing, FieldType::Json), KeyError::Null));
    assert!(matches!(error(Value::Float(1.0), FieldType::Float { bits: 64 }), KeyError::Type(_)));
    assert!(matches!(error(Value::Json("1".into()), FieldType::Json), KeyError::Type(_)));
    assert!(matches!(error(Value::text("1"), FieldType::Int { bits: 64 }), KeyError::Unreadable(_)));
    assert!(matches!(error(Value::Decimal("one".into()), DECIMAL), KeyError::Unreadable(_)));
}
