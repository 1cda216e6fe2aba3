//! Days of the proleptic Gregorian calendar, counted from 2000-01-01.
//!
//! Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": `days_from_civil` and `civil_from_days`,
//! with the year beginning in March and eras of 400 years.

/// Days from 0000-03-01, where the algorithm's eras begin, to 2000-01-01.
const ERA_TO_EPOCH: i64 = 730_425;
const DAYS_PER_ERA: i64 = 146_097;

/// A date; years before 1 are counted astronomically (0 is 1 BC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

impl Civil {
    /// A date that exists; `None` for a 30th of February. The year is bounded, so that nothing below overflows.
    pub fn new(year: i64, month: i64, day: i64) -> Option<Self> {
        let date = Self { year, month, day };
        let exists = (-10_000_000..=10_000_000).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && Self::from_days(date.days()) == date;
        exists.then_some(date)
    }

    /// Days since 2000-01-01. For any year up to ten million, any month and day.
    pub fn days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * DAYS_PER_ERA + day_of_era - ERA_TO_EPOCH
    }

    /// The date so many days after 2000-01-01; any number of days that fits in 40 bits.
    pub fn from_days(days: i64) -> Self {
        let days = days + ERA_TO_EPOCH;
        let era = days.div_euclid(DAYS_PER_ERA);
        let day_of_era = days.rem_euclid(DAYS_PER_ERA);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = (shifted_month + 2) % 12 + 1;
        Self { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates_have_their_days() {
        for (year, month, day, days) in [
            (2000, 1, 1, 0),
            (1999, 12, 31, -1),
            (1970, 1, 1, -10_957),
            (2000, 2, 29, 59),
            (2000, 3, 1, 60),
            (2024, 2, 29, 8_825),
            (1, 1, 1, -730_119),
            (0, 1, 1, -730_485),
            (-4713, 11, 24, -2_451_545),
            (9999, 12, 31, 2_921_939),
            (294_277, 1, 9, 106_751_991),
        ] {
            let date = Civil::new(year, month, day).unwrap();
            assert_eq!((date.days(), Civil::from_days(days)), (days, date));
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = Civil::from_days(-800_000);
        for days in -799_999..800_000 {
            let date = Civil::from_days(days);
            assert_eq!(date.days(), days);
            let next_day = (date.year, date.month, date.day) == (last.year, last.month, last.day + 1);
            let next_month = (date.year, date.month, date.day) == (last.year, last.month + 1, 1) && last.day >= 28;
            let next_year = (date.year, date.month, date.day, last.month, last.day) == (last.year + 1, 1, 1, 12, 31);
            assert!(next_day || next_month || next_year, "{last:?} {date:?}");
            last = date;
        }
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for (year, month, day) in
            [(2023, 2, 29), (1900, 2, 29), (2024, 4, 31), (2024, 13, 1), (2024, 0, 1), (2024, 1, 0)]
        {
            assert_eq!(Civil::new(year, month, day), None, "{year}-{month}-{day}");
        }
    }
}
