//! Holds a statement of the service at a chosen place, by locks that PostgreSQL has anyway: the product knows nothing of it.

use pinksync_test_support::{Database, eventually};
use tokio_postgres::Client;

/// Closed until it is opened. Statements wait at it for at most the ten seconds that the product allows them.
pub struct Gate {
    holder: Client,
    close: String,
    /// Counts who waits.
    waiting: String,
}

impl Gate {
    /// Writes of a table's records wait that meet a condition on `r`, the record.
    pub async fn before_writes(database: &Database, table: &str, condition: &str) -> Self {
        let waits = format!("IF {condition} THEN PERFORM pg_advisory_xact_lock_shared(1); END IF; RETURN r");
        let trigger = format!("CREATE TRIGGER gate_1 BEFORE INSERT OR UPDATE OR DELETE ON {table}");
        Self::by_trigger(database, 1, &waits, &[trigger]).await
    }

    /// Commits of the service's transactions wait that have written to a table. It lets constraints speak at once, so that
    /// a deferred trigger would hold its writes: this one only leaves a row, whose own trigger is deferred anew.
    pub async fn before_commits(database: &Database, table: &str) -> Self {
        const WAITS: &str = "IF current_setting('application_name') NOT LIKE 'pinksync:%' THEN
                NULL;
            ELSIF current_query() LIKE '%COMMIT' THEN
                PERFORM pg_advisory_xact_lock_shared(2);
            ELSIF TG_TABLE_NAME = 'gate_2_rows'
                OR current_setting('gate.row', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
                PERFORM set_config('gate.row', pg_current_xact_id()::text, true);
                SET CONSTRAINTS gate_2_row DEFERRED;
                INSERT INTO gate_2_rows DEFAULT VALUES;
            END IF;
            RETURN NULL";
        database.batch("CREATE TABLE gate_2_rows ()").await;
        let trigger = |name: &str, table: &str| {
            format!(
                "CREATE CONSTRAINT TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table}
                 DEFERRABLE INITIALLY DEFERRED"
            )
        };
        let triggers = [trigger("gate_2", table), trigger("gate_2_row", "gate_2_rows")];
        Self::by_trigger(database, 2, WAITS, &triggers).await
    }

    async fn by_trigger(database: &Database, lock: i64, waits: &str, triggers: &[String]) -> Self {
        let close = format!("SELECT pg_advisory_lock({lock})");
        let waiting = format!("locktype = 'advisory' AND objid = {lock}");
        let gate = Self { holder: database.connect().await, close, waiting };
        gate.close().await;
        let function = format!(
            "CREATE FUNCTION gate_{lock}() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE r record := coalesce(NEW, OLD);
             BEGIN {waits}; END $$"
        );
        database.batch(&function).await;
        for trigger in triggers {
            database.batch(&format!("{trigger} FOR EACH ROW EXECUTE FUNCTION gate_{lock}()")).await;
        }
        gate
    }

    /// Statements that write to a table wait.
    pub async fn before_table(database: &Database, table: &str) -> Self {
        Self::by_lock(database, table, "SHARE ROW EXCLUSIVE").await
    }

    /// Statements that touch a table wait.
    pub async fn around_table(database: &Database, table: &str) -> Self {
        Self::by_lock(database, table, "ACCESS EXCLUSIVE").await
    }

    async fn by_lock(database: &Database, table: &str, mode: &str) -> Self {
        let close = format!("BEGIN; LOCK TABLE {table} IN {mode} MODE");
        let waiting = format!("locktype = 'relation' AND relation = '{table}'::regclass");
        let gate = Self { holder: database.connect().await, close, waiting };
        gate.close().await;
        gate
    }

    /// Waits for what is beyond it.
    pub async fn close(&self) {
        self.holder.batch_execute(&self.close).await.unwrap();
    }

    /// Lets all pass that wait, and all that come until it is closed.
    pub async fn open(&self) {
        self.holder.batch_execute("ROLLBACK; SELECT pg_advisory_unlock_all()").await.unwrap();
    }

    /// How many statements wait.
    pub async fn waiting(&self) -> i64 {
        self.of_waiting("count(*)").await
    }

    /// Ends the connections of all that wait.
    pub async fn cut(&self) {
        assert!(self.of_waiting("count(*) FILTER (WHERE pg_terminate_backend(pid))").await > 0);
    }

    async fn of_waiting(&self, what: &str) -> i64 {
        let select = format!(
            "SELECT {what} FROM pg_locks WHERE NOT granted AND {}
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            self.waiting
        );
        self.holder.query_one(&select, &[]).await.unwrap().get(0)
    }

    /// Until somebody waits.
    #[track_caller]
    pub fn reached(&self) -> impl Future<Output = ()> {
        eventually(async || self.waiting().await > 0)
    }
}
