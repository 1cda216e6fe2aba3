//! A folder for as long as something looks at a sync that has no state yet.

use std::path::Path;

use pinksync_engine::{Error, ErrorKind};
use tempfile::TempDir;

/// Removed with everything in it when dropped. Nobody else may look into it: records are staged there.
#[derive(Debug)]
pub(super) struct Scratch(TempDir);

impl Scratch {
    pub(super) fn new() -> Result<Self, Error> {
        let mut folder = tempfile::Builder::new();
        #[cfg(unix)]
        folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        folder.prefix("pinksync-").tempdir().map(Self).map_err(|error| {
            let message = format!("no folder can be made in {}: {error}", std::env::temp_dir().display());
            let made = Error::new(ErrorKind::Storage, "look at the systems", message).with_source(error);
            made.with_remedy("free some space there, or name another place with the variable TMPDIR")
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::Scratch;

    #[test]
    fn nobody_else_may_look_into_it_and_it_vanishes() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(scratch);
        assert!(!path.exists());
    }
}
