//! Starts sessions at their schedules' times.
//!
//! Harmless where two run: a schedule's row is locked while its time is dealt with, and each time of a schedule has one
//! row in `schedule_firings`.

use std::time::Duration;

use jiff::Timestamp;
use pinksync_common::calendar::{Calendar, CalendarError, Gate};
use pinksync_common::ids::{ScheduleId, SessionId};
use pinksync_common::store::scheduling::{self, Due, Overlap, Times};
use pinksync_common::store::sessions::{self, NewSession};
use pinksync_common::store::{self, Client, Transaction};
use pinksync_common::time::Utc;
use pinksync_model::{Mode, chain};
use tracing::{error, info};

use super::{Left, Loop, Parts};
use crate::{Result, Scheduler};

pub(crate) const LOOP: Loop = Loop {
    name: "due",
    every: Duration::from_secs(1),
    round: |scheduler| Box::pin(async move { round(&scheduler).await }),
};

const BATCH: usize = 100;

/// Cron counts in minutes: what starts within one is on time, also after a change of leaders.
const ON_TIME: Duration = Duration::from_secs(60);

/// One round.
pub async fn round(scheduler: &Scheduler) -> Result<Left> {
    let mut client = store::client(&scheduler.pool).await?;
    let mut parts = Parts::default();
    for id in scheduling::due(&client, BATCH as i64).await? {
        parts.add(deal_with(&mut client, id).await);
    }
    parts.end(BATCH)
}

pub(super) fn calendar(times: &Times) -> std::result::Result<Calendar, CalendarError> {
    Calendar::new(times.cron.as_deref(), &times.timezone, times.window)
}

async fn deal_with(client: &mut Client, id: ScheduleId) -> Result<bool> {
    let transaction = store::begin(client).await?;
    let Some(due) = scheduling::lock_due(&transaction, id).await? else { return Ok(false) };
    let next = match calendar(&due.times) {
        Ok(calendar) => come_to(&transaction, &due, &calendar).await?,
        Err(mistake) => {
            error!(schedule = %id, error = chain(&mistake), "a schedule cannot be understood; it stands still until it is changed");
            None
        }
    };
    scheduling::move_on(&transaction, id, next).await?;
    store::commit(transaction).await?;
    Ok(true)
}

/// Fires, or does not, and says when the schedule is due next.
async fn come_to(transaction: &Transaction<'_>, due: &Due, calendar: &Calendar) -> Result<Option<Utc>> {
    let Some(revision) = due.revision else { return Ok(None) };
    let (at, now) = (due.due_at.0, due.now.0);
    let earliest = now.checked_sub(due.catch_up.max(ON_TIME)).unwrap_or(Timestamp::MIN);
    if at < earliest {
        info!(schedule = %due.id, due_at = %at, "too late for a due time");
        scheduling::come_to(transaction, due).await?;
        return Ok(calendar.next_due(earliest).map(Utc));
    }
    if calendar.gate(now) != Gate::Open {
        return Ok(calendar.opening(now).map(Utc));
    }
    if scheduling::come_to(transaction, due).await? && !in_the_way(transaction, due).await? {
        let session = start(transaction, due, revision).await?;
        info!(schedule = %due.id, %session, due_at = %at, "a schedule has fired");
    }
    Ok(calendar.next_due(at).map(Utc))
}

async fn in_the_way(transaction: &Transaction<'_>, due: &Due) -> Result<bool> {
    match due.overlap {
        Overlap::Queue => Ok(false),
        Overlap::Skip => Ok(scheduling::unfinished(transaction, due.account, due.sync).await?),
    }
}

/// It begins as soon as the admission lets it in.
async fn start(transaction: &Transaction<'_>, due: &Due, revision: i64) -> Result<SessionId> {
    let new = NewSession { schedule: Some(due.id), ..NewSession::of(due.account, due.sync, revision, Mode::Sync) };
    let session = sessions::insert(transaction, &new).await?;
    scheduling::fired(transaction, due, session).await?;
    Ok(session)
}
