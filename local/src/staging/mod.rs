//! Staged runs: rows that come in any order, sorted on disk in bounded memory and read in key order.
//!
//! [`writer`] collects rows in an [`arena`], sorts and spills them; [`merge`] joins what was spilled into one
//! sorted [`file`]; [`run`] reads that. All of it lies in a folder beside the state file and never outlives the process.

mod arena;
mod cursor;
mod error;
mod file;
mod folder;
mod merge;
mod run;
mod spill;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pinksync_engine::Result;
use pinksync_engine::row::SideSpec;
use pinksync_model::Side;

use folder::Folder;
use writer::Writer;

/// The place for staged runs of one state file, and the run that stands for each dataset and side.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    begun: AtomicU64,
    current: Mutex<HashMap<(String, Side), Weak<Folder>>>,
}

impl Staging {
    /// The folder beside a state file; it is made when a run begins.
    pub(crate) fn beside(state_file: &Path) -> Self {
        let mut name = state_file.as_os_str().to_owned();
        name.push(".staging");
        Self { path: name.into(), begun: AtomicU64::new(0), current: Mutex::default() }
    }

    /// Removes what a dead process left. Only for who holds the lock of the state file.
    pub(crate) fn clear(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error::storage(&self.path, error)),
            _ => Ok(()),
        }
    }

    /// Begins a run; an earlier one of the same dataset and side is dropped.
    pub(crate) fn begin(&self, dataset: &str, side: Side, spec: Arc<SideSpec>) -> Result<Writer> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (dataset.to_owned(), side);
        if let Some(earlier) = current.remove(&place).and_then(|earlier| earlier.upgrade()) {
            earlier.remove();
        }
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let folder = Arc::new(Folder::create(&self.path, number)?);
        current.insert(place, Arc::downgrade(&folder));
        Ok(Writer::new(dataset, spec, folder))
    }
}

#[cfg(test)]
mod tests;
