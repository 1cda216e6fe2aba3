//! One scheduler leads, another one stands by.

use std::sync::Arc;

use pinksync_common::store::{self, leases};
use pinksync_model::SessionStatus::InProgress;
use pinksync_scheduler::{LEASE, Scheduler, run};
use pinksync_test_support::{eventually, soon};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{MINUTE, Service};

struct Running {
    scheduler: Arc<Scheduler>,
    shutdown: CancellationToken,
    task: JoinHandle<pinksync_scheduler::Result<()>>,
}

impl Running {
    fn start(scheduler: Arc<Scheduler>) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(scheduler.clone(), shutdown.clone()));
        Self { scheduler, shutdown, task }
    }

    /// Waits until it leads, or until it does not.
    async fn leads(&self, whether: bool) -> Option<i64> {
        let mut term = self.scheduler.term();
        *soon(term.wait_for(|term| term.is_some() == whether)).await.unwrap()
    }
}

async fn leader(service: &Service) -> (Uuid, i64) {
    let owner = service.value("SELECT owner FROM leases WHERE name = 'scheduler'", &[]).await;
    (owner, service.value("SELECT term FROM leases WHERE name = 'scheduler'", &[]).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_leads_when_the_leader_is_killed() {
    let service = Service::new().await;
    let first = Running::start(service.scheduler.clone());
    assert_eq!(first.leads(true).await, Some(1));
    let (owner, _) = leader(&service).await;
    let second = Running::start(service.another().await);
    let account = service.account().await;
    let session = service.submit(account, service.sync(account).await).await;
    eventually(async || service.status(account, session).await == InProgress).await;
    assert_eq!(*second.scheduler.term().borrow(), None);

    let killed = Instant::now();
    first.task.abort();
    assert_eq!(second.leads(true).await, Some(2));
    assert!(killed.elapsed() < 2 * LEASE, "{:?}", killed.elapsed());
    let (successor, term) = leader(&service).await;
    assert!(successor != owner && term == 2);
    let session = service.submit(account, service.sync(account).await).await;
    eventually(async || service.status(account, session).await == InProgress).await;
    second.shutdown.cancel();
    soon(second.task).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_stopped_hands_over_before_its_lease_ends() {
    let service = Service::new().await;
    let first = Running::start(service.scheduler.clone());
    first.leads(true).await;
    let second = Running::start(service.another().await);
    first.shutdown.cancel();
    soon(first.task).await.unwrap().unwrap();
    let stopped = Instant::now();
    assert_eq!(second.leads(true).await, Some(2));
    assert!(stopped.elapsed() < LEASE, "{:?}", stopped.elapsed());
    second.shutdown.cancel();
    soon(second.task).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_has_lost_its_lease_stops() {
    let service = Service::new().await;
    let first = Running::start(service.scheduler.clone());
    assert_eq!(first.leads(true).await, Some(1));
    let thief = Uuid::now_v7();
    let steal = "UPDATE leases SET owner = $1, term = term + 1, until = now() + interval '1 hour'";
    service.execute(steal, &[&thief]).await;
    assert_eq!(first.leads(false).await, None);
    first.shutdown.cancel();
    soon(first.task).await.unwrap().unwrap();
    assert_eq!(leader(&service).await, (thief, 2));
    let lasts = "SELECT until > now() FROM leases WHERE name = 'scheduler'";
    assert!(service.value::<bool>(lasts, &[]).await, "it resigns only for itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_outlive_rounds_that_fail_and_connections_that_are_cut() {
    let service = Service::new().await;
    let account = service.account().await;
    let running = Running::start(service.scheduler.clone());
    running.leads(true).await;
    let schedule = service.due(account, service.sync(account).await, MINUTE, "skip").await;
    service.execute("ALTER TABLE schedule_firings RENAME TO out_of_sight", &[]).await;
    for _ in 0..2 {
        let session = service.submit(account, service.sync(account).await).await;
        eventually(async || service.status(account, session).await == InProgress).await;
    }
    service.execute("ALTER TABLE out_of_sight RENAME TO schedule_firings", &[]).await;
    eventually(async || service.firings(schedule).await == (1, 1)).await;

    assert!(service.metadata.cut_connections().await > 0);
    let session = service.submit(account, service.sync(account).await).await;
    eventually(async || service.status(account, session).await == InProgress).await;
    running.shutdown.cancel();
    soon(running.task).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_candidates_one_leads_at_a_time() {
    let service = Service::new().await;
    let candidates: Vec<Uuid> = (0..8).map(|_| Uuid::now_v7()).collect();
    for round in 1..=5_i64 {
        let asked = candidates.iter().map(|owner| {
            let (pool, owner) = (service.pool.clone(), *owner);
            tokio::spawn(async move {
                let client = store::client(&pool).await.unwrap();
                leases::lead(&client, "scheduler", owner, LEASE).await.unwrap()
            })
        });
        let mut terms = Vec::new();
        for one in asked.collect::<Vec<_>>() {
            terms.extend(one.await.unwrap());
        }
        assert_eq!(terms.len(), 1, "round {round}");
        service.execute("UPDATE leases SET until = now() - interval '1 second'", &[]).await;
    }
}
