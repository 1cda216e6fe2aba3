//! The service: its processes, their database, their queues, and a user with a token.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use lapin::uri::AMQPUri;
use pinksync_common::ids::TaskId;
use pinksync_common::queue::{Broker, Class, Publisher, Wake};
use pinksync_test_support::{Client, Database, VirtualHost, eventually, topology};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Line, Process, Rest};

const MASTER_KEY: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXpBQkNERUY=";

/// What a service is like before a test says otherwise. Leases are short, so that a dead worker is soon followed.
const SETTINGS: [(&str, &str); 8] = [
    ("LEASE", "2s"),
    ("HEARTBEAT", "400ms"),
    ("WORKER_PERMITS", "2"),
    ("ALLOWED_NETWORKS", "127.0.0.0/8"),
    ("RATE_LIMIT", "0"),
    ("BCRYPT_COST", "10"),
    ("DATABASE_POOL", "12"),
    ("LOG", "info,pinksync_worker=debug"),
];

/// How a service is to be started.
pub struct Setup {
    settings: Vec<(String, String)>,
    workers: usize,
    schedulers: usize,
    broker: Option<String>,
    server: Option<String>,
}

/// A running service. Its processes end before what they stand on.
pub struct Service {
    pub api: Process,
    pub workers: Vec<Worker>,
    pub schedulers: Vec<Process>,
    pub rest: Rest,
    pub metadata: Database,
    pub amqp: String,
    api_port: u16,
    settings: Vec<(String, String)>,
    started: usize,
    /// Logs, and files of connections.
    pub folder: TempDir,
    _vhost: Option<VirtualHost>,
}

/// A worker, and its line to the broker.
pub struct Worker {
    pub process: Process,
    pub line: Line,
}

impl Setup {
    /// An API, a scheduler and one worker.
    pub fn new() -> Self {
        let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { settings, workers: 1, schedulers: 1, broker: None, server: None }
    }

    /// A setting, without `PINKSYNC_`.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    pub fn schedulers(self, schedulers: usize) -> Self {
        Self { schedulers, ..self }
    }

    /// A broker of the test's own, instead of a virtual host of the shared one.
    pub fn broker(self, url: &str) -> Self {
        Self { broker: Some(url.to_owned()), ..self }
    }

    /// A server of the test's own for the metadata.
    pub fn metadata_on(self, server: &str) -> Self {
        Self { server: Some(server.to_owned()), ..self }
    }

    pub async fn start(self) -> Service {
        let vhost = self.broker.is_none().then(VirtualHost::make);
        let amqp = self.broker.or(vhost.as_ref().map(|vhost| vhost.url.clone())).unwrap();
        let metadata = match &self.server {
            Some(server) => Database::make_on(server, "metadata").await,
            None => Database::make("metadata").await,
        };
        let folder = tempfile::tempdir().unwrap();
        let mut settings = self.settings;
        settings.push(("DATABASE_URL".to_owned(), metadata.url.clone()));
        settings.push(("MASTER_KEY".to_owned(), MASTER_KEY.to_owned()));
        settings.push(("FILE_ROOTS".to_owned(), folder.path().display().to_string()));
        run(&mut command(&settings, &["migrate"]));
        let api_port = free_port();
        let api = start_api(&settings, api_port, &amqp, &folder, 0).await;
        let key = make_key(&settings, "first");
        let rest = Rest::log_in(&base(api_port), &key).await;
        let (workers, schedulers) = (Vec::new(), Vec::new());
        let mut service = Service {
            api,
            workers,
            schedulers,
            rest,
            metadata,
            amqp,
            api_port,
            settings,
            started: 0,
            folder,
            _vhost: vhost,
        };
        for _ in 0..self.schedulers {
            service.add_scheduler();
        }
        service.add_workers(self.workers).await;
        service
    }
}

impl Service {
    /// Another account, with a user of its own.
    pub async fn account(&self, name: &str) -> Rest {
        Rest::log_in(&base(self.api_port), &make_key(&self.settings, name)).await
    }

    pub fn add_scheduler(&mut self) {
        let process = self.spawn("scheduler", &self.amqp.clone());
        self.schedulers.push(process);
    }

    /// Starts workers and waits until they are there.
    pub async fn add_workers(&mut self, count: usize) {
        for _ in 0..count {
            let (line, url) = line_to(&self.amqp).await;
            let process = self.spawn("worker", &url);
            self.workers.push(Worker { process, line });
        }
        for worker in &self.workers[self.workers.len() - count..] {
            let pid = worker.process.pid().cast_signed();
            eventually(async || self.metadata.value("SELECT count(*) > 0 FROM workers WHERE pid = $1", &[&pid]).await)
                .await;
        }
    }

