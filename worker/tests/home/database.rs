//! A database for each test, with what a home stands on: account, sync, task.

use pinksync_common::ids::{AccountId, SyncId, TaskId};
use pinksync_common::store::Pool;
use pinksync_worker::home::{Fence, JournalView, PgHome, Scope};
use tokio_postgres::types::FromSql;

/// Sessions are begun by the scheduler; here by the first row that names one.
const SESSIONS: &str = "
CREATE FUNCTION begin_session() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO sessions (id, account_id, sync_id, revision, mode, status)
    SELECT NEW.session_id, account_id, id, 1, 'sync', 'pending' FROM syncs LIMIT 1 ON CONFLICT DO NOTHING;
    RETURN NEW;
END $$;
";

pub struct Database {
    pub metadata: pinksync_test_support::Database,
    pool: Pool,
    account: AccountId,
}

impl Database {
    pub async fn new() -> Self {
        let metadata = pinksync_test_support::Database::migrated("home").await;
        metadata.batch(SESSIONS).await;
        for table in ["journal", "conflicts", "rejects", "deferred", "counters", "prepared", "overridden"] {
            let trigger = format!(
                "CREATE TRIGGER begin_session BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION begin_session()"
            );
            metadata.batch(&trigger).await;
        }
        let account = AccountId::new();
        metadata.execute("INSERT INTO accounts (id, name) VALUES ($1, 'acme')", &[&account]).await;
        Self { pool: metadata.pool(), metadata, account }
    }

    /// The scope of a new sync, without a lease.
    pub async fn sync(&self) -> Scope {
        let sync = SyncId::new();
        let insert = "INSERT INTO syncs (id, account_id, name) VALUES ($1, $2, $3)";
        self.metadata.execute(insert, &[&sync, &self.account, &sync.to_string()]).await;
        Scope { account: self.account, sync, fence: None, journal: JournalView::Sync }
    }

    /// The same under the lease of a new task, of whose chunks alone it is told.
    pub async fn task(&self, scope: Scope) -> Scope {
        let fence = Fence { task: TaskId::new(), generation: 1 };
        let insert = "INSERT INTO tasks (id, account_id, kind, class, status, payload, generation, owner, lease_until)
                      VALUES ($1, $2, 'segment', 'bulk', 'running', '', 1, gen_random_uuid(), now() + interval '1 min')";
        self.metadata.execute(insert, &[&fence.task, &scope.account]).await;
        Scope { fence: Some(fence), journal: JournalView::Task, ..scope }
    }

    /// A worker takes the task over.
    pub async fn take_over(&self, scope: Scope) {
        let update = "UPDATE tasks SET generation = generation + 1 WHERE id = $1";
        assert_eq!(self.metadata.execute(update, &[&scope.fence.unwrap().task]).await, 1);
    }

    pub fn home(&self, scope: Scope) -> PgHome {
        PgHome::new(self.pool.clone(), scope)
    }

    /// The one value that a query gives.
    pub async fn value<T: for<'a> FromSql<'a>>(&self, query: &str) -> T {
        self.metadata.value(query, &[]).await
    }
}
