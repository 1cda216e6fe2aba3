//! Properties of values that travel from one column to another.

use proptest::prelude::*;

use super::*;

fn value_of(ty: &FieldType) -> BoxedStrategy<Value> {
    match ty.clone() {
        FieldType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        FieldType::Int { bits } => any::<i64>().prop_map(move |v| Value::Int(v >> (64 - u32::from(bits)))).boxed(),
        FieldType::Float { bits: 64 } => any::<f64>().prop_map(Value::Float).boxed(),
        FieldType::Float { .. } => any::<f32>().prop_map(|v| Value::Float(v.into())).boxed(),
        FieldType::Decimal { precision, scale } => {
            let (precision, scale) = (i64::from(precision.unwrap_or(40)), i64::from(scale.unwrap_or(10)));
            let whole = usize::try_from((precision - scale.max(0)).max(1)).unwrap();
            let fraction = usize::try_from(scale.max(0)).unwrap();
            let zeros = "0".repeat(usize::try_from((-scale).max(0)).unwrap());
            let matching = |pattern: String| prop::string::string_regex(&pattern).unwrap();
            (matching(format!("-?[1-9][0-9]{{0,{}}}", whole - 1)), matching(format!("[0-9]{{{fraction}}}")))
                .prop_map(move |(whole, fraction)| {
                    let point = if fraction.is_empty() { "" } else { "." };
                    Value::Decimal(format!("{whole}{zeros}{point}{fraction}").into())
                })
                .boxed()
        }
        FieldType::Text { .. } => "[ -~ä\u{0}]{0,8}".prop_map(Value::text).boxed(),
        FieldType::Bytes => prop::collection::vec(any::<u8>(), 0..8).prop_map(|v| Value::Bytes(v.into())).boxed(),
        FieldType::Date => any::<i32>().prop_map(Value::Date).boxed(),
        FieldType::Time { precision } => {
            (0..=86_400_000_000i64).prop_map(move |v| Value::Time(cut(v, precision))).boxed()
        }
        FieldType::Timestamp { precision } => {
            any::<i64>().prop_map(move |v| Value::Timestamp(cut(v, precision))).boxed()
        }
        FieldType::Instant { precision } => any::<i64>().prop_map(move |v| Value::Instant(cut(v, precision))).boxed(),
        FieldType::Uuid => any::<[u8; 16]>().prop_map(Value::Uuid).boxed(),
        FieldType::Json => "0|[1-9][0-9]{0,2}|\"[a-z ]{0,4}\"|\\[1, ?2\\]".prop_map(|v| Value::Json(v.into())).boxed(),
        FieldType::Native { .. } => "[a-z0-9.]{1,8}".prop_map(Value::text).boxed(),
    }
}

fn cut(microseconds: i64, precision: u8) -> i64 {
    let unit = 10_i64.pow(6 - u32::from(precision));
    microseconds / unit * unit
}

/// Two types, a value of the first, and whether values travel in both directions.
fn travel() -> impl Strategy<Value = (FieldType, FieldType, Value, bool, bool)> {
    let ty = prop::sample::select(every_type());
    (ty.clone(), ty, any::<bool>(), any::<bool>()).prop_flat_map(|(from, to, two_way, lossy)| {
        (Just(from.clone()), Just(to), value_of(&from), Just(two_way), Just(lossy))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// What reaches the target reads back as what was sent, wherever planning said that nothing is lost.
    #[test]
    fn values_arrive_as_they_were_sent((from, to, value, both, lossy) in travel()) {
        let (source, target) = (typed(from.clone()), typed(to.clone()));
        let Ok(common) = common(&source, &target, both, lossy) else { return Ok(()) };
        let Ok(reduced) = reduce(&value, &from, &common) else { return Ok(()) };
        let again = reduce(&expand(&reduced, &common, &from).unwrap_or(value.clone()), &from, &common).unwrap();
        prop_assert!(again.same(&reduced), "{:?} to {:?} and back is {:?}", value, reduced, again);
        let Ok(written) = expand(&reduced, &common, &to) else { return Ok(()) };
        let read = reduce(&written, &to, &common).unwrap();
        if exact(&column(to.clone(), common.clone())) {
            prop_assert!(read.same(&reduced), "{:?} in {:?} reads as {:?}", reduced, to, read);
        }
        if !lossy && from == common {
            prop_assert!(reduced.same(&value));
        }
    }

    /// The short way of a row is the long way of its values.
    #[test]
    fn rows_and_values_are_reduced_alike((from, to, value, both, lossy) in travel()) {
        let Ok(common) = common(&typed(from.clone()), &typed(to), both, lossy) else { return Ok(()) };
        let by_row = row(&[column(from.clone(), common.clone())], std::slice::from_ref(&value));
        match (by_row, reduce(&value, &from, &common)) {
            (Ok(None), Ok(reduced)) => prop_assert!(reduced.same(&value)),
            (Ok(Some(row)), Ok(reduced)) => prop_assert!(row[0].same(&reduced)),
            (Err(_), Err(_)) => {}
            (row, reduced) => prop_assert!(false, "{row:?} {reduced:?}"),
        }
    }

    /// Text of every type reads back, and any text is either of a type or refused.
    #[test]
    fn text_goes_there_and_back((ty, _, value, _, _) in travel(), noise in "\\PC{0,12}|[-+0-9.:eE TZ]{0,20}|\\\\x[0-9a-g]{0,4}") {
        let text = expand(&value, &ty, &FieldType::TEXT).unwrap();
        prop_assert!(reduce(&text, &FieldType::TEXT, &ty).unwrap().same(&value), "{text:?}");
        if let Ok(read) = reduce(&Value::text(noise.as_str()), &FieldType::TEXT, &ty) {
            let text = expand(&read, &ty, &FieldType::TEXT).unwrap();
            prop_assert!(reduce(&text, &FieldType::TEXT, &ty).unwrap().same(&read), "{noise} {text:?}");
        }
    }

    /// No value in no column makes it panic.
    #[test]
    fn anything_anywhere_is_a_value_or_an_error((_, to, value, _, _) in travel(), from in prop::sample::select(every_type()), common in prop::sample::select(every_type())) {
        let _ = reduce(&value, &from, &common);
        let _ = expand(&value, &common, &to);
        let _ = row(&[column(from, common)], &[value]);
    }
}
