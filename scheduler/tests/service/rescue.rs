//! Tasks whose worker is gone.

use pinksync_common::ids::{AccountId, SessionId, TaskId};
use pinksync_common::store;
use pinksync_common::store::sessions::{self, Ended, Held};
use pinksync_common::store::tasks::{self, Claimed, Outcome};
use pinksync_model::SessionStatus::{InProgress, Paused};
use pinksync_scheduler::Limits;
use pinksync_scheduler::loops::rescue;

use crate::support::Service;

const ATTEMPTS: i32 = 8;

impl Service {
    async fn begun_so_often(&self, task: TaskId, attempts: i32) {
        self.execute("UPDATE tasks SET attempts = $2 WHERE id = $1", &[&task, &attempts]).await;
    }

    async fn end_segment(&self, account: AccountId, session: SessionId, claimed: &Claimed) {
        let held = Held { account, session, task: claimed.id, generation: claimed.generation };
        let mut client = store::client(&self.pool).await.unwrap();
        let transaction = store::begin(&mut client).await.unwrap();
        let ended = sessions::end_task(&transaction, held, &Outcome::Done { result: None }).await.unwrap();
        assert!(matches!(ended, Ended::Done(_)));
        store::commit(transaction).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_lease_ran_out_is_ready_again_and_its_old_owner_is_shut_out() {
    let service = Service::new().await;
    let account = service.account().await;
    let session = service.working(account, None).await;
    let (lost, kept) =
        (service.task(account, Some(session), false).await, service.task(account, Some(session), false).await);
    let (before, _) = (service.claim(lost).await, service.claim(kept).await);
    service.let_lapse(lost).await;
    rescue::round(&service.scheduler).await.unwrap();
    assert_eq!(service.task_status(lost).await, "ready");
    assert_eq!(service.task_status(kept).await, "running");
    let client = store::client(&service.pool).await.unwrap();
    assert!(!tasks::end(&client, lost, before.generation, &Outcome::Done { result: None }).await.unwrap());
    let again = service.claim(lost).await;
    assert_eq!(again.attempts, before.attempts + 1);
    assert!(again.generation > before.generation + 1);
    assert!(again.ousted.is_some());
    assert_eq!(service.status(account, session).await, InProgress);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_begun_too_often_is_parked_and_its_session_pauses_with_the_remedy() {
    let service = Service::with(Limits { task_attempts: ATTEMPTS, ..Limits::default() }).await;
    let account = service.account().await;
    let session = service.working(account, None).await;
    let task = service.task(account, Some(session), false).await;
    for attempt in 1..=ATTEMPTS {
        assert_eq!(service.status(account, session).await, InProgress, "attempt {attempt}");
        assert_eq!(service.claim(task).await.attempts, attempt);
        service.let_lapse(task).await;
        rescue::round(&service.scheduler).await.unwrap();
    }
    let row = service.session(account, session).await;
    assert_eq!(row.status, Paused);
    let reason = row.reason.unwrap();
    assert_eq!(reason.code, "parked:poison");
    assert!(reason.detail.contains("look into the logs of the workers"), "{}", reason.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_nobodys_session_is_parked_and_can_be_driven_again() {
    let service = Service::new().await;
    let account = service.account().await;
    let task = service.task(account, None, false).await;
    service.begun_so_often(task, ATTEMPTS - 1).await;
    service.claim(task).await;
    service.let_lapse(task).await;
    rescue::round(&service.scheduler).await.unwrap();
    let client = store::client(&service.pool).await.unwrap();
    let parked = tasks::parked(&client, account, None, 10).await.unwrap();
    assert_eq!((parked.len(), parked[0].id, parked[0].code.as_str()), (1, task, "poison"));
    assert!(parked[0].remedy.contains("drive it again"));
    assert!(tasks::drive_again(&client, account, task).await.unwrap().is_some());
    assert_eq!(service.claim(task).await.attempts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_task_does_not_hold_up_the_others_of_its_session() {
    let service = Service::new().await;
    let account = service.account().await;
    let session = service.working(account, None).await;
    let (poison, sound) =
        (service.task(account, Some(session), false).await, service.task(account, Some(session), false).await);
    let held = service.task(account, Some(session), true).await;
    service.begun_so_often(poison, ATTEMPTS - 1).await;
    let (_, working) = (service.claim(poison).await, service.claim(sound).await);
    service.let_lapse(poison).await;
    rescue::round(&service.scheduler).await.unwrap();
    assert_eq!(service.task_status(poison).await, "parked");
    assert_eq!(service.status(account, session).await, InProgress);
    let released = service.claim(held).await;

    service.end_segment(account, session, &working).await;
    assert_eq!(service.status(account, session).await, InProgress);
    service.end_segment(account, session, &released).await;
    assert_eq!(service.status(account, session).await, Paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_its_session_does_not_want_any_more_is_withdrawn() {
    let service = Service::new().await;
    let account = service.account().await;
    let session = service.working(account, None).await;
    let task = service.task(account, Some(session), false).await;
    service.claim(task).await;
    service.move_to(account, session, Paused, Some("asked_for")).await;
    service.let_lapse(task).await;
    rescue::round(&service.scheduler).await.unwrap();
    assert_eq!(service.task_status(task).await, "withdrawn");
    assert_eq!(service.session(account, session).await.reason.unwrap().code, "asked_for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_dead_rescuer_left_without_a_task_goes_on() {
    let service = Service::new().await;
    let account = service.account().await;
    let (pausing, going) = (service.working(account, None).await, service.working(account, None).await);
    let poison = service.task(account, Some(pausing), false).await;
    let held = service.task(account, Some(going), true).await;
    service.begun_so_often(poison, ATTEMPTS - 1).await;
    service.claim(poison).await;
    service.let_lapse(poison).await;
    let client = store::client(&service.pool).await.unwrap();
    assert_eq!(tasks::rescue(&client, ATTEMPTS, 10).await.unwrap().len(), 1);
    assert_eq!(service.status(account, pausing).await, InProgress, "nobody has gone on with it yet");
    rescue::round(&service.scheduler).await.unwrap();
    assert_eq!(service.status(account, pausing).await, Paused);
    service.claim(held).await;
}
