//! Leadership of the schedulers: by a lease in the metadata database that is renewed well before it ends. Who could not
//! renew it stops its loops before another one can have it.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use pinksync_common::store::{self, leases};
use pinksync_common::telemetry::names;
use pinksync_model::chain;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{Error, Result, Scheduler, loops};

const NAME: &str = "scheduler";

/// For how long leadership lasts unless it is renewed: a standby leads so long after the leader's death, at most, and a
/// moment.
pub const LEASE: Duration = Duration::from_secs(6);

/// How often leadership is renewed, and asked for.
const EVERY: Duration = Duration::from_millis(1500);

/// A leader stops so long before the database would let another one lead.
const MARGIN: Duration = Duration::from_secs(1);

/// Leads whenever it can, until shutdown.
pub(crate) async fn lead_or_stand_by(scheduler: &Arc<Scheduler>, shutdown: &CancellationToken) -> Result<()> {
    let candidate = Candidate { scheduler, owner: Uuid::now_v7() };
    while !shutdown.is_cancelled() {
        candidate.show(None);
        let asked = Instant::now();
        if let Answer::Leads(term) = candidate.ask(asked + LEASE).await {
            info!(term, "this scheduler leads");
            candidate.show(Some(term));
            let led = candidate.lead(term, asked, shutdown).await;
            candidate.show(None);
            led?;
        }
        shutdown.run_until_cancelled(sleep_until(asked + EVERY)).await;
    }
    Ok(())
}

struct Candidate<'a> {
    scheduler: &'a Arc<Scheduler>,
    owner: Uuid,
}

/// What the metadata database says to who asks for leadership.
enum Answer {
    Leads(i64),
    AnotherOne,
    None,
}

impl Candidate<'_> {
    fn show(&self, term: Option<i64>) {
        self.scheduler.term.send_replace(term);
        gauge!(names::SCHEDULER_LEADS).set(if term.is_some() { 1.0 } else { 0.0 });
    }

    /// The term, if this one leads.
    async fn ask(&self, by: Instant) -> Answer {
        let asked = timeout_at(by, async {
            let client = store::client(&self.scheduler.pool).await?;
            Ok::<_, Error>(leases::lead(&client, NAME, self.owner, LEASE).await?)
        });
        match asked.await {
            Ok(Ok(Some(term))) => Answer::Leads(term),
            Ok(Ok(None)) => Answer::AnotherOne,
            Ok(Err(error)) => {
                warn!(error = chain(&error), "leadership could not be asked for");
                Answer::None
            }
            Err(_) => {
                warn!("the metadata database does not answer in time when asked for leadership");
                Answer::None
            }
        }
    }

    /// Runs the loops for as long as leadership lasts.
    async fn lead(&self, term: i64, since: Instant, shutdown: &CancellationToken) -> Result<()> {
        let mut running = loops::start(&loops::LED, self.scheduler, shutdown);
        let mut renewed = since;
        let ended = loop {
            tokio::select! {
                () = shutdown.cancelled() => break Ok(()),
                Some(Err(ended)) = running.join_next() => break Err(Error::LoopEnded(ended)),
                () = sleep_until(renewed + EVERY) => {}
            }
            match self.renew(term, renewed + LEASE - MARGIN).await {
                Some(at) => renewed = at,
                None => {
                    warn!(term, "leadership is lost");
                    break Ok(());
                }
            }
        };
        // At once: a round that is under way is dropped, and its transaction rolled back.
        running.shutdown().await;
        self.resign().await;
        ended
    }

    /// When it was renewed; `None`: another one leads, or nobody has answered in time.
    async fn renew(&self, term: i64, by: Instant) -> Option<Instant> {
        while Instant::now() < by {
            let asked = Instant::now();
            match self.ask(by).await {
                // A new term: another one has led in between.
                Answer::Leads(now) => return (now == term).then_some(asked),
                Answer::AnotherOne => return None,
                Answer::None => sleep_until(by.min(asked + EVERY / 2)).await,
            }
        }
        None
    }

    /// So that a standby need not wait for the lease to end. Does nothing where another one leads.
    async fn resign(&self) {
        let resigned = timeout_at(Instant::now() + MARGIN, async {
            let client = store::client(&self.scheduler.pool).await?;
            Ok::<_, Error>(leases::resign(&client, NAME, self.owner).await?)
        });
        match resigned.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(error = chain(&error), "leadership ends by itself: it could not be given up"),
            Err(_) => warn!("leadership ends by itself: the metadata database does not answer"),
        }
    }
}
