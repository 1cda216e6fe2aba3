//! Windows that close and open. They are local times of day: tests move them around the present.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pinksync_common::ids::{AccountId, ScheduleId, SessionId};
use pinksync_model::SessionStatus::{InProgress, Paused, Pending};
use pinksync_scheduler::Limits;
use pinksync_scheduler::loops::{admit, due, windows};

use crate::support::{HOUR, MINUTE, Service};

const ZONE: &str = "America/New_York";

/// Hours from now at which a window opens and closes.
const OPEN: (i64, i64) = (-1, 1);
const CLOSED: (i64, i64) = (-2, -1);

impl Service {
    /// A schedule that has a window and no cron.
    async fn windowed(&self, account: AccountId) -> ScheduleId {
        let schedule = self.due(account, self.sync(account).await, HOUR, "skip").await;
        self.execute("UPDATE schedules SET cron = NULL, window_opens = '0:00', window_closes = '1:00'", &[]).await;
        self.execute("UPDATE schedules SET next_at = NULL, timezone = $1", &[&ZONE]).await;
        schedule
    }

    async fn set_window(&self, schedule: ScheduleId, (opens, closes): (i64, i64)) {
        let now = self.now().await;
        let (opens, closes) = (local(now, opens), local(now, closes));
        let update = "UPDATE schedules SET window_opens = $2::text::time, window_closes = $3::text::time WHERE id = $1";
        self.execute(update, &[&schedule, &opens, &closes]).await;
    }

    async fn working_since(&self, session: SessionId, ago: Duration) {
        let update = "UPDATE sessions SET active_since = now() - make_interval(secs => $2) WHERE id = $1";
        self.execute(update, &[&session.0, &ago.as_secs_f64()]).await;
    }

    async fn reason(&self, account: AccountId, session: SessionId) -> Option<String> {
        self.session(account, session).await.reason.map(|reason| reason.code)
    }
}

