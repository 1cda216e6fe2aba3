//! Text of SQL: quoted names and literals. COPY takes no parameters, so bounds and filters are literals; every one of
//! them is made here.

use pinksync_engine::Value;

/// `"name"`, whatever is in it.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `"schema"."name"`.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// A quoted text constant. Relies on `standard_conforming_strings`, which every connection pins.
/// `None`: text with a zero byte, which PostgreSQL has no constant for.
pub fn quoted(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| format!("'{}'", text.replace('\'', "''")))
}

/// A constant with its type. `None`: there is none for this value (NULL, text with a zero byte, a time beyond what
/// the server can hold).
pub fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Missing | Value::Null => return None,
        Value::Bool(v) => v.to_string(),
        Value::Int(v) => format!("'{v}'::int8"),
        Value::Float(v) => format!("'{}'::float8", float(*v)),
        Value::Decimal(v) => format!("{}::numeric", quoted(v)?),
        Value::Text(v) => format!("{}::text", quoted(v)?),
        Value::Bytes(v) => {
            let hex: String = v.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'\\x{hex}'::bytea")
        }
        Value::Date(v) => format!("'{}'::date", date(*v)?),
        Value::Time(v) => format!("'{}'::time", time(*v)?),
        Value::Timestamp(v) => format!("'{}'::timestamp", timestamp(*v)?),
        Value::Instant(v) => format!("'{}'::timestamptz", timestamp(*v)?),
        Value::Uuid(v) => format!("'{}'::uuid", uuid::Uuid::from_bytes(*v)),
        Value::Json(v) => format!("{}::json", quoted(v)?),
    })
}

/// For a value without a constant: that of the nearest value the server can hold, and whether it is the greater one.
pub fn nearest(value: &Value) -> (String, bool) {
    let day = |days: i64| {
        let (text, era) = calendar_day(days);
        format!("{text}{era}")
    };
    let first = day(FIRST_DAY.into());
    match value {
        // Text with a zero byte follows its part before that at once: nothing that the server holds lies between.
        Value::Text(v) => {
            let head = v.split('\0').next().unwrap_or_default();
            (format!("'{}'::text", head.replace('\'', "''")), false)
        }
        Value::Date(v) if *v < FIRST_DAY => (format!("'{first}'::date"), true),
        Value::Timestamp(v) if *v < 0 => (format!("'{first}'::timestamp"), true),
        Value::Instant(v) if *v < 0 => (format!("'{first}'::timestamptz"), true),
        Value::Date(_) => ("'infinity'::date".to_owned(), true),
        Value::Timestamp(_) => ("'infinity'::timestamp".to_owned(), true),
        Value::Instant(_) => ("'infinity'::timestamptz".to_owned(), true),
        Value::Time(v) if *v < 0 => ("'00:00:00'::time".to_owned(), true),
        Value::Time(_) => ("'24:00:00'::time".to_owned(), false),
        // A NULL stands in no key; nothing is equal to it or less.
        _ => ("NULL".to_owned(), true),
    }
}

fn float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{value:e}")
    }
}

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;
/// 4714-11-24 BC, the first day PostgreSQL knows, in days since 2000-01-01.
const FIRST_DAY: i32 = -2_451_545;
/// 5874897-12-31.
const LAST_DATE: i32 = 2_145_031_948;
/// 294276-12-31.
const LAST_TIMESTAMP_DAY: i64 = 106_751_982;

fn date(days: i32) -> Option<String> {
    match days {
        i32::MAX => Some("infinity".to_owned()),
        i32::MIN => Some("-infinity".to_owned()),
        FIRST_DAY..=LAST_DATE => {
            let (text, era) = calendar_day(days.into());
            Some(format!("{text}{era}"))
        }
        _ => None,
    }
}

