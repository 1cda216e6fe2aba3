//! A server whose connections break: the session is paused with a clear sentence, and the next run goes on with it.

use serde_json::Value;

use super::proxy::{Cut, Proxy, host};
use super::support::{Flow, Ran};

const ROWS: u64 = 5000;

/// Two-way over both servers, the one named by way of a proxy that breaks.
struct Broken {
    flow: Flow,
    proxy: Proxy,
}

impl Broken {
    fn new(at_source: bool, cut: Cut) -> Self {
        let flow = Flow::new();
        flow.both("CREATE TABLE t (id bigint PRIMARY KEY, a text)");
        flow.source(&format!("INSERT INTO t SELECT n, repeat('x', 200) FROM generate_series(1, {ROWS}) n"));
        flow.target("INSERT INTO t SELECT n, 'of the target' FROM generate_series(100001, 100300) n");
        let url = if at_source { &flow.source.url } else { &flow.target.url };
        let proxy = Proxy::start(host(url), cut);
        let by_proxy = format!("{{ type: postgres, url: \"{}\" }}", proxy.url(url));
        let (source, target) = match at_source {
            true => (by_proxy, flow.target.side()),
            false => (flow.source.side(), by_proxy),
        };
        let rest = "direction: two_way\nstrategy: source_wins\ndatasets:\n  - { source: public.t, key: [id] }\n";
        flow.write_file("sync.yaml", &source, &target, rest);
        Self { flow, proxy }
    }

    fn run(&self) -> Ran {
        self.flow.run(&["run", "sync.yaml", "--yes", "-o", "json"])
    }

    /// What a person sees of the broken session.
    fn pauses_clearly(&self, cut: &Cut) {
        let ran = self.run();
        assert!(self.proxy.broken(), "{cut:?} was never reached");
        assert_eq!(ran.code, 1, "{cut:?}: {}\n{}", ran.stdout, ran.stderr);
        let host = self.proxy.address.to_string();
        assert!(ran.stderr.contains(&host), "{cut:?} does not name {host}: {}", ran.stderr);
        assert!(ran.stderr.lines().any(|line| line.starts_with("help: ")), "{cut:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("goes on with pinksync run sync.yaml"), "{cut:?}: {}", ran.stderr);
        self.only_session("paused", cut);
    }

    fn only_session(&self, status: &str, cut: &Cut) -> Value {
        let mut sessions = self.flow.lines(&["sessions", "sync.yaml", "-o", "json"]);
        assert_eq!((sessions.len(), &sessions[0]["status"]), (1, &Value::from(status)), "{cut:?}: {sessions:?}");
        sessions.remove(0)
    }

    /// The server is back: the same session makes both sides equal, and counts every record once.
    fn is_made_up_for(&self, cut: &Cut) {
        self.proxy.heal();
        self.run().expect(0);
        assert_eq!(self.flow.assert_same("t"), ROWS + 300, "{cut:?}");
        let session = self.only_session("completed", cut);
        assert_eq!(session["written"], ROWS + 300, "{cut:?}: {session}");
        assert_eq!(self.flow.session(0).written(), 0, "{cut:?}");
    }

    /// Undo takes back what the session wrote before its connection broke, and after it.
    fn is_taken_back_whole(&self, cut: &Cut) {
        self.flow.run(&["undo", "sync.yaml", "--yes"]).expect(0);
        let count = "SELECT count(*) FROM t";
        let counts = (self.flow.source_value(count), self.flow.target_value(count));
        assert_eq!(counts, (ROWS.to_string(), "300".to_owned()), "{cut:?}");
    }
}

fn breaks(at_source: bool, cuts: &[Cut]) {
    for cut in cuts {
        let broken = Broken::new(at_source, cut.clone());
        broken.pauses_clearly(cut);
        broken.is_made_up_for(cut);
        broken.is_taken_back_whole(cut);
    }
}

/// Bytes that an undisturbed run passes through a proxy on one side.
fn undisturbed(at_source: bool) -> u64 {
    let whole = Broken::new(at_source, Cut::Never);
    whole.run().expect(0);
    whole.proxy.bytes()
}

#[test]
fn a_server_that_breaks_while_it_is_described_read_or_written_pauses_the_session_and_loses_nothing() {
    for at_source in [true, false] {
        let bytes = undisturbed(at_source);
        breaks(at_source, &[Cut::After(100), Cut::After(bytes / 4), Cut::After(bytes / 2), Cut::After(bytes * 3 / 4)]);
    }
}

#[test]
fn a_server_that_breaks_at_a_commit_pauses_the_session_and_loses_nothing() {
    for at_source in [true, false] {
        breaks(at_source, &[Cut::Before("COMMIT", 0), Cut::Behind("COMMIT", 0)]);
    }
}

#[test]
fn a_server_that_is_back_in_a_moment_does_not_stop_the_session() {
    for at_source in [true, false] {
        let cut = Cut::After(undisturbed(at_source) / 2);
        let broken = Broken::new(at_source, cut.clone());
        let mut run = broken.flow.spawn(&["run", "sync.yaml", "--yes"]);
        // It is back once the session has tried again in vain.
        while broken.proxy.turned_away() < 2 {
            assert!(run.try_wait().unwrap().is_none(), "{cut:?}: the session did not try again");
            std::thread::yield_now();
        }
        broken.proxy.heal();
        assert_eq!(run.wait().unwrap().code(), Some(0), "at the source: {at_source}");
        assert_eq!(broken.flow.assert_same("t"), ROWS + 300);
        assert_eq!(broken.only_session("completed", &cut)["written"], ROWS + 300);
    }
}