/// The local time of day so many hours from now.
fn local(now: Timestamp, hours: i64) -> String {
    let at = now.checked_add(SignedDuration::from_hours(hours)).unwrap();
    TimeZone::get(ZONE).unwrap().to_datetime(at).time().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_pause_when_the_window_closes_and_go_on_when_it_opens() {
    let service = Service::new().await;
    let account = service.account().await;
    let schedule = service.windowed(account).await;
    let session = service.working(account, Some(schedule)).await;
    let free = service.working(account, None).await;
    for session in [session, free] {
        service.working_since(session, 90 * MINUTE).await;
    }
    service.set_window(schedule, OPEN).await;
    windows::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, session).await, InProgress);

    service.set_window(schedule, CLOSED).await;
    windows::round(&service.scheduler).await.unwrap();
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, session).await, Paused);
    assert_eq!(service.reason(account, session).await.as_deref(), Some("window_closed"));
    assert_eq!(service.status(account, free).await, InProgress, "it has no window");

    service.set_window(schedule, OPEN).await;
    windows::round(&service.scheduler).await.unwrap();
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, session).await, InProgress);
    assert_eq!(service.reason(account, session).await, None);
    let events = "SELECT string_agg(data->>'status', ' ' ORDER BY id) FROM events WHERE session_id = $1";
    let told: String = service.value(events, &[&session.0]).await;
    assert_eq!(told, "pending in_progress paused in_progress");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_paused_does_not_go_on_when_the_window_opens() {
    let service = Service::new().await;
    let account = service.account().await;
    let schedule = service.windowed(account).await;
    let session = service.working(account, Some(schedule)).await;
    service.move_to(account, session, Paused, Some("asked_for")).await;
    service.set_window(schedule, OPEN).await;
    windows::round(&service.scheduler).await.unwrap();
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, session).await, Paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_lets_go_on_after_the_closing_goes_on() {
    let service = Service::new().await;
    let account = service.account().await;
    let schedule = service.windowed(account).await;
    let session = service.working(account, Some(schedule)).await;
    service.set_window(schedule, CLOSED).await;
    service.working_since(session, 90 * MINUTE).await;
    windows::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, session).await, Paused);
    service.want_slot(account, session).await;
    windows::round(&service.scheduler).await.unwrap();
    admit::round(&service.scheduler).await.unwrap();
    windows::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, session).await, InProgress);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_slot_when_the_window_closes_waits_for_the_next_one() {
    let service = Service::with(Limits { sessions_per_account: 1, ..Limits::default() }).await;
    let account = service.account().await;
    let other = service.working(account, None).await;
    let schedule = service.windowed(account).await;
    let sync = service.value("SELECT sync_id FROM schedules WHERE id = $1", &[&schedule]).await;
    let session = service.submit_for(account, sync, Some(schedule)).await;
    let since = "UPDATE sessions SET wants_slot_since = now() - interval '90 minutes' WHERE id = $1";
    service.execute(since, &[&session.0]).await;
    service.set_window(schedule, CLOSED).await;
    windows::round(&service.scheduler).await.unwrap();
    service.move_to(account, other, pinksync_model::SessionStatus::Completed, None).await;
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, session).await, Pending);
    assert_eq!(service.reason(account, session).await.as_deref(), Some("window_closed"));

    service.set_window(schedule, OPEN).await;
    windows::round(&service.scheduler).await.unwrap();
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, session).await, InProgress);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_schedule_goes_on_with_nothing_and_a_deleted_one_holds_nothing_back() {
    let service = Service::new().await;
    let account = service.account().await;
    let schedule = service.windowed(account).await;
    let session = service.working(account, Some(schedule)).await;
    service.working_since(session, 90 * MINUTE).await;
    service.set_window(schedule, CLOSED).await;
    windows::round(&service.scheduler).await.unwrap();
    service.set_window(schedule, OPEN).await;
    service.execute("UPDATE schedules SET paused = true WHERE id = $1", &[&schedule]).await;
    windows::round(&service.scheduler).await.unwrap();
    assert!(!service.session(account, session).await.wants_slot);
    service.execute("DELETE FROM schedules WHERE id = $1", &[&schedule]).await;
    windows::round(&service.scheduler).await.unwrap();
    assert!(service.session(account, session).await.wants_slot);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_time_waits_for_the_window_to_open() {
    let service = Service::new().await;
    let account = service.account().await;
    let schedule = service.windowed(account).await;
    service.execute("UPDATE schedules SET cron = '0 0 1 1 *', next_at = now()", &[]).await;
    service.set_window(schedule, (2, 3)).await;
    due::round(&service.scheduler).await.unwrap();
    assert_eq!(service.firings(schedule).await, (0, 0));
    let wait = service.next_at(schedule).await.unwrap().0.duration_since(service.now().await);
    assert!(wait > SignedDuration::from_mins(118) && wait <= SignedDuration::from_mins(120), "{wait}");

    service.set_window(schedule, OPEN).await;
    service.execute("UPDATE schedules SET next_at = now()", &[]).await;
    due::round(&service.scheduler).await.unwrap();
    assert_eq!(service.firings(schedule).await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_without_cron_starts_a_session_when_its_window_opens() {
    let service = Service::new().await;
    let account = service.account().await;
    let schedule = service.windowed(account).await;
    service.set_window(schedule, OPEN).await;
    let opened = "UPDATE schedules SET next_at = date_trunc('second', now() - interval '1 hour') + interval '10 s'";
    service.execute(opened, &[]).await;
    for _ in 0..2 {
        due::round(&service.scheduler).await.unwrap();
    }
    assert_eq!(service.firings(schedule).await, (1, 1));
    let wait = service.next_at(schedule).await.unwrap().0.duration_since(service.now().await);
    assert!(wait > SignedDuration::from_hours(21) && wait <= SignedDuration::from_hours(25), "{wait}");
}
