//! Who has lost its lease writes nothing, and a taker waits for what is being written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pinksync_engine::home::{BaseTerms, Home, Settled};
use pinksync_engine::{ErrorKind, Result};
use pinksync_model::{ConflictStatus, GuardReport, SessionId, Side};

use crate::database::Database;
use crate::made::{DATASET, change, chunk, conflict, counting, range, row, spec};

/// Everything that a home may write.
const TABLES: [&str; 13] = [
    "datasets",
    "base_blocks",
    "base_entries",
    "journal",
    "journal_entries",
    "conflicts",
    "rejects",
    "deferred",
    "counters",
    "prepared",
    "overridden",
    "staged_runs",
    "staged_rows",
];

async fn content(database: &Database) -> Vec<String> {
    let mut content = Vec::new();
    for table in TABLES {
        let all = format!("SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM {table} t");
        content.push(database.value(&all).await);
    }
    content
}

fn interrupted<T>(method: &str, result: Result<T>) {
    let error = result.err().unwrap_or_else(|| panic!("{method} wrote"));
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{method}: {error}");
    assert!(error.to_string().contains("taken over"), "{method}: {error}");
}

#[tokio::test]
async fn who_was_overtaken_writes_nothing() {
    let database = Database::new().await;
    let scope = database.task(database.sync().await).await;
    let (home, session) = (database.home(scope), SessionId::new());
    let terms = BaseTerms {
        source_identity: "one".to_owned(),
        target_identity: "other".to_owned(),
        definition: "{}".to_owned(),
        schema: String::new(),
    };
    let guard = GuardReport {
        name: "empty_side".to_owned(),
        limit: 0.0,
        actual: 1.0,
        tripped: true,
        allowed: true,
        detail: None,
        dataset: None,
    };
    home.settle(session, DATASET, &change(range(None, None), &[], "a")).await.unwrap().done("settle").unwrap();
    home.journal(&chunk(session, &[1])).await.unwrap();
    home.prepare(session, DATASET, &counting(1)).await.unwrap();
    let mut writer = home.stage(DATASET, Side::Source, spec()).await.unwrap();
    let other = home.stage(DATASET, Side::Target, spec()).await.unwrap();
    assert!(!home.lease_lost());

    database.take_over(scope).await;
    let before = content(&database).await;
    interrupted("journal", home.journal(&chunk(session, &[2])).await);
    assert!(home.lease_lost());
    interrupted("set_terms", home.set_terms(DATASET, &terms, true).await);
    interrupted("a new dataset", home.set_terms("new → new", &terms, true).await);
    let mut settlement = counting(1);
    settlement.conflicts = vec![conflict(1, ConflictStatus::Open)];
    interrupted("settle", home.settle(session, DATASET, &settlement).await);
    interrupted("prepare", home.prepare(session, DATASET, &counting(1)).await);
    interrupted("settle_prepared", home.settle_prepared(session, DATASET).await);
    interrupted("drop_prepared", home.drop_prepared(DATASET).await);
    interrupted("note_overridden", home.note_overridden(session, &[guard]).await);
    interrupted("stage", home.stage(DATASET, Side::Source, spec()).await);
    interrupted("push", writer.push((0..10_000).map(row).collect()).await);
    interrupted("finish", other.finish().await);
    interrupted("drop_run", home.drop_run(DATASET, Side::Source).await);
    assert_eq!(content(&database).await, before);
}

/// Waits until a client is held up by a lock that others hold.
async fn held_up(database: &Database, pid: i32) {
    let begun = Instant::now();
    let waits = format!("SELECT cardinality(pg_blocking_pids({pid})) > 0");
    while !database.value::<bool>(&waits).await {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing holds it up");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_in_flight_makes_the_taker_wait() {
    let database = Arc::new(Database::new().await);
    let scope = database.task(database.sync().await).await;
    let (home, session) = (Arc::new(database.home(scope)), SessionId::new());
    home.settle(session, DATASET, &counting(1)).await.unwrap().done("settle").unwrap();

    // Somebody keeps the dataset's row, and so the settlement, which has looked at its lease by then.
    let mut blocker = database.metadata.connect().await;
    let blocking = blocker.transaction().await.unwrap();
    blocking.execute("SELECT 1 FROM datasets FOR UPDATE", &[]).await.unwrap();
    let settling = tokio::spawn({
        let home = Arc::clone(&home);
        async move { home.settle(session, DATASET, &counting(2)).await }
    });
    let begun = Instant::now();
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while database.value::<i64>(waits).await == 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the settlement did not begin");
        tokio::task::yield_now().await;
    }
    let taker = database.metadata.connect().await;
    let pid: i32 = taker.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let task = scope.fence.unwrap().task;
    let taking = tokio::spawn(async move {
        taker.execute("UPDATE tasks SET generation = generation + 1 WHERE id = $1", &[&task]).await.unwrap();
    });
    held_up(&database, pid).await;

    blocking.rollback().await.unwrap();
    assert_eq!(settling.await.unwrap().unwrap(), Settled::Done);
    taking.await.unwrap();
    interrupted("settle", home.settle(session, DATASET, &counting(4)).await);
    assert_eq!(home.counted(session).await.unwrap()[0].1.read.source, 3);
}
