//! A window: the part of each day in which work may be done, by the local clock.

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::{CalendarError, Gate};

/// How far around a day to look: a change of clocks may empty the window of a day, or skip a day.
const DAYS_AROUND: i32 = 3;

#[derive(Debug, Clone)]
pub(super) struct Window {
    opens: Time,
    closes: Time,
}

impl Window {
    pub fn new(opens: Time, closes: Time) -> Result<Self, CalendarError> {
        if opens == closes {
            return Err(CalendarError::EmptyWindow(opens));
        }
        Ok(Self { opens, closes })
    }

    pub fn opening(&self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        self.around(zone, after).map(|(opens, _)| opens).find(|opens| *opens > after)
    }

    pub fn gate(&self, zone: &TimeZone, at: Timestamp) -> Gate {
        let mut since = Timestamp::MIN;
        for (opens, closes) in self.around(zone, at) {
            if opens <= at && at < closes {
                return Gate::Open;
            }
            if closes <= at {
                since = since.max(closes);
            }
        }
        Gate::Closed { since }
    }

    /// The openings and closings of the days around an instant, in order; a day on which both fall into one gap of the
    /// clock has none.
    fn around(&self, zone: &TimeZone, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let today = zone.to_datetime(at).date();
        (-DAYS_AROUND..=DAYS_AROUND).filter_map(move |days| {
            let day = today.checked_add(days.days()).ok()?;
            let last = if self.closes > self.opens { day } else { day.tomorrow().ok()? };
            let (opens, closes) = (instant(zone, day, self.opens)?, instant(zone, last, self.closes)?);
            (opens < closes).then_some((opens, closes))
        })
    }
}

/// When the local clock shows a time of a day: right after a gap that skips it, and the first of two.
fn instant(zone: &TimeZone, day: Date, time: Time) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(day.to_datetime(time));
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            zone.following(before).next().map(|change| change.timestamp())
        }
    }
}
