//! The calendar against instants that were looked up by hand. Berlin goes to summer time on 2026-03-29 at 01:00 UTC (02:00
//! local becomes 03:00) and back on 2026-10-25 at 01:00 UTC (03:00 becomes 02:00); New York on 2026-03-08 at 07:00 UTC and
//! on 2026-11-01 at 06:00 UTC.

use super::*;

const BERLIN: &str = "Europe/Berlin";
const NEW_YORK: &str = "America/New_York";

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window(opens: &str, closes: &str) -> Option<(Time, Time)> {
    Some((opens.parse().unwrap(), closes.parse().unwrap()))
}

/// The next instants at which it is due, in UTC.
fn due(calendar: &Calendar, after: &str, count: usize) -> Vec<String> {
    let mut at = instant(after);
    let mut found = Vec::new();
    for _ in 0..count {
        at = calendar.next_due(at).unwrap();
        found.push(at.to_string());
    }
    found
}

fn cron(cron: &str, zone: &str) -> Calendar {
    Calendar::new(Some(cron), zone, None).unwrap()
}

fn windowed(opens: &str, closes: &str, zone: &str) -> Calendar {
    Calendar::new(None, zone, window(opens, closes)).unwrap()
}

#[test]
fn a_local_time_moves_with_the_change_of_clocks() {
    let daily = cron("30 8 * * *", BERLIN);
    let around = due(&daily, "2026-03-27T12:00:00Z", 2);
    assert_eq!(around, ["2026-03-28T07:30:00Z", "2026-03-29T06:30:00Z"]);
    let weekdays = cron("0 18 * * MON-FRI", NEW_YORK);
    let around = due(&weekdays, "2026-10-30T23:00:00Z", 1);
    assert_eq!(around, ["2026-11-02T23:00:00Z"]);
}

