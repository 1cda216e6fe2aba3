//! A folder of a test's own, what lies in it, and the binary run there.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

/// Most time that something which is waited for may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Place {
    folder: TempDir,
}

/// A run of the binary that has ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// `people.csv` and `shop.db` with the same 25 people, and a sync file over both with these lines added.
    pub fn with_people(settings: &str, dataset: &str) -> Self {
        let place = Self::new();
        place.write("people.csv", &people(25));
        place.sql("shop.db", PEOPLE_TABLE);
        for id in 1..=25 {
            place.sql("shop.db", &format!("INSERT INTO people VALUES ({id}, 'name {id}', 'city {id}', '{TIME}')"));
        }
        place.sync(settings, dataset);
        place
    }

    /// Writes `sync.yaml` from `people.csv` to the table `people` of `shop.db`.
    pub fn sync(&self, settings: &str, dataset: &str) {
        self.write("sync.yaml", &sync_text(settings, "shop.db", dataset));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces a text that stands in a file.
    pub fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "{name} has no {old:?}:\n{text}");
        self.write(name, &text.replace(old, new));
    }

    pub fn database(&self, name: &str) -> Connection {
        Connection::open(self.path(name)).unwrap()
    }

    pub fn sql(&self, name: &str, sql: &str) {
        self.database(name).execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The only value of the only row, as text.
    pub fn value(&self, name: &str, sql: &str) -> String {
        let text = format!("SELECT CAST(({sql}) AS TEXT)");
        let value: Option<String> = self.database(name).query_row(&text, [], |row| row.get(0)).unwrap();
        value.unwrap_or_else(|| "NULL".to_owned())
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinksync"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["PINKSYNC_LOG", "NO_COLOR", "RUST_LOG"] {
            command.env_remove(name);
        }
        command
    }

    pub fn pinksync(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// The binary where no file may grow beyond a limit: as on a disk that is full.
    pub fn limited(&self, kilobytes: u32, arguments: &[&str]) -> Command {
        let script = format!("ulimit -f {kilobytes}; exec \"$0\" \"$@\"");
        let mut command = Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_pinksync")]).args(arguments);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// The binary on a terminal of its own, which types what stands in stdin.
    pub fn terminal(&self, command: &str) -> Command {
        let mut script = Command::new("script");
        let line = format!("{} {command}", env!("CARGO_BIN_EXE_pinksync"));
        script.args(["-qec", &line, "/dev/null"]).current_dir(self.folder.path()).stdin(Stdio::null());
        script.env("TERM", "xterm");
        script
    }

    /// The command must end with this code; gives what it printed.
    pub fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.pinksync(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:#?}");
        ran
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until the sync has a session in progress.
    pub fn wait_for_session(&self) -> String {
        until("a session in progress", || {
            let sessions = self.pinksync(&["sessions", "sync.yaml", "-o", "json"]).lines();
            let found = sessions.iter().find(|session| session["status"] == "in_progress");
            found.map(|session| session["id"].as_str().unwrap().to_owned())
        })
    }
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ran =
            Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!ran.stderr.contains("panicked"), "{ran:#?}");
        ran
    }

    /// The one object that was printed.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// One object per line.
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        self.stdout.lines().map(parse).collect()
    }

    /// Everything that was said.
    pub fn said(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

pub const TIME: &str = "2026-01-01 00:00:00";

pub const PEOPLE_TABLE: &str = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, city TEXT, updated_at TEXT)";

/// A CSV file of people with the ids from 1.
pub fn people(count: u32) -> String {
    let mut text = "id,name,city,updated_at\n".to_owned();
    for id in 1..=count {
        text.push_str(&format!("{id},name {id},city {id},{TIME}\n"));
    }
    text
}

/// A sync file from `people.csv` to `people` of a SQLite file. `settings`: lines before the sides; `dataset`: lines of
/// the only dataset.
pub fn sync_text(settings: &str, database: &str, dataset: &str) -> String {
    let dataset: String = dataset.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "{settings}\nsource: {{type: csv, path: .}}\ntarget: {{type: sqlite, path: {database}}}\ndatasets:\n  \
         - source: people.csv\n    target: people\n    types: {{updated_at: timestamp}}\n{dataset}"
    )
}

pub const ONE_WAY: &str = "strategy: source_wins";
pub const TWO_WAY: &str = "direction: two_way\nstrategy: newest_wins";
pub const MANUAL: &str = "direction: two_way\nstrategy: manual";
pub const KEY: &str = "key: [id]\nmodified_at: updated_at";

/// Asks again and again until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}
