//! A database for each test, with what a home stands on: account, sync, task.

use deadpool_postgres::Pool;
use pinksync_common::ids::{AccountId, SyncId, TaskId};
use pinksync_common::store;
use pinksync_worker::home::{Fence, JournalView, PgHome, Scope};
use tokio_postgres::NoTls;
use uuid::Uuid;

/// Connections of a test's pool.
const CONNECTIONS: usize = 16;

/// Sessions are begun by the scheduler; here by the first row that names one.
const SESSIONS: &str = "
CREATE FUNCTION begin_session() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO sessions (id, account_id, sync_id, revision, mode, status)
    SELECT NEW.session_id, account_id, id, 1, 'sync', 'pending' FROM syncs LIMIT 1 ON CONFLICT DO NOTHING;
    RETURN NEW;
END $$;
";

pub struct Database {
    pub url: String,
    pub pool: Pool,
    account: AccountId,
}

impl Database {
    pub async fn new() -> Self {
        let server = std::env::var("PINKSYNC_TEST_POSTGRES_URL").expect("./dev test names a server");
        let name = format!("home_{}", Uuid::now_v7().simple());
        client(&server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{}/{name}?sslmode=disable", server.rsplit_once('/').unwrap().0);
        let mut own = client(&url).await;
        store::migrate(&mut own).await.unwrap();
        own.batch_execute(SESSIONS).await.unwrap();
        for table in ["journal", "conflicts", "rejects", "deferred", "counters", "prepared", "overridden"] {
            let trigger = format!(
                "CREATE TRIGGER begin_session BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION begin_session()"
            );
            own.batch_execute(&trigger).await.unwrap();
        }
        let account = AccountId::new();
        own.execute("INSERT INTO accounts (id, name) VALUES ($1, 'acme')", &[&account]).await.unwrap();
        let pool = store::connect(&url, None, "test", CONNECTIONS).unwrap();
        Self { url, pool, account }
    }

    /// A client of its own, beside the pool.
    pub async fn client(&self) -> tokio_postgres::Client {
        client(&self.url).await
    }

    /// The scope of a new sync, without a lease.
    pub async fn sync(&self) -> Scope {
        let sync = SyncId::new();
        let insert = "INSERT INTO syncs (id, account_id, name) VALUES ($1, $2, $3)";
        self.execute(insert, &[&sync, &self.account, &sync.to_string()]).await;
        Scope { account: self.account, sync, fence: None, journal: JournalView::Sync }
    }

    /// The same under the lease of a new task, of whose chunks alone it is told.
    pub async fn task(&self, scope: Scope) -> Scope {
        let fence = Fence { task: TaskId::new(), generation: 1 };
        let insert = "INSERT INTO tasks (id, account_id, kind, class, status, payload, generation, owner, lease_until)
                      VALUES ($1, $2, 'segment', 'bulk', 'running', '', 1, gen_random_uuid(), now() + interval '1 min')";
        self.execute(insert, &[&fence.task, &scope.account]).await;
        Scope { fence: Some(fence), journal: JournalView::Task, ..scope }
    }

    /// A worker takes the task over.
    pub async fn take_over(&self, scope: Scope) {
        let update = "UPDATE tasks SET generation = generation + 1 WHERE id = $1";
        assert_eq!(self.execute(update, &[&scope.fence.unwrap().task]).await, 1);
    }

    pub fn home(&self, scope: Scope) -> PgHome {
        PgHome::new(self.pool.clone(), scope)
    }

    pub async fn execute(&self, statement: &str, given: &[&(dyn tokio_postgres::types::ToSql + Sync)]) -> u64 {
        self.pool.get().await.unwrap().execute(statement, given).await.unwrap()
    }

    /// The one value that a query gives.
    pub async fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, query: &str) -> T {
        self.pool.get().await.unwrap().query_one(query, &[]).await.unwrap().get(0)
    }
}

async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
