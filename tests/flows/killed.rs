//! kill -9 at random moments, then a run to the end: the same result as an undisturbed one.

use std::time::{Duration, Instant};

use super::support::Flow;

const ROWS: u64 = 30_000;

/// A fixed sequence of delays, so that a failure can be had again.
struct Delays(u64);

impl Delays {
    fn next(&mut self, below_milliseconds: u64) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.0 >> 33) % below_milliseconds)
    }
}

#[test]
fn twenty_kills_leave_what_an_undisturbed_run_leaves() {
    let flow = Flow::new();
    flow.both("CREATE TABLE t (id bigint PRIMARY KEY, a text, b numeric, updated_at timestamptz)");
    flow.source(&format!("INSERT INTO t SELECT n, 'a' || n, n, '2026-01-01' FROM generate_series(1, {ROWS}) n"));
    flow.target("INSERT INTO t SELECT n, 'shop ' || n, n, '2026-01-01' FROM generate_series(100001, 100500) n");
    flow.sync("direction: two_way\nstrategy: newest_wins\ndatasets:\n  - { source: public.t, key: [id], modified_at: updated_at }\n");
    let undisturbed = undisturbed_milliseconds();
    let mut delays = Delays(7);
    let (mut killed, mut resumed) = (0, None);
    for _ in 0..20 {
        let mut child = flow.spawn(&["run", "sync.yaml", "--yes"]);
        let deadline = Instant::now() + delays.next(undisturbed);
        while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
        resumed = Some(flow.run(&["sessions", "sync.yaml", "-o", "json"]).stdout);
    }
    assert!(killed >= 5, "only {killed} runs were still going when they were killed");
    let report = flow.session(0);
    assert_eq!(flow.assert_same("t"), ROWS + 500, "{resumed:?}");
    let sessions = flow.run(&["sessions", "sync.yaml", "-o", "json"]).stdout;
    let written: u64 = sessions
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["written"].as_u64().unwrap())
        .sum();
    assert_eq!(written, ROWS + 500, "every record is counted once over all sessions:\n{sessions}\n{}", report.0);
}

/// Milliseconds that a run of the same size takes, on tables of its own.
fn undisturbed_milliseconds() -> u64 {
    let other = Flow::new();
    other.both("CREATE TABLE t (id bigint PRIMARY KEY, a text, b numeric, updated_at timestamptz)");
    other.source(&format!("INSERT INTO t SELECT n, 'a' || n, n, '2026-01-01' FROM generate_series(1, {ROWS}) n"));
    other.sync("direction: two_way\nstrategy: newest_wins\ndatasets:\n  - { source: public.t, key: [id], modified_at: updated_at }\n");
    let started = Instant::now();
    other.session(0);
    u64::try_from(started.elapsed().as_millis()).unwrap().max(50)
}

#[test]
fn a_server_that_goes_away_ends_the_session_with_a_clear_sentence() {
    let flow = Flow::new();
    flow.both("CREATE TABLE t (id bigint PRIMARY KEY, a text)");
    flow.source("INSERT INTO t SELECT n, repeat('x', 500) FROM generate_series(1, 60000) n");
    flow.sync("strategy: source_wins\ndatasets:\n  - { source: public.t, key: [id] }\n");
    let mut child = flow.spawn(&["run", "sync.yaml", "--yes"]);
    let database = flow.target.url.rsplit_once('/').unwrap().1.to_owned();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let others = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}' AND application_name LIKE 'pinksync%'"
        );
        let ended: u64 = flow.target_value(&others).parse().unwrap();
        if ended > 0 || child.try_wait().unwrap().is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "the run never connected");
    }
    let status = child.wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "{status:?}");
    flow.session(0);
    assert_eq!(flow.assert_same("t"), 60_000);
}
