//! From where a system is opened, and what for: the file system, networks and limits around a connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pinksync_engine::Result;

/// What a connection reaches for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Hosts with their ports.
    pub hosts: Vec<(String, u16)>,
    /// Files and folders that are read or written.
    pub files: Vec<PathBuf>,
}

/// Says whether a file may be used, and gives its path with the links followed. Asked of every file that is found below a
/// folder, too: a link there may lead anywhere.
pub type Permit = Arc<dyn Fn(&Path) -> Result<PathBuf> + Send + Sync>;

/// From where a system is opened.
#[derive(Clone)]
pub struct Origin<'a> {
    /// What relative paths are relative to: the sync file's folder.
    pub base_folder: &'a Path,
    /// What servers are told as the name of who connects.
    pub application: &'a str,
    /// Where hosts are connected to, instead of asking for their names again. Hosts that are not in it are looked up.
    pub addresses: HashMap<String, IpAddr>,
    /// A server ends a transaction in which nothing happened for so long: whoever began it may stand still, and others wait
    /// for its locks.
    pub idle_limit: Duration,
    pub permit: Permit,
}

/// The idle limit of a process that nobody takes over from.
const IDLE_LIMIT: Duration = Duration::from_secs(600);

impl<'a> Origin<'a> {
    /// Hosts are looked up by their names, and every file may be used.
    pub fn new(base_folder: &'a Path, application: &'a str) -> Self {
        let permit: Permit = Arc::new(|path| Ok(path.to_owned()));
        Self { base_folder, application, addresses: HashMap::new(), idle_limit: IDLE_LIMIT, permit }
    }
}

impl Reach {
    pub(crate) fn file(base_folder: &Path, path: &str) -> Self {
        Self { files: vec![base_folder.join(path)], ..Self::default() }
    }
}
