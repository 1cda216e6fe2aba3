//! Sessions that come to the limit on their time in progress, or paused.

use pinksync_common::ids::SessionId;
use pinksync_model::SessionStatus::{Failed, InProgress, Paused};
use pinksync_scheduler::loops::{admit, expire};

use crate::support::Service;

impl Service {
    /// So many hours in progress before, and so many by now since it went on.
    async fn worked(&self, session: SessionId, before: f64, now: f64) {
        let update = "UPDATE sessions SET active_seconds = $2::float8 * 3600, created_at = now() - interval '5 days',
            started_at = now() - interval '5 days', active_since = now() - make_interval(secs => $3::float8 * 3600)
            WHERE id = $1";
        self.execute(update, &[&session.0, &before, &now]).await;
    }

    async fn paused_for(&self, session: SessionId, days: f64) {
        let update = "UPDATE sessions SET paused_at = now() - make_interval(secs => $2::float8 * 86400) WHERE id = $1";
        self.execute(update, &[&session.0, &days]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_time_in_progress_counts_towards_the_limit_of_a_session() {
    let service = Service::new().await;
    let account = service.account().await;
    let mut sessions = Vec::new();
    for (before, now) in [(23.0, 1.1), (0.0, 24.1), (20.0, 3.9), (0.0, 1.0)] {
        let session = service.working(account, None).await;
        service.worked(session, before, now).await;
        sessions.push(session);
    }
    let paused = service.working(account, None).await;
    service.worked(paused, 20.0, 3.5).await;
    service.move_to(account, paused, Paused, Some("asked_for")).await;
    service.paused_for(paused, 3.0).await;
    expire::round(&service.scheduler).await.unwrap();
    for (session, status) in sessions.iter().zip([Failed, Failed, InProgress, InProgress]) {
        assert_eq!(service.status(account, *session).await, status);
    }
    assert_eq!(service.status(account, paused).await, Paused);
    let failed = service.session(account, sessions[0]).await;
    assert_eq!(failed.reason.unwrap().code, "duration_limit");
    assert!(failed.ended_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_paused_for_too_long_ends() {
    let service = Service::new().await;
    let account = service.account().await;
    let mut sessions = Vec::new();
    for days in [6.9, 7.1] {
        let session = service.working(account, None).await;
        service.move_to(account, session, Paused, Some("asked_for")).await;
        service.paused_for(session, days).await;
        sessions.push(session);
    }
    expire::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, sessions[0]).await, Paused);
    assert_eq!(service.status(account, sessions[1]).await, Failed);
    assert_eq!(service.session(account, sessions[1]).await.reason.unwrap().code, "pause_limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_sync_of_an_expired_session_begins() {
    let service = Service::new().await;
    let account = service.account().await;
    let sync = service.sync(account).await;
    let (first, second) = (service.submit(account, sync).await, service.submit(account, sync).await);
    admit::round(&service.scheduler).await.unwrap();
    service.worked(first, 0.0, 25.0).await;
    expire::round(&service.scheduler).await.unwrap();
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, first).await, Failed);
    assert_eq!(service.status(account, second).await, InProgress);
    let tasks = "SELECT string_agg(status, ' ' ORDER BY id) FROM tasks";
    assert_eq!(service.value::<String>(tasks, &[]).await, "withdrawn ready");
}