    /// Starts the API again on its port, after it was killed.
    pub async fn restart_api(&mut self) {
        self.started += 1;
        let amqp = self.amqp.clone();
        self.api = start_api(&self.settings, self.api_port, &amqp, &self.folder, self.started).await;
    }

    /// Starts the API again behind a line to the broker.
    pub async fn restart_api_behind_line(&mut self) -> Line {
        self.api.kill();
        self.started += 1;
        let (line, url) = line_to(&self.amqp).await;
        self.api = start_api(&self.settings, self.api_port, &url, &self.folder, self.started).await;
        line
    }

    /// A process that listens wherever it can.
    pub fn spawn(&mut self, role: &str, amqp: &str) -> Process {
        const ANYWHERE: &str = "127.0.0.1:0";
        self.started += 1;
        let mut command = command(&self.settings, &[role]);
        command.env("PINKSYNC_AMQP_URL", amqp).env("PINKSYNC_METRICS_LISTEN", ANYWHERE);
        command.env("PINKSYNC_API_LISTEN", ANYWHERE);
        let log = self.folder.path().join(format!("{role}-{}.log", self.started));
        Process::start(command, role.to_owned(), log)
    }

    /// Which worker has a task of a session, and which task, as soon as one has.
    pub async fn at_work(&self, session: &str) -> (usize, TaskId) {
        const OWNER: &str = "SELECT w.pid, t.id FROM tasks t JOIN workers w ON w.id = t.owner
            WHERE t.session_id = $1 AND t.status = 'running' ORDER BY t.id LIMIT 1";
        let session: Uuid = session.parse().unwrap();
        let client = self.metadata.connect().await;
        let mut found = None;
        eventually(async || {
            let row = client.query_opt(OWNER, &[&session]).await.unwrap();
            found = row.and_then(|row| {
                let pid: i32 = row.get(0);
                let worker = self.workers.iter().position(|worker| worker.process.pid().cast_signed() == pid)?;
                Some((worker, row.get(1)))
            });
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// Publishes the wake-ups of tasks, each so many times.
    pub async fn wake(&self, tasks: &[TaskId], times: usize) {
        let publisher = Publisher::start(Broker::new(&self.amqp).unwrap(), topology());
        publisher.ready().await;
        for task in std::iter::repeat_n(tasks, times).flatten() {
            publisher.publish(Class::Bulk, &Wake::of(*task)).await.unwrap();
        }
    }

    /// Journal chunks that nobody has settled.
    pub async fn pending_chunks(&self) -> i64 {
        self.metadata.value("SELECT count(*) FROM journal WHERE state = 0", &[]).await
    }

    /// Tasks of a session that are to be done or under way.
    pub async fn open_tasks(&self, session: &str) -> i64 {
        let count = "SELECT count(*) FROM tasks WHERE session_id = $1 AND status IN ('ready', 'running')";
        self.metadata.value(count, &[&session.parse::<Uuid>().unwrap()]).await
    }
}

async fn start_api(settings: &[(String, String)], port: u16, amqp: &str, folder: &TempDir, number: usize) -> Process {
    let mut command = command(settings, &["api"]);
    command.env("PINKSYNC_AMQP_URL", amqp).env("PINKSYNC_API_LISTEN", format!("127.0.0.1:{port}"));
    let mut api = Process::start(command, "api".to_owned(), folder.path().join(format!("api-{number}.log")));
    eventually(async || {
        assert!(api.runs(), "the API does not start: {}", api.log());
        TcpListener::bind(("127.0.0.1", port)).is_err()
    })
    .await;
    Client::new(&base(port)).get("/readyz").await.with_status(200);
    api
}

fn base(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// A command of the binary that knows these settings and nothing else.
fn command(settings: &[(String, String)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinksync"));
    command.args(arguments).env_clear();
    command.envs(settings.iter().map(|(name, value)| (format!("PINKSYNC_{name}"), value)));
    command
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn make_key(settings: &[(String, String)], account: &str) -> String {
    let arguments = ["keys", "create", "--account", account, "--permission", "admin", "-o", "json"];
    let made: Value = serde_json::from_str(&run(&mut command(settings, &arguments))).unwrap();
    made["api_key"].as_str().unwrap().to_owned()
}

/// A line to a broker, and its URL by way of it.
async fn line_to(amqp: &str) -> (Line, String) {
    let mut uri: AMQPUri = amqp.parse().unwrap();
    let line = Line::to(format!("{}:{}", uri.authority.host, uri.authority.port)).await;
    uri.authority.host = line.address.ip().to_string();
    uri.authority.port = line.address.port();
    (line, uri.to_string())
}

/// Below the range that the kernel hands out by itself; another one for each caller of this process.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
