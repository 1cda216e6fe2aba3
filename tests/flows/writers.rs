//! Somebody else writes to both databases during two-way sessions: nothing of theirs is ever lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use pinksync_engine::Value;
use pinksync_engine::home::{Applied, Before, Home};
use pinksync_local::StateFile;
use rusqlite::OptionalExtension as _;
use tokio_postgres::NoTls;

use super::pair::{Pair, Partner};
use super::support::Cells;

const KEYS: i64 = 2500;
/// Between two writes. SQLite's lock goes to whoever happens to ask: without a break nobody else would get it.
const PACE: Duration = Duration::from_millis(2);

/// One write that took effect, and the value that it took away itself (`None`: there was no record).
struct Written {
    key: i64,
    /// `None`: a delete.
    value: Option<String>,
    replaced: Option<String>,
}

/// A writer beside the sessions, and how much it has written so far.
struct Writer {
    thread: JoinHandle<Vec<Written>>,
    count: Arc<AtomicU64>,
    stop: Sender<()>,
}

/// What a writer does next: a key, and a new value; `None` deletes.
struct Steps {
    tag: &'static str,
    state: u64,
    step: u64,
}

impl Steps {
    fn next(&mut self) -> (i64, Option<String>) {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.step += 1;
        let key = ((self.state >> 33) % KEYS as u64) as i64 + 1;
        let value = (!(self.state >> 20).is_multiple_of(8)).then(|| format!("{}{}", self.tag, self.step));
        (key, value)
    }
}

type Run = dyn FnOnce(Steps, &Receiver<()>, &AtomicU64) -> Vec<Written> + Send;

fn start(tag: &'static str, run: Box<Run>) -> Writer {
    let (count, (stop, stopped)) = (Arc::new(AtomicU64::new(0)), channel());
    let counted = Arc::clone(&count);
    let steps = Steps { tag, state: u64::from(tag.as_bytes()[0]), step: 0 };
    Writer { thread: std::thread::spawn(move || run(steps, &stopped, &counted)), count, stop }
}

/// Whether to go on, after a break.
fn goes_on(stop: &Receiver<()>) -> bool {
    stop.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout)
}

/// Each write is a transaction: it looks at what is there and replaces, makes or deletes it.
fn write_postgres(url: &str, mut steps: Steps, stop: &Receiver<()>, count: &AtomicU64) -> Vec<Written> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (mut client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let mut all = Vec::new();
        while goes_on(stop) {
            let (key, value) = steps.next();
            let transaction = client.transaction().await.unwrap();
            let found = transaction.query_opt("SELECT a FROM t WHERE id = $1 FOR UPDATE", &[&key]).await.unwrap();
            let replaced: Option<String> = found.as_ref().map(|row| row.get(0));
            let changed = match (&value, &replaced) {
                (Some(value), Some(_)) => {
                    let sql = "UPDATE t SET a = $2, updated_at = clock_timestamp() AT TIME ZONE 'UTC' WHERE id = $1";
                    transaction.execute(sql, &[&key, value]).await.unwrap()
                }
                (Some(value), None) => {
                    let sql =
                        "INSERT INTO t VALUES ($1, $2, clock_timestamp() AT TIME ZONE 'UTC') ON CONFLICT DO NOTHING";
                    transaction.execute(sql, &[&key, value]).await.unwrap()
                }
                (None, _) => transaction.execute("DELETE FROM t WHERE id = $1", &[&key]).await.unwrap(),
            };
            transaction.commit().await.unwrap();
            if changed == 1 {
                all.push(Written { key, value, replaced });
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        all
    })
}

