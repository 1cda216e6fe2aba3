//! Errors of staging: the disk, damaged files, keys that occur twice.

use std::io;
use std::path::Path;

use pinksync_engine::{Error, ErrorKind};

pub(crate) const OPERATION: &str = "stage a side";

/// A failure of the disk under a staged file or its folder.
pub(crate) fn storage(path: &Path, error: io::Error) -> Error {
    use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let (what, remedy) = match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => {
            ("no space is left", "free some space on the disk of the state file, and run again")
        }
        PermissionDenied | ReadOnlyFilesystem => {
            ("it cannot be written", "check that you may write to this folder, or name another place with --state")
        }
        _ => ("the disk failed", "check the disk and the folder, then run again"),
    };
    Error::new(ErrorKind::Storage, OPERATION, format!("{}: {what}: {error}", path.display()))
        .with_remedy(remedy)
        .with_source(error)
}

/// A staged file that does not hold what was written.
pub(crate) fn damaged(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Data, OPERATION, format!("the staged file {} is damaged: {what}", path.display()))
        .with_remedy("check the disk, then run again: the side is then read anew")
}
