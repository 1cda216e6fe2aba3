//! Brokers for tests: a virtual host of the shared one (`PINKSYNC_TEST_AMQP_URL`), or a broker that may be stopped.
//!
//! A virtual host costs 30 ms by the HTTP API of the management plugin, against half a second by two runs of
//! `rabbitmqctl`, and whoever makes it may use it.

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lapin::options::QueuePurgeOptions;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use pinksync_common::queue::{Class, DEFAULT_PREFIX, Topology};
use tempfile::TempDir;
use uuid::Uuid;

use crate::waiting::eventually;

const HTTP_LIMIT: Duration = Duration::from_secs(30);

/// A virtual host that is gone after its test.
pub struct VirtualHost {
    name: String,
    pub url: String,
}

impl VirtualHost {
    pub fn make() -> Self {
        let name = format!("test-{}", Uuid::now_v7());
        let mut uri: AMQPUri = shared_url().parse().unwrap();
        uri.vhost.clone_from(&name);
        let made = ask_management("PUT", &format!("/api/vhosts/{name}"));
        assert!(made.starts_with("HTTP/1.1 201"), "no virtual host was made: {made}");
        Self { name, url: uri.to_string() }
    }
}

impl Drop for VirtualHost {
    fn drop(&mut self) {
        ask_management("DELETE", &format!("/api/vhosts/{}", self.name));
    }
}

/// The queues by the names that they have unless a setting says otherwise.
pub fn topology() -> Topology {
    Topology::new(DEFAULT_PREFIX).unwrap()
}

/// Takes all messages out of the queues; gives how many that were.
pub async fn purge(url: &str) -> u32 {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut purged = 0;
    for class in Class::ALL {
        purged += channel.queue_purge(topology().queue(class).into(), QueuePurgeOptions::default()).await.unwrap();
    }
    purged
}

fn shared_url() -> String {
    env::var("PINKSYNC_TEST_AMQP_URL").expect("PINKSYNC_TEST_AMQP_URL names the broker for tests (./dev test sets it)")
}

fn ask_management(method: &str, path: &str) -> String {
    let management = env::var("PINKSYNC_TEST_AMQP_MANAGEMENT_URL").expect("PINKSYNC_TEST_AMQP_MANAGEMENT_URL");
    let host = management.strip_prefix("http://").expect("http://HOST:PORT").trim_end_matches('/');
    let user = shared_url().parse::<AMQPUri>().unwrap().authority.userinfo;
    let login = STANDARD.encode(format!("{}:{}", user.username, user.password));
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(HTTP_LIMIT)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {login}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A broker of a test's own, by `dev.d/broker`. Ends with it.
pub struct OwnBroker {
    folder: TempDir,
    pub url: String,
}

impl OwnBroker {
    pub async fn start() -> Self {
        // ./dev test ends what is left there when a test run is interrupted.
        let folder = match env::var_os("PINKSYNC_TEST_BROKERS") {
            Some(parent) => TempDir::new_in(parent),
            None => TempDir::new(),
        }
        .unwrap();
        let url = run("start", folder.path()).await;
        Self { folder, url }
    }

    /// The same broker again, after `stop` or `kill`, with one more line in its settings.
    pub async fn start_with(&self, setting: &str) {
        std::fs::write(self.folder.path().join("conf.d/90-test.conf"), format!("{setting}\n")).unwrap();
        self.start_again().await;
    }

    pub async fn start_again(&self) {
        assert_eq!(run("start", self.folder.path()).await, self.url);
    }

    pub async fn stop(&self) {
        run("stop", self.folder.path()).await;
    }

    /// Not before the broker has written down which queues there are, as it does within a second: 3.10 loses for good
    /// a quorum queue that a crash finds younger than that.
    pub async fn kill(&self, youngest_queue: &str) {
        let data = self.folder.path().join("data");
        eventually(async || has_registered(&data, youngest_queue)).await;
        run("kill", self.folder.path()).await;
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        let killed = command("kill", self.folder.path()).status();
        assert!(killed.is_ok_and(|status| status.success()) || std::thread::panicking(), "the broker still runs");
    }
}

/// Whether the broker's register of quorum queues, below `data/NODE/quorum/NODE`, names the queue.
fn has_registered(data: &Path, queue: &str) -> bool {
    let Ok(nodes) = std::fs::read_dir(data) else { return false };
    nodes.flatten().any(|node| {
        let register = node.path().join("quorum").join(node.file_name()).join("names.dets");
        let found = std::fs::read(register).unwrap_or_default();
        found.windows(queue.len()).any(|window| window == queue.as_bytes())
    })
}

async fn run(job: &'static str, folder: &Path) -> String {
    let mut command = command(job, folder);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "dev.d/broker {job}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn command(job: &str, folder: &Path) -> Command {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../dev.d/broker");
    let mut command = Command::new(script);
    command.arg(job).arg(folder);
    command
}
