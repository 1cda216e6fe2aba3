//! What the operator sets: `PINKSYNC_*` variables, or one TOML file (`PINKSYNC_CONFIG`) with the same names in lower case and
//! without the prefix; a variable comes before the file. All mistakes are told at once, each with the way to mend it.

mod parse;
mod read;
mod source;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use pinksync_model::{Mistake, Mistakes, Secret};

use crate::definition::HostPolicy;
use crate::sealing::KeyRing;

/// For what the settings are read: what a process does not need may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Api,
    Worker,
    Scheduler,
    /// All three in one process.
    Up,
    /// Work on the metadata database alone, such as migrations and API keys.
    Database,
    /// Work on the database and on sealed secrets: the rotation of the master key.
    Secrets,
}

/// All settings of a process.
#[derive(Debug, Clone)]
pub struct Settings {
    pub database: DatabaseSettings,
    pub queue: QueueSettings,
    /// What [`Settings::master_keys`] gives out.
    keys: Option<KeyRing>,
    pub api: ApiSettings,
    pub worker: WorkerSettings,
    pub scheduler: SchedulerSettings,
    pub limits: Limits,
    pub access: Access,
    /// Where worker and scheduler answer `/metrics`, `/livez` and `/readyz`.
    pub metrics_listen: SocketAddr,
    pub log: LogSettings,
}

/// The metadata database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSettings {
    pub url: Secret,
    /// PEM file of the authority that signed the server's certificate; without it those of the operating system.
    pub authority: Option<PathBuf>,
    /// Connections at most.
    pub pool: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSettings {
    /// What [`Settings::amqp_url`] gives out.
    url: Option<Secret>,
    /// What the names of queues begin with.
    pub prefix: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSettings {
    pub listen: SocketAddr,
    /// None: plain HTTP, which was asked for by name or stays on loopback.
    pub tls: Option<TlsFiles>,
    /// How clients reach it, without a slash at the end.
    pub public_url: String,
    /// Requests a second of one API key; None: as many as come.
    pub rate_limit: Option<u32>,
    /// Bytes of a request's body at most.
    pub body_limit: usize,
    /// bcrypt's cost of new secrets.
    pub bcrypt_cost: u32,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Tasks at once.
    pub permits: usize,
    /// How long a task is a worker's without a heartbeat.
    pub lease: Duration,
    /// How often leases are extended: at least three times within one.
    pub heartbeat: Duration,
    /// How long running tasks may go on once the worker is told to stop.
    pub grace: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerSettings {
    /// By how many ready and running tasks one more worker is desired.
    pub tasks_per_worker: u32,
}

/// What sessions may take, and how long things are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a session may be in progress; time in pause does not count.
    pub session: Duration,
    /// How long a session may be paused.
    pub pause: Duration,
    /// Sessions in progress of one account.
    pub sessions_per_account: u32,
    /// Tasks at once on one saved connection.
    pub tasks_per_connection: u32,
    /// How long a session's journal is kept, in days.
    pub journal_days: u32,
}

/// What connections may lead to.
#[derive(Debug, Clone)]
pub struct Access {
    /// Folders below which files of connections lie; none: no connection may name a file.
    pub file_roots: Vec<PathBuf>,
    pub hosts: HostPolicy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    pub format: LogFormat,
    /// A level, or directives such as `info,pinksync_worker=debug`.
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Role {
    fn needs_queue(self) -> bool {
        matches!(self, Self::Api | Self::Worker | Self::Scheduler | Self::Up)
    }

    fn needs_master_key(self) -> bool {
        matches!(self, Self::Api | Self::Worker | Self::Up | Self::Secrets)
    }

    fn serves(self) -> bool {
        matches!(self, Self::Api | Self::Up)
    }
}

impl Settings {
    /// Reads this process' own environment, and the file that it names.
    ///
    /// # Errors
    /// All mistakes at once. None of them shows a secret.
    pub fn from_environment(role: Role) -> Result<Self, Mistakes> {
        Self::read(role, std::env::vars_os())
    }

    /// Reads the given variables, and the file that they name.
    ///
    /// # Errors
    /// All mistakes at once. None of them shows a secret.
    pub fn read(role: Role, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Mistakes> {
        let mut source = source::Source::new(variables);
        let settings = read::settings(role, &mut source);
        let mistakes = source.into_mistakes();
        match settings {
            Some(settings) if mistakes.is_empty() => Ok(settings),
            _ => Err(Mistakes(mistakes)),
        }
    }

    /// The broker's URL.
    ///
    /// # Errors
    /// It is not set, and was not needed for the role that the settings were read for.
    pub fn amqp_url(&self) -> Result<&Secret, Mistakes> {
        self.queue.url.as_ref().ok_or_else(|| Mistakes(vec![read::missing_queue()]))
    }

    /// The master keys.
    ///
    /// # Errors
    /// None is set, and none was needed for the role that the settings were read for.
    pub fn master_keys(&self) -> Result<&KeyRing, Mistakes> {
        self.keys.as_ref().ok_or_else(|| Mistakes(vec![read::missing_master_key()]))
    }
}

fn mistake(path: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Mistake {
    Mistake { path: path.into(), message: message.into(), remedy: remedy.into() }
}
