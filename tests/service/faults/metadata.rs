//! The metadata database cuts all connections, or is started again.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use pinksync_test_support::eventually;

use crate::support::{Gate, Pair, Setup, written};

const ITEMS: u64 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_again_and_again_cost_no_record_and_no_count() {
    let (service, pair) = tokio::join!(Setup::new().workers(2).start(), Pair::with_items(ITEMS));
    let session = service.rest.submit(&pair.one_way()).await;
    for seen in
        ["status = 'running'", "kind = 'segment' AND status = 'running'", "kind = 'segment' AND status = 'done'"]
    {
        let seen = format!("SELECT count(*) > 0 FROM tasks WHERE {seen}");
        eventually(async || service.metadata.value(&seen, &[]).await).await;
        eventually(async || service.metadata.cut_connections().await > 0).await;
    }
    let session = service.rest.completed(&session).await;
    assert_eq!(written(&session), [[ITEMS, 0, 0], [0, 0, 0]], "{session}");
    assert_eq!(service.pending_chunks().await, 0);
    pair.assert_same().await;
    assert_eq!(written(&service.rest.complete(&pair.one_way()).await), [[0; 3]; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_end_could_not_be_noted_is_begun_again_though_its_worker_lives_and_is_busy() {
    let (service, busy, pair) = tokio::join!(Setup::new().start(), Pair::with_items(10), Pair::with_items(10));
    let ending = Gate::before_writes(&service.metadata, "sessions", "r.status = 'completed'").await;
    let session = service.rest.submit(&pair.one_way()).await;
    ending.reached().await;
    let writes = Gate::before_writes(&busy.target, "items", "true").await;
    let other = service.rest.submit(&busy.one_way()).await;
    writes.reached().await;
    ending.cut().await;
    ending.open().await;
    service.rest.completed(&session).await;
    assert_eq!(service.rest.status(&other).await, "in_progress");
    writes.open().await;
    for (session, pair) in [(session, &pair), (other, &busy)] {
        assert_eq!(written(&service.rest.completed(&session).await), [[10, 0, 0], [0; 3]]);
        pair.assert_same().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metadata_server_that_is_started_again_in_the_middle_of_a_session_costs_nothing() {
    let (mut server, pair) = (Server::start(), Pair::with_items(ITEMS).await);
    let mut service = Setup::new().workers(2).metadata_on(&server.url).start().await;
    let writes = Gate::before_writes(&pair.target, "items", "true").await;
    let session = service.rest.submit(&pair.one_way()).await;
    writes.reached().await;
    server.restart();
    service.metadata.reconnect().await;
    writes.open().await;
    let session = service.rest.completed(&session).await;
    assert_eq!(written(&session), [[ITEMS, 0, 0], [0, 0, 0]], "{session}");
    assert_eq!(service.pending_chunks().await, 0);
    pair.assert_same().await;
}

/// A PostgreSQL server of the test's own, by the functions of `./dev`; gone with its shell.
struct Server {
    shell: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn start() -> Self {
        const SCRIPT: &str = r#"
            set -euo pipefail
            ROOT="$1"
            . "$ROOT/dev.d/common.sh"
            . "$ROOT/dev.d/postgres.sh"
            postgres_start test
            printf '%s\n' "$POSTGRES_URL"
            while read -r _; do
                postgres_run "$postgres_bin/pg_ctl" -D "$postgres_home/data" -l "$postgres_home/server.log" \
                    -m fast -t 60 -w restart >/dev/null
                echo restarted
            done"#;
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        let mut command = Command::new("bash");
        command.args(["-c", SCRIPT, "server"]).arg(root).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().unwrap();
        let (commands, answers) = (shell.stdin.take(), BufReader::new(shell.stdout.take().unwrap()));
        let mut server = Self { shell, commands, answers, url: String::new() };
        server.url = server.answer();
        server
    }

    /// As an operator would: statements under way are broken off.
    fn restart(&mut self) {
        writeln!(self.commands.as_mut().unwrap(), "restart").unwrap();
        assert_eq!(self.answer(), "restarted");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.shell.wait();
    }
}