fn write_sqlite(
    mut shop: rusqlite::Connection,
    mut steps: Steps,
    stop: &Receiver<()>,
    count: &AtomicU64,
) -> Vec<Written> {
    shop.pragma_update(None, "synchronous", "off").unwrap();
    let mut all = Vec::new();
    while goes_on(stop) {
        let (key, value) = steps.next();
        let transaction = shop.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
        let found = transaction.query_row("SELECT a FROM t WHERE id = ?1", [key], |row| row.get(0));
        let replaced: Option<String> = found.optional().unwrap();
        let changed = match &value {
            Some(value) => {
                let sql = "INSERT INTO t VALUES (?1, ?2, strftime('%Y-%m-%d %H:%M:%f', 'now')) \
                           ON CONFLICT (id) DO UPDATE SET a = excluded.a, updated_at = excluded.updated_at";
                transaction.execute(sql, rusqlite::params![key, value]).unwrap()
            }
            None => transaction.execute("DELETE FROM t WHERE id = ?1", [key]).unwrap(),
        };
        transaction.commit().unwrap();
        if changed == 1 {
            all.push(Written { key, value, replaced });
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
    all
}

fn nothing_is_lost(partner: Partner) {
    let columns = "id bigint PRIMARY KEY, a text, updated_at timestamp(3)";
    let pair = Pair::new(partner, columns, "id INTEGER PRIMARY KEY, a TEXT, updated_at TEXT");
    pair.source(&format!(
        "INSERT INTO t SELECT n, 'first ' || n, '2026-01-01' FROM generate_series(1, {}) n",
        KEYS - 500
    ));
    pair.sync("direction: two_way\nstrategy: newest_wins\n", "key: [id], modified_at: updated_at");
    pair.flow.session(0);
    let (source, target) = (pair.flow.source.url.clone(), pair.flow.target.url.clone());
    let at_source = start("s", Box::new(move |steps, stop, count| write_postgres(&source, steps, stop, count)));
    let shop = (partner == Partner::Sqlite).then(|| pair.shop());
    let at_target = start(
        "t",
        Box::new(move |steps, stop, count| match shop {
            Some(shop) => write_sqlite(shop, steps, stop, count),
            None => write_postgres(&target, steps, stop, count),
        }),
    );
    let allow = ["run", "sync.yaml", "--yes", "--allow", "max_delete_percent", "-o", "json"];
    for session in 0..8 {
        let before = [&at_source, &at_target].map(|writer| writer.count.load(Ordering::Relaxed));
        let ran = pair.flow.run(&allow);
        assert!(matches!(ran.code, 0 | 3), "{} {}", ran.code, ran.stderr);
        let after = [&at_source, &at_target].map(|writer| writer.count.load(Ordering::Relaxed));
        assert!(before[0] < after[0] && before[1] < after[1], "session {session} was alone: {before:?} {after:?}");
    }
    let written = [at_source, at_target].map(|writer| {
        writer.stop.send(()).unwrap();
        writer.thread.join().unwrap()
    });
    closes(&pair, &allow);
    let journal = journaled(&pair);
    let conflicts = conflict_values(&pair);
    let rows = [pair.source_rows(ALL), pair.target_rows(ALL)];
    for (side, written) in written.iter().enumerate() {
        assert!(written.iter().any(|one| one.value.is_none()) && written.len() > 50, "the writers hardly wrote");
        no_value_is_lost(written, &rows[side], &journal[side].images, &conflicts);
        no_delete_is_lost(written, &rows[side], &journal[side].made);
    }
}

const ALL: &str = "SELECT id, a FROM t ORDER BY id";

/// Undisturbed sessions come to rest, with both sides equal but for conflicts that wait for a person.
fn closes(pair: &Pair, run: &[&str]) {
    for _ in 0..4 {
        let ran = pair.flow.run(run);
        assert!(matches!(ran.code, 0 | 3), "{} {}", ran.code, ran.stderr);
    }
    let code = if pair.flow.lines(&["conflicts", "list", "sync.yaml", "-o", "json"]).is_empty() { 0 } else { 3 };
    assert_eq!(pair.flow.session_with(run, code).written(), 0, "the sessions never come to rest");
    let open = pair.flow.lines(&["conflicts", "list", "sync.yaml", "-o", "json"]);
    let open: BTreeSet<String> = open.iter().map(|conflict| conflict["key"]["id"].to_string()).collect();
    let settled = |rows: Vec<Cells>| -> Vec<Cells> {
        rows.into_iter().filter(|row| !open.contains(row[0].as_ref().unwrap())).collect()
    };
    assert_eq!(settled(pair.source_rows(ALL)), settled(pair.target_rows(ALL)));
}

/// A value leaves its side by its own writer's hand, or by a session, which then has it in its journal.
fn no_value_is_lost(written: &[Written], rows: &[Cells], images: &BTreeSet<String>, conflicts: &BTreeSet<String>) {
    let there: BTreeSet<&String> = rows.iter().filter_map(|row| row[1].as_ref()).collect();
    let replaced: BTreeSet<&String> = written.iter().filter_map(|one| one.replaced.as_ref()).collect();
    let lost: Vec<&String> = written
        .iter()
        .filter_map(|one| one.value.as_ref())
        .filter(|value| !there.contains(value) && !replaced.contains(value))
        .filter(|value| !images.contains(*value) && !conflicts.contains(*value))
        .collect();
    assert!(lost.is_empty(), "{} values are nowhere: {:?}", lost.len(), &lost[..lost.len().min(10)]);
}

/// A record that its writer deleted and that is there again was made by a session, each time, as its journal says.
fn no_delete_is_lost(written: &[Written], rows: &[Cells], made: &BTreeMap<i64, usize>) {
    let there: BTreeSet<i64> = rows.iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
    let (mut gone, mut returned) = (BTreeSet::new(), BTreeMap::<i64, usize>::new());
    for one in written {
        if gone.remove(&one.key) && one.replaced.is_some() {
            *returned.entry(one.key).or_default() += 1;
        }
        if one.value.is_none() {
            gone.insert(one.key);
        }
    }
    for key in gone.iter().filter(|key| there.contains(key)) {
        *returned.entry(*key).or_default() += 1;
    }
    for (key, times) in returned {
        let journaled = made.get(&key).copied().unwrap_or(0);
        assert!(journaled >= times, "record {key} came back {times} times, {journaled} of them are in the journal");
    }
}

/// One side's journal over all sessions.
#[derive(Default)]
struct Journal {
    /// Texts of before-images.
    images: BTreeSet<String>,
    /// How often sessions made a record where there was none, by key.
    made: BTreeMap<i64, usize>,
}

fn journaled(pair: &Pair) -> [Journal; 2] {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let state = StateFile::open_read_only(&pair.flow.path("sync.state.db")).unwrap();
        let mut journals = [Journal::default(), Journal::default()];
        for session in state.sessions().await.unwrap() {
            let mut before = None;
            while let Some((id, chunk)) = state.history(session.id, before, 1).await.unwrap().pop() {
                before = Some(id);
                for entry in &chunk.entries {
                    let [source, target] = &mut journals;
                    source.take(entry.source.as_deref());
                    target.take(entry.target.as_deref());
                }
            }
        }
        journals
    })
}