fn time(microseconds: i64) -> Option<String> {
    let in_day = (0..=MICROSECONDS_PER_DAY).contains(&microseconds);
    let (seconds, fraction) = (microseconds / 1_000_000, microseconds % 1_000_000);
    in_day.then(|| format!("{:02}:{:02}:{:02}.{fraction:06}", seconds / 3600, seconds / 60 % 60, seconds % 60))
}

/// Read as UTC where it becomes an instant: every connection pins `TimeZone`.
fn timestamp(microseconds: i64) -> Option<String> {
    match microseconds {
        i64::MAX => return Some("infinity".to_owned()),
        i64::MIN => return Some("-infinity".to_owned()),
        _ => {}
    }
    let days = microseconds.div_euclid(MICROSECONDS_PER_DAY);
    let time = time(microseconds.rem_euclid(MICROSECONDS_PER_DAY))?;
    let (text, era) = calendar_day(days);
    (i64::from(FIRST_DAY)..=LAST_TIMESTAMP_DAY).contains(&days).then(|| format!("{text} {time}{era}"))
}

/// Year-month-day and, before the year 1, ` BC`. After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn calendar_day(days_since_2000: i64) -> (String, &'static str) {
    let days = days_since_2000 + 730_425;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    match year {
        1.. => (format!("{year:04}-{month:02}-{day:02}"), ""),
        _ => (format!("{:04}-{month:02}-{day:02}", 1 - year), " BC"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_text_stay_inside_their_quotes() {
        assert_eq!(identifier("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(qualified("s", "t"), "\"s\".\"t\"");
        assert_eq!(quoted("it's \\' \n"), Some("'it''s \\'' \n'".to_owned()));
        assert_eq!(quoted("a\0b"), None);
        assert_eq!(literal(&Value::text("'; --")), Some("'''; --'::text".to_owned()));
        assert_eq!(literal(&Value::Decimal("1'".into())), Some("'1'''::numeric".to_owned()));
    }

    #[test]
    fn values_are_constants_of_their_type() {
        for (value, text) in [
            (Value::Bool(false), "false"),
            (Value::Int(i64::MIN), "'-9223372036854775808'::int8"),
            (Value::Float(-0.1), "'-1e-1'::float8"),
            (Value::Float(f64::NAN), "'NaN'::float8"),
            (Value::Bytes([0, 255].into()), "'\\x00ff'::bytea"),
            (Value::Date(0), "'2000-01-01'::date"),
            (Value::Date(-1), "'1999-12-31'::date"),
            (Value::Date(59), "'2000-02-29'::date"),
            (Value::Date(-730_119), "'0001-01-01'::date"),
            (Value::Date(-730_120), "'0001-12-31 BC'::date"),
            (Value::Date(FIRST_DAY), "'4714-11-24 BC'::date"),
            (Value::Date(LAST_DATE), "'5874897-12-31'::date"),
            (Value::Date(i32::MAX), "'infinity'::date"),
            (Value::Time(86_400_000_000), "'24:00:00.000000'::time"),
            (Value::Timestamp(-1), "'1999-12-31 23:59:59.999999'::timestamp"),
            (Value::Timestamp(i64::MIN), "'-infinity'::timestamp"),
            (Value::Instant(1_500_000), "'2000-01-01 00:00:01.500000'::timestamptz"),
            (Value::Uuid([0xab; 16]), "'abababab-abab-abab-abab-abababababab'::uuid"),
        ] {
            assert_eq!(literal(&value).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_the_server_cannot_hold_has_no_constant() {
        let far = (LAST_TIMESTAMP_DAY + 1) * MICROSECONDS_PER_DAY;
        for value in [
            Value::Null,
            Value::text("\0"),
            Value::Date(FIRST_DAY - 1),
            Value::Date(LAST_DATE + 1),
            Value::Time(-1),
            Value::Timestamp(far),
            Value::Instant(i64::MIN + 1),
        ] {
            assert_eq!(literal(&value), None, "{value:?}");
        }
    }
}
