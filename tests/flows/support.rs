//! Databases of a test's own, and the binary run in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use pinksync_test_support::Address;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// Two databases on the test server, a folder with a sync file, and the binary.
pub struct Flow {
    pub folder: TempDir,
    runtime: Runtime,
    admin: Client,
    name: String,
    pub source: Database,
    pub target: Database,
}

/// One database, its URL and a connection.
pub struct Database {
    pub url: String,
    pub client: Client,
}

/// A row as text; NULL is `None`.
pub type Cells = Vec<Option<String>>;

impl Database {
    /// This database as a side of a sync file.
    pub fn side(&self) -> String {
        format!("{{ type: postgres, url: \"{}\" }}", self.url)
    }
}

fn admin_url() -> String {
    std::env::var("PINKSYNC_TEST_POSTGRES_URL")
        .expect("PINKSYNC_TEST_POSTGRES_URL names no server: run the tests by `./dev test`, or set it")
}

/// A role whose password the server checks, on the test server.
pub fn password_address() -> Address {
    let url = std::env::var("PINKSYNC_TEST_POSTGRES_PASSWORD_URL");
    Address::of(&url.expect("PINKSYNC_TEST_POSTGRES_PASSWORD_URL is not set: run the tests by `./dev test`"))
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the test server answers");
    tokio::spawn(connection);
    client
}

impl Flow {
    pub fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let name = format!("flow_{}", uuid::Uuid::now_v7().simple());
        let admin = runtime.block_on(connect(&admin_url()));
        let open = |side: &str| {
            let database = format!("{name}_{side}");
            runtime.block_on(admin.batch_execute(&format!("CREATE DATABASE {database}"))).unwrap();
            let url = Address { database, ..Address::of(&admin_url()) }.to_string();
            let client = runtime.block_on(connect(&url));
            Database { url, client }
        };
        let (source, target) = (open("source"), open("target"));
        Self { folder: tempfile::tempdir().unwrap(), runtime, admin, name, source, target }
    }

    pub fn source(&self, sql: &str) {
        self.runtime.block_on(self.source.client.batch_execute(sql)).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub fn target(&self, sql: &str) {
        self.runtime.block_on(self.target.client.batch_execute(sql)).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Runs on both databases.
    pub fn both(&self, sql: &str) {
        self.source(sql);
        self.target(sql);
    }

    /// The only value of the only row, as text.
    pub fn source_value(&self, sql: &str) -> String {
        self.value(&self.source.client, sql)
    }

    pub fn target_value(&self, sql: &str) -> String {
        self.value(&self.target.client, sql)
    }

    fn value(&self, client: &Client, sql: &str) -> String {
        let row = self.rows(client, sql).into_iter().next();
        row.map(|row| row[0].clone().unwrap_or_else(|| "NULL".to_owned())).unwrap_or_default()
    }

    /// All rows as text, NULL as `None`; several statements give the rows of all.
    pub fn source_rows(&self, sql: &str) -> Vec<Cells> {
        self.rows(&self.source.client, sql)
    }

    pub fn target_rows(&self, sql: &str) -> Vec<Cells> {
        self.rows(&self.target.client, sql)
    }

    fn rows(&self, client: &Client, sql: &str) -> Vec<Cells> {
        let messages =
            self.runtime.block_on(client.simple_query(sql)).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let row = |message: &tokio_postgres::SimpleQueryMessage| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect())
            }
            _ => None,
        };
        messages.iter().filter_map(row).collect()
    }

    /// A digest of all rows of a table, in key order.
    pub fn digest(&self, sql_table: &str) -> (String, String) {
        let sql = format!(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {sql_table} t"
        );
        (self.source_value(&sql), self.target_value(&sql))
    }

    /// Asserts that a table holds the same rows on both sides; gives the number of rows.
    pub fn assert_same(&self, table: &str) -> u64 {
        let (source, target) = self.digest(table);
        assert_eq!(source, target, "{table} differs between the sides");
        source.split(' ').next().unwrap().parse().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `sync.yaml`: source and target are the two databases unless `sides` says otherwise.
    pub fn sync(&self, rest: &str) {
        let sides = format!(
            "source: {{ type: postgres, url: \"{}\" }}\ntarget: {{ type: postgres, url: \"{}\" }}\n",
            self.source.url, self.target.url
        );
        self.write_sync(&sides, rest);
    }

    /// As `sync`, with another target.
    pub fn sync_to(&self, target: &str, rest: &str) {
        let sides = format!("source: {{ type: postgres, url: \"{}\" }}\ntarget: {target}\n", self.source.url);
        self.write_sync(&sides, rest);
    }

    fn write_sync(&self, sides: &str, rest: &str) {
        fs::write(self.path("sync.yaml"), format!("name: flow\n{sides}{rest}")).unwrap();
    }

    /// Writes a sync file of any name over any two sides.
    pub fn write_file(&self, name: &str, source: &str, target: &str, rest: &str) {
        fs::write(self.path(name), format!("source: {source}\ntarget: {target}\n{rest}")).unwrap();
    }

    /// A command of the binary in the test's folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinksync"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// `pinksync run sync.yaml`, which must exit with `code`; its report.
    #[track_caller]
    pub fn session(&self, code: i32) -> Report {
        self.session_of("sync.yaml", code)
    }

    #[track_caller]
    pub fn session_of(&self, file: &str, code: i32) -> Report {
        self.session_with(&["run", file, "--yes", "-o", "json"], code)
    }

    /// A `run` with arguments of its own.
    #[track_caller]
    pub fn session_with(&self, arguments: &[&str], code: i32) -> Report {
        let ran = self.run(arguments);
        ran.expect(code);
        Report(serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout)))
    }

    /// What a listing prints as JSON, a value per line.
    #[track_caller]
    pub fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let ran = self.run(arguments);
        ran.expect(0);
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        for side in ["source", "target"] {
            let sql = format!("DROP DATABASE IF EXISTS {}_{side} WITH (FORCE)", self.name);
            if let Err(error) = self.runtime.block_on(self.admin.batch_execute(&sql)) {
                eprintln!("{sql}: {error}");
            }
        }
    }
}

/// What a finished command left.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn expect(&self, code: i32) {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
    }
}

/// A session's report.
pub struct Report(pub Value);

impl Report {
    /// A counter of the first dataset by its path, like `to_target.created`.
    #[track_caller]
    pub fn count(&self, path: &str) -> u64 {
        self.count_of(0, path)
    }

    #[track_caller]
    pub fn count_of(&self, dataset: usize, path: &str) -> u64 {
        let mut at = &self.0["datasets"][dataset];
        for part in path.split('.') {
            at = &at[part];
        }
        at.as_u64().unwrap_or_else(|| panic!("no counter {path} in {}", self.0))
    }

    /// Sum of a counter over all datasets.
    pub fn total(&self, path: &str) -> u64 {
        (0..self.0["datasets"].as_array().unwrap().len()).map(|dataset| self.count_of(dataset, path)).sum()
    }

    /// All that was written on both sides.
    pub fn written(&self) -> u64 {
        let counters = ["created", "updated", "deleted"];
        counters
            .iter()
            .map(|name| self.total(&format!("to_target.{name}")) + self.total(&format!("to_source.{name}")))
            .sum()
    }

    /// Asserts several counters of the first dataset at once.
    #[track_caller]
    pub fn counts(&self, expected: &[(&str, u64)]) {
        for (path, count) in expected {
            assert_eq!(self.count(path), *count, "{path} in {}", self.0);
        }
    }
}

/// Most memory that a process had, in bytes, as long as it lives.
pub fn peak_memory(process: &Path) -> Option<u64> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
