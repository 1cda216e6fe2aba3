//! Due times: each fires once, too late ones are left out, and an earlier session may be in the way.

use std::time::Duration;

use pinksync_common::ids::{AccountId, ScheduleId, SyncId};
use pinksync_common::time::Utc;
use pinksync_model::SessionStatus::{InProgress, Pending};
use pinksync_scheduler::loops::{admit, due};

use crate::support::{HOUR, MINUTE, Service};

/// Nothing of it comes due while a test runs.
const YEARLY: &str = "0 0 1 1 *";

impl Service {
    /// A schedule that came due so long ago.
    pub async fn due(&self, account: AccountId, sync: SyncId, ago: Duration, overlap: &str) -> ScheduleId {
        let schedule = ScheduleId::new();
        let insert = "INSERT INTO schedules (id, account_id, sync_id, name, cron, timezone, overlap, next_at)
            VALUES ($1, $2, $3, $4, $5, 'Europe/Berlin', $6, now() - make_interval(secs => $7))";
        let (name, ago) = (schedule.to_string(), ago.as_secs_f64());
        self.execute(insert, &[&schedule, &account, &sync, &name, &YEARLY, &overlap, &ago]).await;
        schedule
    }

    /// Times that a schedule has come to, and those of them that led to a session.
    pub async fn firings(&self, schedule: ScheduleId) -> (i64, i64) {
        let all = "SELECT count(*) FROM schedule_firings WHERE schedule_id = $1";
        let with_session = "SELECT count(session_id) FROM schedule_firings WHERE schedule_id = $1";
        (self.value(all, &[&schedule]).await, self.value(with_session, &[&schedule]).await)
    }

    pub async fn next_at(&self, schedule: ScheduleId) -> Option<Utc> {
        self.value("SELECT next_at FROM schedules WHERE id = $1", &[&schedule]).await
    }

