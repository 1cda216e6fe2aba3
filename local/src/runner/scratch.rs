//! A folder for as long as something looks at a sync that has no state yet.

use std::path::{Path, PathBuf};

use pinksync_engine::{Error, ErrorKind};

/// Removed with everything in it when dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Self, Error> {
        let path = std::env::temp_dir().join(format!("pinksync-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&path).map_err(|error| {
            let message = format!("the folder {} cannot be made: {error}", path.display());
            let made = Error::new(ErrorKind::Storage, "look at the systems", message).with_source(error);
            made.with_remedy("free some space there, or name another place with the variable TMPDIR")
        })?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
