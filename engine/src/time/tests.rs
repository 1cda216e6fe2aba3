//! Text of dates and times goes both ways, and no text makes it panic.

use proptest::prelude::*;

use super::*;

#[test]
fn canonical_text() {
    assert_eq!(format_date(8_825), "2024-02-29");
    assert_eq!(format_date(i32::MAX), "infinity");
    assert_eq!(format_date(i32::MIN), "-infinity");
    assert_eq!(format_date(i32::MIN + 1), "-5877611-06-23");
    assert_eq!(format_date(i32::MAX - 1), "5881610-07-10");
    assert_eq!(format_time(47_045_123_456), "13:04:05.123456");
    assert_eq!(format_time(0), "00:00:00");
    assert_eq!(format_time(MICROSECONDS_PER_DAY), "24:00:00");
    assert_eq!(format_timestamp(8_825 * MICROSECONDS_PER_DAY + 47_045_500_000), "2024-02-29 13:04:05.5");
    assert_eq!(format_timestamp(-1), "1999-12-31 23:59:59.999999");
    assert_eq!(format_instant(-1), "1999-12-31 23:59:59.999999Z");
    assert_eq!(format_instant(i64::MAX), "infinity");
    assert_eq!(format_instant(i64::MIN), "-infinity");
    assert_eq!(format_date(parse_date("-0044-03-15").unwrap()), "-0044-03-15");
    assert_eq!(format_date(parse_date("12024-03-15").unwrap()), "12024-03-15");
}

#[test]
fn other_spellings_are_read() {
    let same = |given: &str, canonical: &str| {
        assert_eq!(parse_instant(given).map(format_instant).as_deref(), Ok(canonical), "{given}");
    };
    same("2024-02-29T13:04:05.50Z", "2024-02-29 13:04:05.5Z");
    same("2024-02-29 13:04:05.5+00", "2024-02-29 13:04:05.5Z");
    same("2024-02-29 13:04:05+02:00", "2024-02-29 11:04:05Z");
    same("2024-02-29 13:04:05 +0230", "2024-02-29 10:34:05Z");
    same("1890-01-01 00:00:00-05:53:28", "1890-01-01 05:53:28Z");
    same("2024-02-29 13:04", "2024-02-29 13:04:00Z");
    same("2024-02-29t13:04z", "2024-02-29 13:04:00Z");
    same("2024-02-29 13:04:05 UTC", "2024-02-29 13:04:05Z");
    same(" 2024-02-29 ", "2024-02-29 00:00:00Z");
    same("2024-02-29 13:04:05.123456000", "2024-02-29 13:04:05.123456Z");
    same("0044-03-15 12:00:00+00 BC", "-0043-03-15 12:00:00Z");
    same("Infinity", "infinity");
    same("294276-12-31 23:59:59.999999+00", "294276-12-31 23:59:59.999999Z");
    assert_eq!(parse_date("0044-03-15 BC").map(format_date).as_deref(), Ok("-0043-03-15"));
    assert_eq!(parse_date("0001-01-01 BC").map(format_date).as_deref(), Ok("0000-01-01"));
    assert_eq!(parse_timestamp("0044-03-15 00:00:00 BC").map(format_timestamp).as_deref(), Ok("-0043-03-15 00:00:00"));
    assert_eq!(parse_timestamp("2024-02-29T00:00:00Z").map(format_timestamp).as_deref(), Ok("2024-02-29 00:00:00"));
    assert_eq!(parse_time("24:00"), Ok(MICROSECONDS_PER_DAY));
    assert_eq!(parse_time("13:04"), Ok(47_040_000_000));
}

#[test]
fn what_is_no_date_or_time_is_refused_with_a_reason() {
    for (given, error) in [
        ("", DATE_FORM),
        ("2024-2-29", DATE_FORM),
        ("24-02-29", DATE_FORM),
        ("2024-02-29x", DATE_FORM),
        ("2024-02-29 13:04:05", DATE_FORM),
        ("99999999-01-01", DATE_FORM),
        ("2023-02-29", TimeError::Nonexistent),
        ("-0044-03-15 BC", TimeError::Nonexistent),
        ("0000-01-01 BC", TimeError::Nonexistent),
        ("9000000-01-01", TimeError::Range),
        ("5881610-07-11", TimeError::Range),
    ] {
        assert_eq!(parse_date(given), Err(error), "{given}");
    }
    assert_eq!(parse_timestamp("2024-02-29 13:04:05+02"), Err(TimeError::Offset));
    assert_eq!(parse_timestamp("2024-02-29 24:00:00"), Err(TimeError::Nonexistent));
    assert_eq!(parse_timestamp("2024-02-29 13:04:05.1234567"), Err(TimeError::TooFine));
    assert_eq!(parse_timestamp("294277-01-10 00:00:00"), Err(TimeError::Range));
    assert!(parse_timestamp("2024-02-29 ").is_ok());
    assert!(parse_timestamp("2024-02-29 13").is_err());
    assert!(parse_timestamp("2024-02-29T").is_err());
    assert_eq!(parse_time("13:60:00"), Err(TimeError::Nonexistent));
    assert_eq!(parse_time("24:00:01"), Err(TimeError::Nonexistent));
    assert_eq!(parse_time("13:04:05+02"), Err(TimeError::Offset));
    assert!(parse_time("13:04:05.").is_err());
}

const DATE_FORM: TimeError = TimeError::Form("a date like 2024-02-29");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_value_reads_back(days in any::<i32>(), timestamp in any::<i64>(), near in -99_999_999_999_999i64..99_999_999_999_999, time in 0..=MICROSECONDS_PER_DAY) {
        prop_assert_eq!(parse_date(&format_date(days)), Ok(days));
        for timestamp in [timestamp, near, i64::MIN, i64::MAX, i64::MIN + 1, i64::MAX - 1] {
            prop_assert_eq!(parse_timestamp(&format_timestamp(timestamp)), Ok(timestamp));
            prop_assert_eq!(parse_instant(&format_instant(timestamp)), Ok(timestamp));
            prop_assert_eq!(parse_instant(&format_instant(timestamp).replace(' ', "T")), Ok(timestamp));
        }
        prop_assert_eq!(parse_time(&format_time(time)), Ok(time));
        format_time(timestamp);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,16}|[-+]?[0-9]{1,9}-[0-9]{0,3}-[0-9]{0,3}[T ]?([0-9:.,+ -]{0,24}|[0-9]{2}:[0-9]{2}(:[0-9]{2}(.[0-9]{0,9})?)?[-+ZBC: 0-9]{0,9})") {
        let _ = (parse_date(&text), parse_time(&text));
        if let Ok(timestamp) = parse_timestamp(&text) {
            prop_assert_eq!(parse_timestamp(&format_timestamp(timestamp)), Ok(timestamp));
        }
        if let Ok(instant) = parse_instant(&text) {
            prop_assert_eq!(parse_instant(&format_instant(instant)), Ok(instant));
        }
    }
}