impl Journal {
    fn take(&mut self, applied: Option<&Applied>) {
        let Some(applied) = applied else { return };
        let values: Vec<&Value> = match (&applied.before, &*applied.native_key) {
            (Before::Absent, [Value::Int(key)]) => {
                *self.made.entry(*key).or_default() += 1;
                return;
            }
            (Before::Absent, key) => panic!("no key of this table: {key:?}"),
            (Before::Fields(values), _) => values.iter().collect(),
            (Before::Image(image), _) => image.iter().map(|(_, value)| value).collect(),
        };
        let text = |value: &Value| if let Value::Text(text) = value { Some(text.to_string()) } else { None };
        self.images.extend(values.into_iter().filter_map(text));
    }
}

/// Every text that stands in a version of a conflict.
fn conflict_values(pair: &Pair) -> BTreeSet<String> {
    let conflicts = pair.flow.lines(&["conflicts", "list", "sync.yaml", "--all", "-o", "json"]);
    let versions = conflicts.iter().flat_map(|one| ["base", "source", "target"].map(|name| &one[name]["a"]));
    versions.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

#[test]
fn no_write_beside_sessions_of_two_postgres_databases_is_lost() {
    nothing_is_lost(Partner::Postgres);
}

#[test]
fn no_write_beside_sessions_of_postgres_and_sqlite_is_lost() {
    nothing_is_lost(Partner::Sqlite);
}
