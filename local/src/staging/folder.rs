//! The folder of one staged run. It goes with the last that uses it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use pinksync_engine::Result;

use super::error::storage;

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: AtomicU64,
}

impl Folder {
    pub(crate) fn create(parent: &Path, number: u64) -> Result<Self> {
        let path = parent.join(number.to_string());
        fs::create_dir_all(&path).map_err(|error| storage(&path, error))?;
        Ok(Self { path, files: AtomicU64::new(0) })
    }

    /// A new file for writing and reading, with its path.
    pub(crate) fn file(&self) -> Result<(PathBuf, File)> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(format!("{number}.rows"));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(|error| storage(&path, error))?;
        Ok((path, file))
    }

    /// Removes the folder with its files; who has one of them open may still read it. What cannot be removed now is
    /// removed when the state file is opened next.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
        if let Some(parent) = self.path.parent() {
            // Fails while other runs are in there, as it should.
            let _ = fs::remove_dir(parent);
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}
