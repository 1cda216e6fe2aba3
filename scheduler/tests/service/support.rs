//! What each test begins with: a database and a virtual host of its own, accounts, syncs, sessions, tasks.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pinksync_common::ids::{AccountId, ScheduleId, SessionId, SyncId, TaskId, WorkerId};
use pinksync_common::queue::{Broker, Class, Inspector, Publisher};
use pinksync_common::store::sessions::{self, Moved, NewSession, SessionRow};
use pinksync_common::store::tasks::{self, Claim, Claimed, NewTask, TaskKind};
use pinksync_common::store::{self, Pool};
use pinksync_common::time::Utc;
use pinksync_model::{Mode, Reason, SessionStatus};
use pinksync_scheduler::{CONNECTIONS, Limits, Scheduler};
use pinksync_test_support::{Database, Parameters, VirtualHost, soon, topology};
use tokio_postgres::types::FromSql;

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(60 * 60);

pub struct Service {
    pub scheduler: Arc<Scheduler>,
    pub inspector: Inspector,
    /// The test's own; schedulers have theirs.
    pub pool: Pool,
    pub vhost: VirtualHost,
    pub metadata: Database,
    limits: Limits,
}

impl Service {
    pub async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let (metadata, vhost) = (Database::migrated("scheduler").await, VirtualHost::make());
        let scheduler = scheduler(&metadata, &vhost, limits).await;
        let inspector = Inspector::new(Broker::new(&vhost.url).unwrap(), topology());
        Self { scheduler, inspector, pool: metadata.pool(), vhost, metadata, limits }
    }

    /// One more scheduler beside the first.
    pub async fn another(&self) -> Arc<Scheduler> {
        scheduler(&self.metadata, &self.vhost, self.limits).await
    }

    pub async fn execute(&self, statement: &str, given: Parameters<'_>) -> u64 {
        self.metadata.execute(statement, given).await
    }

    /// The one value that a query gives.
    pub async fn value<T: for<'a> FromSql<'a>>(&self, query: &str, given: Parameters<'_>) -> T {
        self.metadata.value(query, given).await
    }

    pub async fn now(&self) -> Timestamp {
        self.value::<Utc>("SELECT now()", &[]).await.0
    }

    pub async fn account(&self) -> AccountId {
        let account = AccountId::new();
        let insert = "INSERT INTO accounts (id, name) VALUES ($1, $2)";
        self.execute(insert, &[&account, &account.to_string()]).await;
        account
    }

    pub async fn sync(&self, account: AccountId) -> SyncId {
        let sync = SyncId::new();
        let insert = "INSERT INTO syncs (id, account_id, name) VALUES ($1, $2, $3)";
        self.execute(insert, &[&sync, &account, &sync.to_string()]).await;
        let insert = "INSERT INTO sync_revisions (sync_id, revision, account_id, document) VALUES ($1, 1, $2, '{}')";
        self.execute(insert, &[&sync, &account]).await;
        sync
    }

    /// A session that waits for a slot.
    pub async fn submit(&self, account: AccountId, sync: SyncId) -> SessionId {
        self.submit_for(account, sync, None).await
    }

    pub async fn submit_for(&self, account: AccountId, sync: SyncId, schedule: Option<ScheduleId>) -> SessionId {
        let new = NewSession { schedule, ..NewSession::of(account, sync, 1, Mode::Sync) };
        let mut client = store::client(&self.pool).await.unwrap();
        let transaction = store::begin(&mut client).await.unwrap();
        let session = sessions::insert(&transaction, &new).await.unwrap();
        store::commit(transaction).await.unwrap();
        session
    }

    /// A session in progress, of a sync of its own.
    pub async fn working(&self, account: AccountId, schedule: Option<ScheduleId>) -> SessionId {
        let sync = match schedule {
            Some(schedule) => self.value("SELECT sync_id FROM schedules WHERE id = $1", &[&schedule]).await,
            None => self.sync(account).await,
        };
        let session = self.submit_for(account, sync, schedule).await;
        self.move_to(account, session, SessionStatus::InProgress, None).await;
        session
    }

    pub async fn move_to(&self, account: AccountId, session: SessionId, next: SessionStatus, code: Option<&str>) {
        let reason = code.map(|code| Reason { code: code.to_owned(), detail: String::new() });
        let mut client = store::client(&self.pool).await.unwrap();
        let transaction = store::begin(&mut client).await.unwrap();
        let moved = sessions::move_to(&transaction, account, session, next, reason.as_ref(), None).await.unwrap();
        assert_eq!(moved, Moved::Done);
        store::commit(transaction).await.unwrap();
    }

    pub async fn want_slot(&self, account: AccountId, session: SessionId) {
        let mut client = store::client(&self.pool).await.unwrap();
        let transaction = store::begin(&mut client).await.unwrap();
        assert_eq!(sessions::want_slot(&transaction, account, session).await.unwrap(), Moved::Done);
        store::commit(transaction).await.unwrap();
    }

    pub async fn session(&self, account: AccountId, session: SessionId) -> SessionRow {
        let client = store::client(&self.pool).await.unwrap();
        sessions::get(&client, account, session).await.unwrap().unwrap()
    }

    pub async fn status(&self, account: AccountId, session: SessionId) -> SessionStatus {
        self.session(account, session).await.status
    }

    /// A segment of a session, or a task of nobody's.
    pub async fn task(&self, account: AccountId, session: Option<SessionId>, held: bool) -> TaskId {
        let new = NewTask {
            account,
            sync: None,
            session,
            kind: TaskKind::Segment,
            class: Class::Bulk,
            payload: Vec::new(),
            connections: Vec::new(),
            held,
        };
        let client = store::client(&self.pool).await.unwrap();
        tasks::insert(&client, &[new]).await.unwrap();
        self.value("SELECT id FROM tasks ORDER BY id DESC LIMIT 1", &[]).await
    }

    /// A worker takes a task.
    pub async fn claim(&self, task: TaskId) -> Claimed {
        let mut client = store::client(&self.pool).await.unwrap();
        let transaction = store::begin(&mut client).await.unwrap();
        let claim = tasks::claim(&transaction, task, WorkerId::new(), HOUR, 1).await.unwrap();
        store::commit(transaction).await.unwrap();
        let Claim::Taken(claimed) = claim else { panic!("{claim:?}") };
        *claimed
    }

    /// The lease of a task runs out.
    pub async fn let_lapse(&self, task: TaskId) {
        let update = "UPDATE tasks SET lease_until = now() - interval '1 second' WHERE id = $1";
        assert_eq!(self.execute(update, &[&task]).await, 1);
    }

    pub async fn task_status(&self, task: TaskId) -> String {
        self.value("SELECT status FROM tasks WHERE id = $1", &[&task]).await
    }

    /// What waits in the queue of a class.
    pub async fn waiting(&self, class: Class) -> u32 {
        let depths = self.inspector.depths().await.unwrap();
        depths.iter().find(|depth| depth.class == class).unwrap().ready
    }
}

async fn scheduler(metadata: &Database, vhost: &VirtualHost, limits: Limits) -> Arc<Scheduler> {
    let broker = Broker::new(&vhost.url).unwrap();
    let publisher = Publisher::start(broker.clone(), topology());
    soon(publisher.ready()).await;
    let pool = store::connect(&metadata.url, None, "pinksync scheduler", CONNECTIONS).unwrap();
    Arc::new(Scheduler::new(pool, publisher, Inspector::new(broker, topology()), limits))
}