    async fn sessions_of(&self, schedule: ScheduleId) -> i64 {
        self.value("SELECT count(*) FROM sessions WHERE schedule_id = $1", &[&schedule]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_due_time_fires_once_with_two_schedulers() {
    let service = Service::new().await;
    let another = service.another().await;
    let account = service.account().await;
    let mut schedules = Vec::new();
    for _ in 0..20 {
        schedules.push(service.due(account, service.sync(account).await, MINUTE, "skip").await);
    }
    let (one, other) = tokio::join!(due::round(&service.scheduler), due::round(&another));
    one.unwrap();
    other.unwrap();
    for schedule in &schedules {
        assert_eq!(service.sessions_of(*schedule).await, 1);
        assert_eq!(service.firings(*schedule).await, (1, 1));
        assert!(service.next_at(*schedule).await.unwrap().0 > service.now().await);
    }
    // Also one that takes the time for not dealt with yet.
    let past = "UPDATE schedules d SET next_at = (SELECT due_at FROM schedule_firings f WHERE f.schedule_id = d.id)";
    service.execute(past, &[]).await;
    due::round(&another).await.unwrap();
    for schedule in schedules {
        assert_eq!(service.sessions_of(schedule).await, 1);
        assert!(service.next_at(schedule).await.unwrap().0 > service.now().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fired_schedule_starts_the_newest_revision_of_its_sync() {
    let service = Service::new().await;
    let account = service.account().await;
    let sync = service.sync(account).await;
    service.execute("UPDATE syncs SET revision = 3 WHERE id = $1", &[&sync]).await;
    let schedule = service.due(account, sync, Duration::ZERO, "skip").await;
    due::round(&service.scheduler).await.unwrap();
    admit::round(&service.scheduler).await.unwrap();
    let session = service.value("SELECT last_session_id FROM schedules WHERE id = $1", &[&schedule]).await;
    let session = service.session(account, pinksync_common::ids::SessionId(session)).await;
    assert_eq!((session.revision, session.status, session.schedule), (3, InProgress, Some(schedule)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_time_that_is_too_late_is_left_out() {
    let service = Service::new().await;
    let account = service.account().await;
    let late = service.due(account, service.sync(account).await, 2 * HOUR, "skip").await;
    let in_time = service.due(account, service.sync(account).await, 30 * MINUTE, "skip").await;
    let strict = service.due(account, service.sync(account).await, 30 * MINUTE, "skip").await;
    service.execute("UPDATE schedules SET catch_up_seconds = 0 WHERE id = $1", &[&strict]).await;
    let prompt = service.due(account, service.sync(account).await, Duration::from_secs(5), "skip").await;
    service.execute("UPDATE schedules SET catch_up_seconds = 0 WHERE id = $1", &[&prompt]).await;
    due::round(&service.scheduler).await.unwrap();
    for (schedule, sessions) in [(late, 0), (in_time, 1), (strict, 0), (prompt, 1)] {
        assert_eq!(service.firings(schedule).await, (1, sessions));
        assert!(service.next_at(schedule).await.unwrap().0 > service.now().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_stood_still_for_long_does_not_make_up_for_all_of_it() {
    let service = Service::new().await;
    let account = service.account().await;
    let schedule = service.due(account, service.sync(account).await, 1000 * HOUR, "queue").await;
    let hourly = "UPDATE schedules SET cron = '0 * * * *', catch_up_seconds = 7200 WHERE id = $1";
    service.execute(hourly, &[&schedule]).await;
    for _ in 0..5 {
        due::round(&service.scheduler).await.unwrap();
    }
    assert_eq!(service.sessions_of(schedule).await, 2, "those of the last two hours");
    assert!(service.next_at(schedule).await.unwrap().0 > service.now().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_session_is_in_the_way_or_is_queued_behind() {
    let service = Service::new().await;
    let account = service.account().await;
    for (overlap, sessions) in [("skip", 0), ("queue", 1)] {
        let sync = service.sync(account).await;
        let earlier = service.submit(account, sync).await;
        admit::round(&service.scheduler).await.unwrap();
        let schedule = service.due(account, sync, MINUTE, overlap).await;
        due::round(&service.scheduler).await.unwrap();
        admit::round(&service.scheduler).await.unwrap();
        assert_eq!(service.firings(schedule).await, (1, sessions), "{overlap}");
        assert_eq!(service.status(account, earlier).await, InProgress);
        let waiting = "SELECT count(*) FROM sessions WHERE schedule_id = $1 AND status = $2";
        assert_eq!(service.value::<i64>(waiting, &[&schedule, &Pending.as_str()]).await, sessions, "{overlap}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_or_deleted_or_not_understood_starts_nothing() {
    let service = Service::new().await;
    let account = service.account().await;
    let paused = service.due(account, service.sync(account).await, MINUTE, "skip").await;
    service.execute("UPDATE schedules SET paused = true WHERE id = $1", &[&paused]).await;
    let sync = service.sync(account).await;
    service.execute("UPDATE syncs SET deleted_at = now() WHERE id = $1", &[&sync]).await;
    let deleted = service.due(account, sync, MINUTE, "skip").await;
    let strange = service.due(account, service.sync(account).await, MINUTE, "skip").await;
    service.execute("UPDATE schedules SET timezone = 'Europe/Nowhere' WHERE id = $1", &[&strange]).await;
    let sound = service.due(account, service.sync(account).await, Duration::ZERO, "skip").await;
    due::round(&service.scheduler).await.unwrap();
    for schedule in [paused, deleted, strange] {
        assert_eq!(service.sessions_of(schedule).await, 0);
    }
    assert!(service.next_at(deleted).await.is_none() && service.next_at(strange).await.is_none());
    assert_eq!(service.sessions_of(sound).await, 1, "the others are not held up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_cannot_be_read_does_not_keep_the_others_from_their_turn() {
    let service = Service::new().await;
    let account = service.account().await;
    let unreadable = service.due(account, service.sync(account).await, 2 * MINUTE, "skip").await;
    let odd = "UPDATE schedules SET window_opens = '24:00', window_closes = '1:00' WHERE id = $1";
    service.execute(odd, &[&unreadable]).await;
    let sound = service.due(account, service.sync(account).await, MINUTE, "skip").await;
    let failed = due::round(&service.scheduler).await.unwrap_err();
    assert!(failed.to_string().contains("a time of day of a schedule"), "{failed}");
    assert_eq!(service.sessions_of(sound).await, 1);
}
