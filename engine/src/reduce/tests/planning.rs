//! The common type of two columns, and what planning refuses.

use super::*;

/// One way without loss.
fn one_way(source: &ColumnSchema, target: &ColumnSchema) -> Option<FieldType> {
    common(source, target, false, false).ok()
}

fn two_way(source: &ColumnSchema, target: &ColumnSchema) -> Option<FieldType> {
    let there = common(source, target, true, false);
    let back = common(target, source, true, false);
    assert_eq!(there.as_ref().ok(), back.as_ref().ok(), "two_way does not depend on the side");
    there.ok()
}

fn lossy(source: &ColumnSchema, target: &ColumnSchema, two_way: bool) -> FieldType {
    assert!(matches!(common(source, target, two_way, false), Err(Misfit::Lossy(_))), "{source:?} {target:?}");
    common(source, target, two_way, true).unwrap()
}

#[test]
fn a_type_has_itself_in_common() {
    for ty in every_type() {
        assert_eq!(two_way(&typed(ty.clone()), &typed(ty.clone())), Some(ty));
    }
}

#[test]
fn text_takes_the_type_of_its_partner() {
    for ty in every_type().into_iter().filter(|ty| !matches!(ty, FieldType::Text { .. })) {
        for text in [text_carrier(), typed(FieldType::TEXT)] {
            assert_eq!(two_way(&text, &typed(ty.clone())), Some(ty.clone()));
            assert_eq!(one_way(&typed(ty.clone()), &text), Some(ty.clone()));
        }
    }
    assert_eq!(two_way(&text_carrier(), &text_carrier()), Some(FieldType::TEXT));
    let told = carried(FieldType::Date, Carrier::Text);
    assert_eq!(two_way(&told, &text_carrier()), Some(FieldType::Date));
    assert_eq!(two_way(&told, &told), Some(FieldType::Date));
    let told = |ty| carried(ty, Carrier::Text);
    assert_eq!(two_way(&told(ANY_DECIMAL), &typed(decimal(10, 2))), Some(decimal(10, 2)));
    assert_eq!(two_way(&told(timestamp(6)), &typed(instant(3))), Some(instant(3)));
    assert_eq!(two_way(&told(FLOAT), &typed(FieldType::Float { bits: 32 })), Some(FieldType::Float { bits: 32 }));
    assert_eq!(two_way(&told(ANY_DECIMAL), &floats(ANY_DECIMAL)), two_way(&text_carrier(), &floats(ANY_DECIMAL)));
    assert_eq!(lossy(&typed(decimal(10, 2)), &told(INT), false), INT);
    assert_eq!(two_way(&varchar_column(5), &varchar_column(10)), Some(varchar(10)));
    assert_eq!(two_way(&varchar_column(5), &text_carrier()), Some(FieldType::TEXT));
    let (case, space) = (typed(folded(Fold::AsciiCase)), typed(folded(Fold::TrailingSpace)));
    assert_eq!(two_way(&case, &text_carrier()), Some(folded(Fold::AsciiCase)));
    assert_eq!(two_way(&case, &space), Some(folded(Fold::AsciiCase)));
    assert_eq!(native(&told(FieldType::Date)), FieldType::TEXT);
    assert_eq!(native(&floats(ANY_DECIMAL)), ANY_DECIMAL);
}

fn varchar_column(limit: u32) -> ColumnSchema {
    typed(varchar(limit))
}

#[test]
fn numbers_keep_what_both_hold() {
    assert_eq!(two_way(&typed(int(16)), &typed(INT)), Some(INT));
    assert_eq!(two_way(&typed(FieldType::Bool), &typed(INT)), Some(FieldType::Bool));
    assert_eq!(two_way(&typed(INT), &typed(decimal(18, 0))), Some(decimal(18, 0)));
    assert_eq!(one_way(&typed(INT), &typed(decimal(10, 2))), Some(decimal(10, 2)));
    assert_eq!(lossy(&typed(INT), &typed(decimal(10, 2)), true), INT);
    assert_eq!(lossy(&typed(decimal(10, 2)), &typed(INT), false), INT);
    assert_eq!(lossy(&typed(INT), &typed(decimal(5, -2)), false), decimal(5, -2));
    assert_eq!(one_way(&typed(decimal(10, 2)), &typed(decimal(9, 4))), Some(decimal(12, 4)));
    assert_eq!(one_way(&typed(decimal(10, 2)), &typed(ANY_DECIMAL)), Some(ANY_DECIMAL));
    assert_eq!(lossy(&typed(decimal(10, 4)), &typed(decimal(20, 2)), false), decimal(20, 2));
    assert_eq!(lossy(&typed(decimal(20, 2)), &typed(decimal(10, 4)), true), decimal(20, 2));
    assert_eq!(lossy(&typed(ANY_DECIMAL), &typed(decimal(10, 4)), false), decimal(10, 4));
}

