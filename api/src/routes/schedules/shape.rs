//! A schedule as it is posted and as it is shown.

use jiff::civil::Time;
use pinksync_common::calendar::{Calendar, CalendarError};
use pinksync_common::ids::{ScheduleId, SessionId, SyncId};
use pinksync_common::store::schedules::{Contents, Schedule};
use pinksync_common::store::scheduling::{Overlap, Times};
use pinksync_common::time::Utc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::input::check_name;
use crate::problem::Problem;

/// How late a due time is made up for, unless the schedule says otherwise.
const CATCH_UP_SECONDS: i32 = 3600;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSchedule {
    /// The sync whose sessions it starts.
    #[schema(value_type = Uuid)]
    sync_id: SyncId,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Five fields, such as `0 3 * * *`. Without it, a session starts whenever the window opens.
    cron: Option<String>,
    /// A name of the IANA database, such as `Europe/Berlin`.
    timezone: String,
    /// Sessions of this schedule work only while it is open: they are paused when it closes and go on when it opens.
    window: Option<Hours>,
    #[serde(default)]
    overlap: OnOverlap,
    /// How late a due time is still made up for.
    #[serde(default = "catch_up_seconds")]
    #[schema(minimum = 0)]
    catch_up_seconds: i32,
}

/// Local times of day. A window that closes at an earlier time than it opens lasts over midnight.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Hours {
    #[schema(value_type = String, example = "22:00")]
    opens: Time,
    #[schema(value_type = String, example = "06:00")]
    closes: Time,
}

/// What happens at a due time while an earlier session of the sync is not over: it is left out, or the new one waits.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OnOverlap {
    #[default]
    Skip,
    Queue,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ScheduleView {
    #[schema(value_type = Uuid)]
    id: ScheduleId,
    #[schema(value_type = Uuid)]
    sync_id: SyncId,
    name: String,
    cron: Option<String>,
    timezone: String,
    window: Option<Hours>,
    overlap: OnOverlap,
    catch_up_seconds: i32,
    paused: bool,
    /// Null: nothing is due while it is paused.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Utc>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_at: Option<Utc>,
    #[schema(value_type = Option<Uuid>)]
    last_session_id: Option<SessionId>,
    /// One more with each change; the `ETag`.
    pub(super) revision: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Utc,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Utc,
}

fn catch_up_seconds() -> i32 {
    CATCH_UP_SECONDS
}

impl From<Schedule> for ScheduleView {
    fn from(row: Schedule) -> Self {
        let Schedule { id, contents, paused, next_at, last_at, last_session, revision, created_at, updated_at } = row;
        let Contents { sync, name, times, overlap, catch_up_seconds } = contents;
        let Times { cron, timezone, window } = times;
        let window = window.map(|(opens, closes)| Hours { opens, closes });
        let overlap = match overlap {
            Overlap::Skip => OnOverlap::Skip,
            Overlap::Queue => OnOverlap::Queue,
        };
        Self {
            id,
            sync_id: sync,
            name,
            cron,
            timezone,
            window,
            overlap,
            catch_up_seconds,
            paused,
            next_at,
            last_at,
            last_session_id: last_session,
            revision,
            created_at,
            updated_at,
        }
    }
}

impl NewSchedule {
    /// # Errors
    /// A field is wrong, or nothing would ever be due.
    pub(super) fn contents(&self) -> Result<Contents, Problem> {
        check_name(&self.name)?;
        if self.catch_up_seconds < 0 {
            return Err(Problem::of_field("/catch_up_seconds", "this is less than 0", "write 0 or more seconds"));
        }
        let overlap = match self.overlap {
            OnOverlap::Skip => Overlap::Skip,
            OnOverlap::Queue => Overlap::Queue,
        };
        let window = self.window.map(|hours| (hours.opens, hours.closes));
        let times = Times { cron: self.cron.clone(), timezone: self.timezone.clone(), window };
        calendar(&times)?;
        let (sync, name) = (self.sync_id, self.name.clone());
        Ok(Contents { sync, name, times, overlap, catch_up_seconds: self.catch_up_seconds })
    }
}

/// When a schedule is due.
///
/// # Errors
/// Never, or its times are not understood.
pub(super) fn calendar(times: &Times) -> Result<Calendar, Problem> {
    Calendar::new(times.cron.as_deref(), &times.timezone, times.window).map_err(|error| {
        let (pointer, remedy) = match &error {
            CalendarError::Zone(_) => ("/timezone", "write a name such as `Europe/Berlin` or `UTC`"),
            CalendarError::Cron(..) => {
                ("/cron", "write minute, hour, day of month, month and day of week: `0 3 * * *`")
            }
            CalendarError::Never(_) => ("/cron", "write a day that there is"),
            CalendarError::EmptyWindow(_) => ("/window", "let it close at another time than it opens"),
            CalendarError::Nothing => ("/cron", "write a cron expression, a window, or both"),
        };
        Problem::of_field(pointer, error.to_string(), remedy)
    })
}
