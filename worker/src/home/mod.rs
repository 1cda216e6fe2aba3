//! The home of the service: what a sync remembers, in PostgreSQL. `adapter` is the engine's trait, each method one
//! transaction; the other modules turn the engine's things into what `pinksync_common::store` keeps.

mod adapter;
mod base;
mod conflicts;
mod fault;
mod journal;
mod leftover;
mod link;
mod settle;
mod staging;
mod staging_run;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use deadpool_postgres::Client;
use pinksync_common::ids::{AccountId, ConflictId, SyncId, TaskId};
pub use pinksync_common::store::fence::Fence;
use pinksync_common::store::{Pool, Transaction, conflicts as stored_conflicts, datasets, staged};
use pinksync_engine::home::{Run, StoredConflict};
use pinksync_engine::row::SideSpec;
use pinksync_model::{SessionId, Side};
use uuid::Uuid;

use crate::lease::Lease;
use fault::Fault;
use link::Link;
use staging_run::StagedRun;

/// Whose memory it is, and under which lease it is written.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    pub account: AccountId,
    pub sync: SyncId,
    /// `None` writes without a lease: only where no task can be taken over.
    pub fence: Option<Fence>,
    pub journal: JournalView,
}

/// Which chunks of the journal `pending`, `pending_chunk` and `history` see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalView {
    /// All of the dataset or session.
    Sync,
    /// Those written under the fence's task (none where there is no fence): who takes a segment over must not reconcile
    /// what other workers are about to commit.
    Task,
}

/// The home of one sync.
#[derive(Debug)]
pub struct PgHome {
    link: Link,
    scope: Scope,
    /// Numbers of datasets, which never change.
    datasets: Mutex<HashMap<String, i64>>,
    doubtful: journal::Doubtful,
}

impl PgHome {
    /// Nothing is asked of the database yet.
    pub fn new(pool: Pool, scope: Scope) -> Self {
        let (datasets, doubtful) = (Mutex::default(), journal::Doubtful::default());
        Self { link: Link::new(pool, scope.fence), scope, datasets, doubtful }
    }

    /// Watches the lease, too, under which this process works: before a commit on a system it is not asked of the database.
    pub fn under(mut self, lease: Arc<Lease>) -> Self {
        self.link = self.link.under(lease);
        self
    }

    /// A conflict of this sync.
    pub async fn conflict(&self, id: ConflictId) -> pinksync_engine::Result<Option<StoredConflict>> {
        let work = async {
            let client = self.client().await?;
            let found = stored_conflicts::get(&client, self.scope.account, self.scope.sync, id).await?;
            found.map(conflicts::read).transpose()
        };
        work.await.map_err(|fault: Fault| fault.into_error("find a conflict"))
    }

    /// Whether a write found that another worker has taken the task over. Nothing that this home is asked to write is
    /// written from then on.
    pub fn lease_lost(&self) -> bool {
        self.link.lease_lost()
    }

    /// The run that was staged; its rows are there.
    async fn find_run(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Option<Arc<dyn Run>>, Fault> {
        let client = self.client().await?;
        let Some(dataset) = self.dataset(&client, dataset).await? else { return Ok(None) };
        let Some(run) = staged::find(&client, dataset, side).await? else { return Ok(None) };
        if !staged::is_whole(&client, run.id).await? {
            return Err(Fault::RunLost);
        }
        Ok(Some(Arc::new(StagedRun::new(self.link.clone(), spec, run)?)))
    }

    async fn client(&self) -> Result<Client, Fault> {
        self.link.client().await
    }

    async fn begin<'client>(&self, client: &'client mut Client) -> Result<Transaction<'client>, Fault> {
        self.link.begin(client).await
    }

    /// The number of a dataset, if anything was ever stored about it.
    async fn dataset(&self, client: &Client, name: &str) -> Result<Option<i64>, Fault> {
        if let Some(number) = self.known_dataset(name) {
            return Ok(Some(number));
        }
        let found = datasets::find(client, self.scope.account, self.scope.sync, name).await?;
        Ok(found.inspect(|number| self.remember(name, *number)))
    }

    /// The number of a dataset, which is made known in a transaction of its own: one that is rolled back would leave a
    /// number remembered that does not exist.
    async fn make_dataset(&self, client: &mut Client, name: &str) -> Result<i64, Fault> {
        if let Some(number) = self.dataset(client, name).await? {
            return Ok(number);
        }
        let transaction = self.begin(client).await?;
        let number = datasets::make(&transaction, self.scope.account, self.scope.sync, name).await?;
        fault::commit(transaction).await?;
        self.remember(name, number);
        Ok(number)
    }

    fn known_dataset(&self, name: &str) -> Option<i64> {
        self.datasets.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    fn remember(&self, name: &str, number: i64) {
        self.datasets.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), number);
    }

    /// The task whose chunks are seen, `None` for all.
    fn seen(&self) -> Option<TaskId> {
        match (self.scope.journal, self.scope.fence) {
            (JournalView::Sync, _) => None,
            (JournalView::Task, Some(fence)) => Some(fence.task),
            (JournalView::Task, None) => Some(TaskId(Uuid::nil())),
        }
    }

    /// Whose row of counters a settlement adds to.
    fn slot(&self, session: SessionId) -> Uuid {
        self.scope.fence.map_or(session.0, |fence| fence.task.0)
    }
}

/// A count as SQL has it.
fn signed(count: u64) -> Result<i64, Fault> {
    i64::try_from(count).map_err(|_| Fault::Refused(format!("a count of {count} is too large to be stored")))
}

/// A limit as SQL has it.
fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
