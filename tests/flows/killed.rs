//! kill -9 at random moments, then a run to the end: the same result as an undisturbed one over the same edits.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::pair::{Pair, Partner};
use super::support::Cells;

const ROWS: u64 = 12_000;
/// Processes that are killed while they work.
const KILLS: u32 = 20;

/// A fixed sequence of numbers, so that a failure can be had again.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn pair(partner: Partner) -> Pair {
    let columns = "id bigint PRIMARY KEY, a text, b numeric, updated_at timestamp(0)";
    let pair = Pair::new(partner, columns, "id INTEGER PRIMARY KEY, a TEXT, b TEXT, updated_at TEXT");
    pair.source(&rows(1, ROWS, "first"));
    pair.target(&rows(100_001, 500, "of the shop"));
    pair.sync("direction: two_way\nstrategy: newest_wins\n", "key: [id], modified_at: updated_at");
    pair
}

/// New records, in the SQL of both systems.
fn rows(from: u64, count: u64, text: &str) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
         INSERT INTO t SELECT i, '{text} ' || i, i, '2026-01-01 00:00:00' FROM n",
        from + count - 1
    )
}

/// What both sides do before a round: updates, deletes and creates of their own, and some of the same records: conflicts
/// that the later one wins, conflicts of the same time that wait for a person, updates of what the other side deletes.
fn edit(pair: &Pair, round: u64) {
    let time = |minutes: u64| format!("'2026-02-{:02} 10:{minutes:02}:00'", round + 1);
    let update = |tag: &str, modulus: u64, time: &str| {
        format!(
            "UPDATE t SET a = '{tag}{round} ' || id, b = {round}, updated_at = {time} WHERE (id * 7919 + {round}) % {modulus} = 0"
        )
    };
    let delete = |modulus: u64| format!("DELETE FROM t WHERE (id * 31 + {round}) % {modulus} = 0");
    pair.source(&update("s", 11, &time(0)));
    pair.target(&update("t", 13, &time(30)));
    pair.target(&update("t", 17, &time(0)));
    pair.source(&delete(97));
    pair.target(&delete(89));
    pair.source(&rows(200_000 + round * 1000, 300, "source"));
    pair.target(&rows(400_000 + round * 1000, 300, "target"));
    pair.target(&rows(200_290 + round * 1000, 20, "another"));
}

/// Everything that sessions left: both tables, conflicts, and the sum of every counter of what was done.
#[derive(Debug, PartialEq)]
struct Left {
    rows: [Vec<Cells>; 2],
    conflicts: BTreeMap<i64, Vec<String>>,
    counters: BTreeMap<&'static str, u64>,
}

const COUNTERS: [&str; 11] = [
    "to_target.created",
    "to_target.updated",
    "to_target.deleted",
    "to_source.created",
    "to_source.updated",
    "to_source.deleted",
    "adopted",
    "settled",
    "merged",
    "conflicts.resolved",
    "rejected",
];

fn left(pair: &Pair) -> Left {
    let all = "SELECT id, a, CAST(b AS TEXT), CAST(updated_at AS TEXT) FROM t ORDER BY id";
    let mut conflicts: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for conflict in pair.flow.lines(&["conflicts", "list", "sync.yaml", "--all", "-o", "json"]) {
        let versions =
            ["kind", "status", "base", "source", "target", "decision", "decided_by"].map(|name| &conflict[name]);
        let told = Value::from(versions.into_iter().cloned().collect::<Vec<_>>()).to_string();
        conflicts.entry(conflict["key"]["id"].as_i64().unwrap()).or_default().push(told);
    }
    conflicts.values_mut().for_each(|told| told.sort());
    let mut counters = BTreeMap::new();
    for session in pair.flow.lines(&["sessions", "sync.yaml", "-o", "json"]) {
        let id = session["id"].as_str().unwrap();
        let report = &pair.flow.lines(&["report", "sync.yaml", "--session", id, "-o", "json"])[0];
        for path in COUNTERS {
            let count = path.split('.').fold(&report["datasets"][0], |at, part| &at[part]);
            *counters.entry(path).or_default() += count.as_u64().unwrap_or(0);
        }
    }
    Left { rows: [pair.source_rows(all), pair.target_rows(all)], conflicts, counters }
}

/// Runs a session until it ends by itself; how long it took.
fn to_the_end(pair: &Pair) -> Duration {
    let started = Instant::now();
    let ran = pair.flow.run(&["run", "sync.yaml", "--yes", "-o", "json"]);
    assert!(matches!(ran.code, 0 | 3), "{}\n{}", ran.stdout, ran.stderr);
    started.elapsed()
}

/// Starts a session and kills it at a random moment of its usual time; whether it was still at work.
fn killed(pair: &Pair, usual: Duration, numbers: &mut Numbers) -> bool {
    let wait = Duration::from_micros(numbers.below(u64::try_from(usual.as_micros()).unwrap().max(1)));
    let mut child = pair.flow.spawn(&["run", "sync.yaml", "--yes"]);
    let deadline = Instant::now() + wait;
    while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let working = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    working
}

fn kills_leave_what_an_undisturbed_run_leaves(partner: Partner) {
    let (disturbed, twin) = (pair(partner), pair(partner));
    let (mut numbers, mut kills, mut round) = (Numbers(7), 0, 0);
    while kills < KILLS {
        if round > 0 {
            edit(&disturbed, round);
            edit(&twin, round);
        }
        let usual = to_the_end(&twin);
        for _ in 0..5 {
            kills += u32::from(killed(&disturbed, usual, &mut numbers));
        }
        to_the_end(&disturbed);
        let (found, expected) = (left(&disturbed), left(&twin));
        assert_eq!(found.counters, expected.counters, "counters after round {round} and {kills} kills");
        assert!(found.rows == expected.rows, "rows after round {round} and {kills} kills");
        assert_eq!(found.conflicts, expected.conflicts, "conflicts after round {round} and {kills} kills");
        round += 1;
        assert!(round < 25, "only {kills} of {} processes were at work when they were killed", round * 5);
    }
    let done = left(&twin).counters;
    for counter in COUNTERS.iter().filter(|name| !matches!(**name, "adopted" | "merged" | "rejected" | "settled")) {
        assert!(done[counter] > 0, "the rounds never had any {counter}");
    }
}

#[test]
fn twenty_kills_between_postgres_databases_leave_what_an_undisturbed_run_leaves() {
    kills_leave_what_an_undisturbed_run_leaves(Partner::Postgres);
}

#[test]
fn twenty_kills_between_postgres_and_sqlite_leave_what_an_undisturbed_run_leaves() {
    kills_leave_what_an_undisturbed_run_leaves(Partner::Sqlite);
}