#[test]
fn floats_hold_few_digits() {
    assert_eq!(two_way(&typed(decimal(15, 2)), &typed(FLOAT)), Some(decimal(15, 2)));
    assert_eq!(lossy(&typed(decimal(16, 2)), &typed(FLOAT), true), FLOAT);
    assert_eq!(lossy(&typed(FLOAT), &typed(decimal(16, 2)), false), decimal(16, 2));
    assert_eq!(lossy(&typed(ANY_DECIMAL), &typed(FLOAT), false), FLOAT);
    assert_eq!(one_way(&typed(FLOAT), &typed(ANY_DECIMAL)), Some(ANY_DECIMAL));
    assert_eq!(one_way(&typed(int(32)), &typed(FLOAT)), Some(FLOAT));
    assert_eq!(lossy(&typed(INT), &typed(FLOAT), false), FLOAT);
    assert_eq!(lossy(&typed(FLOAT), &typed(int(32)), false), int(32));
    assert_eq!(lossy(&typed(FLOAT), &typed(INT), true), FLOAT);
    assert_eq!(lossy(&typed(INT), &typed(FLOAT), true), FLOAT);
    let single = FieldType::Float { bits: 32 };
    assert_eq!(one_way(&typed(single.clone()), &typed(FLOAT)), Some(FLOAT));
    assert_eq!(lossy(&typed(single.clone()), &typed(FLOAT), true), single);
    assert_eq!(lossy(&typed(decimal(10, 2)), &typed(single.clone()), false), single);
}

#[test]
fn a_column_that_keeps_decimals_as_floats_takes_short_ones() {
    let numeric = floats(ANY_DECIMAL);
    assert_eq!(one_way(&typed(decimal(10, 2)), &numeric), Some(ANY_DECIMAL));
    assert_eq!(one_way(&numeric, &typed(ANY_DECIMAL)), Some(ANY_DECIMAL));
    assert_eq!(two_way(&typed(decimal(10, 2)), &floats(decimal(10, 2))), Some(decimal(10, 2)));
    assert_eq!(two_way(&numeric, &numeric), Some(ANY_DECIMAL));
    assert_eq!(two_way(&numeric, &typed(FLOAT)), Some(FLOAT));
    assert_eq!(lossy(&typed(decimal(10, 2)), &numeric, true), decimal(10, 2));
    assert_eq!(lossy(&typed(ANY_DECIMAL), &numeric, false), FLOAT);
    assert_eq!(lossy(&typed(decimal(20, 2)), &floats(decimal(20, 2)), true), FLOAT);
    assert_eq!(two_way(&text_carrier(), &numeric), Some(FieldType::Decimal { precision: Some(15), scale: None }));
    assert_eq!(one_way(&numeric, &text_carrier()), Some(ANY_DECIMAL));
}

#[test]
fn times_keep_their_precision_and_zones_are_not_guessed() {
    assert_eq!(one_way(&typed(timestamp(0)), &typed(timestamp(6))), Some(timestamp(6)));
    assert_eq!(lossy(&typed(timestamp(0)), &typed(timestamp(6)), true), timestamp(0));
    assert_eq!(lossy(&typed(instant(6)), &typed(instant(3)), false), instant(3));
    assert_eq!(one_way(&typed(FieldType::Date), &typed(timestamp(0))), Some(timestamp(0)));
    assert_eq!(lossy(&typed(timestamp(0)), &typed(FieldType::Date), false), FieldType::Date);
    assert_eq!(lossy(&typed(FieldType::Date), &typed(timestamp(0)), true), FieldType::Date);
    for (zoned, zoneless) in [(instant(6), timestamp(6)), (instant(6), FieldType::Date)] {
        for (one, other) in [(&zoned, &zoneless), (&zoneless, &zoned)] {
            let Err(Misfit::Zone(reason)) = common(&typed(one.clone()), &typed(other.clone()), true, false) else {
                panic!("{one:?} and {other:?} must be refused");
            };
            assert!(reason.contains("lossy: allow"), "{reason}");
        }
    }
    assert_eq!(common(&typed(timestamp(6)), &typed(instant(3)), false, true), Ok(instant(3)));
    assert_eq!(common(&typed(instant(6)), &typed(timestamp(6)), true, true), Ok(instant(6)));
    assert_eq!(common(&typed(instant(6)), &typed(FieldType::Date), true, true), Ok(FieldType::Date));
}

#[test]
fn types_without_a_conversion_are_named() {
    for (one, other) in [
        (FieldType::Uuid, INT),
        (FieldType::Json, INT),
        (named("inet"), named("mood")),
        (FieldType::Bool, FLOAT),
        (FieldType::Time { precision: 6 }, timestamp(6)),
        (FieldType::Bytes, FieldType::Uuid),
        (named("inet"), INT),
    ] {
        let Err(Misfit::Incompatible(reason)) = common(&typed(one), &typed(other), false, true) else { panic!() };
        assert!(reason.contains("at the source") && reason.contains("at the target"), "{reason}");
    }
    let Err(Misfit::Lossy(reason)) = common(&typed(decimal(10, 4)), &typed(decimal(10, 2)), false, false) else {
        panic!()
    };
    assert_eq!(reason, "decimal(10,4) at the source has more digits after the point than decimal(10,2) at the target");
}
