//! Tells the database what a session at work is doing: at most a few times a second, and not at all of short ones.

use std::time::Duration;

use metrics::counter;
use pinksync_common::ids::{AccountId, SessionId};
use pinksync_common::store::{Pool, Result, StoreError, sessions};
use pinksync_common::telemetry::names;
use pinksync_engine::session::Observer;
use pinksync_model::{DatasetReport, Phase, chain};
use tokio::sync::watch;

/// Between two notes of one session.
const INTERVAL: Duration = Duration::from_millis(500);

/// What is being done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Doing {
    phase: Option<Phase>,
    dataset: String,
}

/// Notes phases in the background while it lives.
pub struct PhaseObserver(watch::Sender<Doing>);

impl PhaseObserver {
    pub fn start(pool: Pool, account: AccountId, session: SessionId) -> Self {
        let (send, mut receive) = watch::channel(Doing::default());
        tokio::spawn(async move {
            while receive.changed().await.is_ok() {
                tokio::time::sleep(INTERVAL).await;
                // The session may have ended meanwhile, and with it the sender.
                if receive.has_changed().is_err() {
                    return;
                }
                let doing = receive.borrow_and_update().clone();
                if let Err(error) = note(&pool, account, session, &doing).await {
                    tracing::debug!(%session, error = chain(&error), "a phase was not noted");
                }
            }
        });
        Self(send)
    }
}

async fn note(pool: &Pool, account: AccountId, session: SessionId, doing: &Doing) -> Result<()> {
    let Some(phase) = doing.phase else { return Ok(()) };
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    sessions::note_phase(&transaction, account, session, phase, &doing.dataset).await?;
    transaction.commit().await.map_err(StoreError::from)
}

impl Observer for PhaseObserver {
    fn phase(&self, dataset: &str, phase: Phase) {
        let doing = Doing { phase: Some(phase), dataset: dataset.to_owned() };
        self.0.send_if_modified(|now| std::mem::replace(now, doing.clone()) != doing);
    }

    fn advanced(&self, _: &str, _: usize, _: usize, counted: &DatasetReport) {
        for (side, written) in [("target", &counted.to_target), ("source", &counted.to_source)] {
            let records = written.created + written.updated + written.deleted;
            counter!(names::RECORDS_WRITTEN, "side" => side).increment(records);
        }
    }
}
