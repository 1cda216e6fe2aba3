//! The time as it is stored: RFC 3339 UTC with milliseconds, so that texts sort as times do.

use jiff::{SignedDuration, Timestamp};

pub(crate) fn now() -> String {
    text(Timestamp::now())
}

/// The time that was `days` days ago; the earliest there is where that is before all time.
pub(crate) fn days_ago(days: u32) -> String {
    let span = SignedDuration::from_hours(24 * i64::from(days));
    text(Timestamp::now().checked_sub(span).unwrap_or(Timestamp::MIN))
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_and_sort_as_texts() {
        let now = now();
        assert_eq!(now.len(), "2026-01-02T03:04:05.678Z".len(), "{now}");
        assert!(now.parse::<Timestamp>().is_ok(), "{now}");
        assert!(days_ago(1) < now && days_ago(14) < days_ago(1));
    }
}
