//! Filters against a sync file's spelling, and three-valued logic.

use pinksync_model::Filter as Definition;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema::FieldType;

fn columns() -> Vec<SideColumn> {
    [
        ("active", FieldType::Bool),
        ("count", FieldType::Int { bits: 32 }),
        ("price", FieldType::Decimal { precision: Some(10), scale: Some(2) }),
        ("name", FieldType::TEXT),
        ("born", FieldType::Date),
        ("seen", FieldType::Instant { precision: 3 }),
        ("data", FieldType::Json),
        ("blob", FieldType::Bytes),
        ("id", FieldType::Uuid),
        ("share", FieldType::Float { bits: 64 }),
        ("net", FieldType::Native { name: "inet".into() }),
    ]
    .map(|(name, ty)| SideColumn {
        name: name.into(),
        native: ty.clone(),
        common: ty,
        writable: true,
        empty_is_null: false,
    })
    .into()
}

fn resolve(json: serde_json::Value) -> Result<Filter, String> {
    let definition: Definition = serde_json::from_value(json).unwrap();
    Filter::resolve(&definition, &columns())
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

fn record() -> Vec<Value> {
    vec![
        Value::Bool(true),
        Value::Int(7),
        Value::Decimal("12.50".into()),
        Value::text("Zoë"),
        Value::Date(8_825),
        Value::Instant(0),
        Value::Json(r#"{"b":1,"a":[1.0]}"#.into()),
        Value::Bytes([1, 255].into()),
        Value::Uuid([0x11; 16]),
        Value::Float(0.5),
        Value::text("10.0.0.1"),
    ]
}

#[test]
fn values_are_compared_in_their_types() {
    for (field, op, value, expected) in [
        ("active", "eq", json!(true), true),
        ("active", "gt", json!(false), true),
        ("active", "eq", json!("yes"), true),
        ("count", "ge", json!(7), true),
        ("count", "lt", json!("10"), true),
        ("count", "in", json!([1, 7]), true),
        ("count", "in", json!([]), false),
        ("price", "eq", json!(12.5), true),
        ("price", "gt", json!("9.999999999999999999999"), true),
        ("price", "lt", json!(100), true),
        ("name", "lt", json!("a"), true),
        ("name", "like", json!("Zo_"), true),
        ("name", "ne", json!("Zoë"), false),
        ("born", "eq", json!("2024-02-29"), true),
        ("born", "ge", json!("2024-03-01"), false),
        ("seen", "eq", json!("2000-01-01T02:00:00+02:00"), true),
        ("seen", "lt", json!("2000-01-01 00:00:00.000001Z"), true),
        ("seen", "ge", json!("1999-12-31"), true),
        ("data", "eq", json!(r#"{"a":[1],"b":1.0}"#), true),
        ("data", "ne", json!("text"), true),
        ("blob", "eq", json!("\\x01FF"), true),
        ("id", "eq", json!("11111111-1111-1111-1111-111111111111"), true),
        ("share", "le", json!(0.5), true),
        ("share", "eq", json!(1), false),
        ("net", "eq", json!("10.0.0.1"), true),
        ("name", "is_null", json!(null), false),
        ("name", "is_null", json!(false), true),
    ] {
        let filter = resolve(json!({"field": field, "op": op, "value": value})).unwrap();
        assert_eq!(filter.matches(&record()), expected, "{field} {op} {value}");
    }
}

#[test]
fn what_does_not_go_with_the_field_is_named() {
    for (field, op, value, said) in [
        ("nope", "eq", json!(1), "the field `nope` is not one of the synced ones (they are: active, count"),
        ("count", "eq", json!("seven"), "field `count`: `seven` is not a whole number of 32 bits"),
        ("count", "eq", json!(1.5), "field `count`: `1.5` is not a whole number"),
        ("born", "eq", json!("2023-02-29"), "field `born`: `2023-02-29` names a date or time that does not exist"),
        ("name", "eq", json!(5), "field `name`: `5` is not text: write it in quotes"),
        ("price", "eq", json!([1]), "field `price`: `[1]` is not decimal(10,2)"),
        ("price", "eq", json!(null), "nothing equals NULL"),
        ("count", "in", json!([1, null]), "nothing equals NULL"),
        ("count", "in", json!(1), "`in` takes a list"),
        ("count", "like", json!("1%"), "`like` is for text"),
        ("name", "like", json!("a\\"), "ends with `\\`"),
        ("data", "lt", json!(1), "has no order"),
        ("net", "gt", json!("10.0.0.1"), "has no order"),
        ("name", "is_null", json!("no"), "takes true or false"),
    ] {
        let error = resolve(json!({"field": field, "op": op, "value": value})).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn unknown_is_no_match_and_stays_unknown_under_not() {
    let nothing = vec![Value::Null; columns().len()];
    let missing = vec![Value::Missing; columns().len()];
    let compare = json!({"field": "count", "op": "eq", "value": 1});
    let within = json!({"field": "count", "op": "in", "value": [1]});
    let yes = json!({"all": []});
    for (filter, expected) in [
        (compare.clone(), false),
        (json!({"not": compare}), false),
        (json!({"not": within}), false),
        (json!({"any": [compare, yes]}), true),
        (json!({"all": [compare, yes]}), false),
        (json!({"not": {"all": [compare, {"any": []}]}}), true),
        (json!({"field": "count", "op": "is_null"}), true),
        (json!({"not": {"field": "count", "op": "is_null"}}), false),
        (json!({"any": []}), false),
    ] {
        let filter = resolve(filter).unwrap();
        for record in [&nothing, &missing, &Vec::new()] {
            assert_eq!(filter.matches(record), expected, "{filter:?}");
        }
    }
}

fn filter() -> impl Strategy<Value = Filter> {
    let op = prop::sample::select(vec![Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge]);
    let leaf = prop_oneof![
        (0usize..3, op, -2i64..2).prop_map(|(column, op, v)| Filter::Compare { column, op, value: Value::Int(v) }),
        (0usize..3, prop::collection::vec((-2i64..2).prop_map(Value::Int), 0..3))
            .prop_map(|(column, values)| Filter::In { column, values }),
        (0usize..3, any::<bool>()).prop_map(|(column, negated)| Filter::IsNull { column, negated }),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

fn record_of_integers() -> impl Strategy<Value = Vec<Value>> {
    let value = prop_oneof![Just(Value::Null), (-2i64..2).prop_map(Value::Int)];
    prop::collection::vec(value, 3)
}

/// The filter with every `not` pushed down to its comparisons, by De Morgan's laws.
fn negated(filter: &Filter) -> Filter {
    match filter {
        Filter::All(parts) => Filter::Any(parts.iter().map(negated).collect()),
        Filter::Any(parts) => Filter::All(parts.iter().map(negated).collect()),
        Filter::Not(part) => (**part).clone(),
        Filter::IsNull { column, negated } => Filter::IsNull { column: *column, negated: !negated },
        other => Filter::Not(Box::new(other.clone())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn de_morgans_laws_hold_in_three_values(filter in filter(), record in record_of_integers()) {
        prop_assert_eq!(Filter::Not(Box::new(filter.clone())).holds(&record), negated(&filter).holds(&record));
    }

    #[test]
    fn without_null_nothing_is_unknown(filter in filter(), record in prop::collection::vec((-2i64..2).prop_map(Value::Int), 3)) {
        prop_assert!(filter.holds(&record).is_some());
    }
}
