//! Who begins, who waits, and in which order.

use pinksync_common::queue::Class;
use pinksync_common::store::{self, sessions};
use pinksync_model::SessionStatus::{Completed, InProgress, Paused, Pending};
use pinksync_scheduler::Limits;
use pinksync_scheduler::loops::admit;

use crate::support::Service;

#[tokio::test(flavor = "multi_thread")]
async fn the_101st_session_of_an_account_waits_and_another_account_is_not_held_up() {
    let service = Service::new().await;
    let (crowded, other) = (service.account().await, service.account().await);
    let mut sessions = Vec::new();
    for _ in 0..101 {
        sessions.push(service.submit(crowded, service.sync(crowded).await).await);
    }
    let alone = service.submit(other, service.sync(other).await).await;
    admit::round(&service.scheduler).await.unwrap();
    let working = "SELECT count(*) FROM sessions WHERE account_id = $1 AND status = 'in_progress'";
    assert_eq!(service.value::<i64>(working, &[&crowded]).await, 100);
    assert_eq!(service.status(crowded, sessions[100]).await, Pending);
    assert_eq!(service.status(other, alone).await, InProgress);
    assert_eq!(service.waiting(Class::Interactive).await, 101, "each has its first task in the queue");

    service.move_to(crowded, sessions[40], Completed, None).await;
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(crowded, sessions[100]).await, InProgress);
    let unpublished = "SELECT count(*) FROM tasks WHERE published_at IS NULL AND status = 'ready'";
    assert_eq!(service.value::<i64>(unpublished, &[]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_begin_in_the_order_in_which_they_were_asked_for() {
    let service = Service::with(Limits { sessions_per_account: 1, ..Limits::default() }).await;
    let account = service.account().await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(service.submit(account, service.sync(account).await).await);
    }
    for at in 0..sessions.len() {
        admit::round(&service.scheduler).await.unwrap();
        for (other, session) in sessions.iter().enumerate() {
            let expected = match other {
                _ if other < at => Completed,
                _ if other == at => InProgress,
                _ => Pending,
            };
            assert_eq!(service.status(account, *session).await, expected, "{other} in round {at}");
        }
        service.move_to(account, sessions[at], Completed, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_submits_does_not_overtake_who_waits() {
    let service = Service::with(Limits { sessions_per_account: 1, ..Limits::default() }).await;
    let account = service.account().await;
    let first = service.submit(account, service.sync(account).await).await;
    let second = service.submit(account, service.sync(account).await).await;
    admit::round(&service.scheduler).await.unwrap();
    service.move_to(account, first, Completed, None).await;

    let third = service.submit(account, service.sync(account).await).await;
    let admit_one = async |session| {
        let mut client = store::client(&service.pool).await.unwrap();
        let transaction = store::begin(&mut client).await.unwrap();
        let wanted = sessions::admit_one(&transaction, account, session, 1).await.unwrap();
        store::commit(transaction).await.unwrap();
        wanted.len()
    };
    assert_eq!(admit_one(third).await, 0);
    assert_eq!(service.status(account, third).await, Pending);
    assert_eq!(admit_one(second).await, 1);
    assert_eq!(service.status(account, second).await, InProgress);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_has_one_session_at_a_time_also_while_that_is_paused() {
    let service = Service::new().await;
    let account = service.account().await;
    let sync = service.sync(account).await;
    let (first, second) = (service.submit(account, sync).await, service.submit(account, sync).await);
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, first).await, InProgress);
    assert_eq!(service.status(account, second).await, Pending);

    service.move_to(account, first, Paused, Some("asked_for")).await;
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, second).await, Pending);
    service.want_slot(account, first).await;
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, first).await, InProgress, "it goes on although it asked later");

    service.move_to(account, first, Completed, None).await;
    admit::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, second).await, InProgress);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_schedulers_keep_the_cap_together() {
    let service = Service::with(Limits { sessions_per_account: 5, ..Limits::default() }).await;
    let another = service.another().await;
    let account = service.account().await;
    for _ in 0..12 {
        service.submit(account, service.sync(account).await).await;
    }
    let (one, other) = tokio::join!(admit::round(&service.scheduler), admit::round(&another));
    one.unwrap();
    other.unwrap();
    let working = "SELECT count(*) FROM sessions WHERE status = 'in_progress'";
    assert_eq!(service.value::<i64>(working, &[]).await, 5);
    assert_eq!(service.value::<i64>("SELECT count(*) FROM tasks", &[]).await, 5);
}
