//! A child process of the binary: its log kept in a file, and ended by its pid when it is dropped.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use pinksync_test_support::eventually;

/// How much of the log a failed test shows.
const LAST_LINES: usize = 40;

pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts a command; what it prints goes into a file.
    pub fn start(mut command: Command, name: String, log: PathBuf) -> Self {
        let out = File::create(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        Self { child, name, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Where it says that it listens, once it has; health alone, where it serves nothing else.
    pub fn base(&self) -> Option<String> {
        let log = self.log();
        let address = log.split_once("address=")?.1.split_whitespace().next()?;
        Some(format!("http://{address}"))
    }

    /// `kill -9`, and nothing of it is left.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP, and all its threads stand still.
    pub async fn freeze(&self) {
        self.signal("STOP");
        eventually(async || self.threads_stand_still()).await;
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    pub async fn ended(&mut self) -> ExitStatus {
        eventually(async || self.child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap()
    }

    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(status.success(), "{} cannot be sent {name}", self.name);
    }

    fn threads_stand_still(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        threads.flatten().all(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.runs() {
            self.kill();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
            eprintln!("--- the last of {} ({})\n{}", self.name, self.pid(), last.join("\n"));
        }
    }
}