#[test]
fn a_fixed_time_in_the_gap_runs_right_after_it() {
    let berlin = due(&cron("30 2 * * *", BERLIN), "2026-03-28T02:00:00Z", 2);
    assert_eq!(berlin, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    let new_york = due(&cron("15 2 * * *", NEW_YORK), "2026-03-08T00:00:00Z", 2);
    assert_eq!(new_york, ["2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"]);
}

#[test]
fn a_fixed_time_in_the_overlap_runs_once_the_first_time() {
    let berlin = due(&cron("30 2 * * *", BERLIN), "2026-10-24T12:00:00Z", 2);
    assert_eq!(berlin, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    let new_york = due(&cron("30 1 * * *", NEW_YORK), "2026-11-01T00:00:00Z", 2);
    assert_eq!(new_york, ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
}

#[test]
fn times_by_interval_go_on_through_gap_and_overlap() {
    let half_hourly = cron("*/30 * * * *", BERLIN);
    let gap = due(&half_hourly, "2026-03-29T00:30:00Z", 2);
    assert_eq!(gap, ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]);
    let overlap = due(&half_hourly, "2026-10-25T00:00:00Z", 4);
    let each = ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"];
    assert_eq!(overlap, each);
}

#[test]
fn the_next_time_is_strictly_later_also_from_within_a_second() {
    let daily = cron("0 0 * * *", "UTC");
    assert_eq!(due(&daily, "2026-01-01T00:00:00Z", 1), ["2026-01-02T00:00:00Z"]);
    assert_eq!(due(&daily, "2026-01-01T00:00:00.5Z", 1), ["2026-01-02T00:00:00Z"]);
    assert_eq!(due(&daily, "2025-12-31T23:59:59.999999Z", 1), ["2026-01-01T00:00:00Z"]);
}

#[test]
fn a_window_opens_and_closes_by_the_local_clock() {
    let day = windowed("09:00", "17:00", BERLIN);
    assert_eq!(day.gate(instant("2026-01-15T08:00:00Z")), Gate::Open);
    assert_eq!(day.gate(instant("2026-01-15T15:59:59Z")), Gate::Open);
    assert_eq!(day.gate(instant("2026-01-15T16:00:00Z")), Gate::Closed { since: instant("2026-01-15T16:00:00Z") });
    assert_eq!(day.gate(instant("2026-07-15T06:59:59Z")), Gate::Closed { since: instant("2026-07-14T15:00:00Z") });
    assert_eq!(day.gate(instant("2026-07-15T07:00:00Z")), Gate::Open);
}

#[test]
fn a_window_may_span_midnight() {
    let night = windowed("22:00", "06:00", NEW_YORK);
    for open in ["2026-01-16T03:00:00Z", "2026-01-16T05:00:00Z", "2026-01-16T10:59:59Z"] {
        assert_eq!(night.gate(instant(open)), Gate::Open, "{open}");
    }
    for closed in ["2026-01-16T11:00:00Z", "2026-01-17T02:59:59Z"] {
        assert_eq!(night.gate(instant(closed)), Gate::Closed { since: instant("2026-01-16T11:00:00Z") }, "{closed}");
    }
    assert_eq!(due(&night, "2026-01-16T12:00:00Z", 2), ["2026-01-17T03:00:00Z", "2026-01-18T03:00:00Z"]);
}

#[test]
fn a_window_until_midnight_ends_with_the_day() {
    let evening = windowed("20:00", "00:00", "UTC");
    assert_eq!(evening.gate(instant("2026-01-15T23:59:59Z")), Gate::Open);
    assert_eq!(evening.gate(instant("2026-01-16T00:00:00Z")), Gate::Closed { since: instant("2026-01-16T00:00:00Z") });
}

#[test]
fn a_window_that_opens_in_the_gap_opens_right_after_it() {
    let early = windowed("02:30", "05:00", BERLIN);
    assert_eq!(early.opening(instant("2026-03-28T12:00:00Z")), Some(instant("2026-03-29T01:00:00Z")));
    assert_eq!(early.gate(instant("2026-03-29T00:59:59Z")), Gate::Closed { since: instant("2026-03-28T04:00:00Z") });
    assert_eq!(early.gate(instant("2026-03-29T01:00:00Z")), Gate::Open);
}

#[test]
fn a_window_that_lies_in_the_gap_does_not_open_that_day() {
    let brief = windowed("02:10", "02:50", BERLIN);
    assert_eq!(brief.opening(instant("2026-03-28T12:00:00Z")), Some(instant("2026-03-30T00:10:00Z")));
    assert_eq!(brief.gate(instant("2026-03-29T01:00:00Z")), Gate::Closed { since: instant("2026-03-28T01:50:00Z") });
}

#[test]
fn a_window_opens_once_where_the_clock_shows_its_time_twice() {
    let early = windowed("02:30", "05:00", BERLIN);
    let openings = due(&early, "2026-10-24T12:00:00Z", 2);
    assert_eq!(openings, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    assert_eq!(early.gate(instant("2026-10-25T01:15:00Z")), Gate::Open);
    let late = windowed("01:00", "02:30", BERLIN);
    assert_eq!(late.gate(instant("2026-10-25T01:15:00Z")), Gate::Closed { since: instant("2026-10-25T00:30:00Z") });
}

#[test]
fn what_is_due_while_the_window_is_closed_waits_for_it_and_counts_once() {
    let hourly = Calendar::new(Some("0 * * * *"), "UTC", window("22:00", "00:30")).unwrap();
    let times = due(&hourly, "2026-01-15T23:30:00Z", 4);
    let each = ["2026-01-16T00:00:00Z", "2026-01-16T22:00:00Z", "2026-01-16T23:00:00Z", "2026-01-17T00:00:00Z"];
    assert_eq!(times, each);
    let morning = Calendar::new(Some("0 8 * * *"), BERLIN, window("22:00", "06:00")).unwrap();
    assert_eq!(due(&morning, "2026-01-15T00:00:00Z", 2), ["2026-01-15T21:00:00Z", "2026-01-16T21:00:00Z"]);
}

#[test]
fn a_day_that_a_zone_leaves_out_has_no_window_of_its_own() {
    let apia = windowed("10:00", "12:00", "Pacific/Apia");
    let openings = due(&apia, "2011-12-29T12:00:00Z", 2);
    assert_eq!(openings, ["2011-12-29T20:00:00Z", "2011-12-30T20:00:00Z"]);
}

#[test]
fn the_last_day_of_february_and_week_days_are_found() {
    assert_eq!(due(&cron("0 0 29 2 *", "UTC"), "2026-01-01T00:00:00Z", 1), ["2028-02-29T00:00:00Z"]);
    assert_eq!(due(&cron("0 12 L * *", "UTC"), "2026-02-01T00:00:00Z", 1), ["2026-02-28T12:00:00Z"]);
    assert_eq!(due(&cron("@daily", "UTC"), "2026-02-01T00:00:00Z", 1), ["2026-02-02T00:00:00Z"]);
}

#[test]
fn mistakes_are_named() {
    let mistake = |cron, zone, window| Calendar::new(cron, zone, window).unwrap_err();
    assert!(matches!(mistake(Some("* * * * *"), "Europe/Berlim", None), CalendarError::Zone(_)));
    for wrong in ["", "* * * *", "0 0 * * * *", "61 * * * *", "a b c d e", "0 0 * * * * 2030"] {
        assert!(matches!(mistake(Some(wrong), "UTC", None), CalendarError::Cron(..)), "{wrong:?}");
    }
    assert!(matches!(mistake(Some("0 0 30 2 *"), "UTC", None), CalendarError::Never(_)));
    assert!(matches!(mistake(None, "UTC", window("08:00", "08:00")), CalendarError::EmptyWindow(_)));
    assert!(matches!(mistake(None, "UTC", None), CalendarError::Nothing));
}
