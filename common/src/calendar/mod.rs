//! When a schedule is due, and whether its window is open: cron and local times of day in a zone of the IANA database.
//! Pure; the API shows by it what the scheduler does by it.
//!
//! A fixed time that a change of clocks skips happens right after the gap; one that comes twice happens once, the first
//! time. Times by interval (`*/15 * * * *`) follow the clock: none in the gap, and in the overlap each time.

mod local;
mod window;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use local::Local;
use window::Window;

/// What is wrong with a schedule.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    #[error("`{0}` is no time zone of the IANA database, such as `Europe/Berlin`")]
    Zone(String),
    #[error("`{0}` is no cron expression of five fields: {1}")]
    Cron(String, String),
    #[error("`{0}` never happens")]
    Never(String),
    #[error("a window that opens and closes at {0} is never open")]
    EmptyWindow(Time),
    #[error("a schedule needs a cron expression or a window")]
    Nothing,
}

/// Whether work may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// There is no window, or it is open.
    Open,
    /// The window is closed, and since when it is.
    Closed { since: Timestamp },
}

/// A schedule's times.
#[derive(Debug, Clone)]
pub struct Calendar {
    cron: Option<Cron>,
    zone: TimeZone,
    window: Option<Window>,
}

impl Calendar {
    /// `window`: the local times of day at which it opens and closes; one that closes at an earlier time than it opens
    /// spans midnight.
    ///
    /// # Errors
    /// One of them is not understood, or nothing would ever be due.
    pub fn new(cron: Option<&str>, zone: &str, window: Option<(Time, Time)>) -> Result<Self, CalendarError> {
        let zone = TimeZone::get(zone).map_err(|_| CalendarError::Zone(zone.to_owned()))?;
        let window = window.map(|(opens, closes)| Window::new(opens, closes)).transpose()?;
        let calendar = Self { cron: cron.map(parse).transpose()?, zone, window };
        match (&calendar.cron, &calendar.window, cron) {
            (None, None, _) => Err(CalendarError::Nothing),
            (_, _, Some(text)) if calendar.next_due(Timestamp::UNIX_EPOCH).is_none() => {
                Err(CalendarError::Never(text.to_owned()))
            }
            _ => Ok(calendar),
        }
    }

    /// The first instant beyond `after` at which the schedule is due: by its cron, or where it has none whenever its
    /// window opens. What comes due while the window is closed waits for it to open, and counts once.
    /// `None`: never again, as far as the calendar goes.
    pub fn next_due(&self, after: Timestamp) -> Option<Timestamp> {
        let Some(cron) = &self.cron else { return self.opening(after) };
        let from = Local(after.to_zoned_datetime(self.zone.clone()));
        let due = cron.find_next_occurrence(&from, false).ok()?.0.timestamp();
        match self.gate(due) {
            Gate::Open => Some(due),
            Gate::Closed { .. } => self.opening(due),
        }
    }

    /// The first instant beyond `after` at which the window opens. `None`: there is no window, or the calendar ends.
    pub fn opening(&self, after: Timestamp) -> Option<Timestamp> {
        self.window.as_ref()?.opening(&self.zone, after)
    }

    /// Whether work may be done at an instant.
    pub fn gate(&self, at: Timestamp) -> Gate {
        match &self.window {
            None => Gate::Open,
            Some(window) => window.gate(&self.zone, at),
        }
    }
}

fn parse(text: &str) -> Result<Cron, CalendarError> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).map_err(|error| CalendarError::Cron(text.to_owned(), error.to_string()))
}

#[cfg(test)]
mod tests;
