//! What the operating system's errors mean for a file.

use std::io;
use std::path::Path;

use pinksync_engine::{Error, ErrorKind};

/// An error of reading a file.
pub fn reading(path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ErrorKind::Unreachable,
        io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        // What gzip and zstd say of damaged or cut-off files.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ErrorKind::Data,
        _ => storage_or_other(&error),
    };
    build(kind, "read the file", path, error)
}

/// An error of writing a file or into its folder.
pub fn writing(path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied => ErrorKind::Storage,
        _ => storage_or_other(&error),
    };
    build(kind, "write the file", path, error)
}

fn storage_or_other(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Storage,
        // zstd gives its own errors this kind.
        io::ErrorKind::Other => ErrorKind::Data,
        _ => ErrorKind::Other,
    }
}

fn build(kind: ErrorKind, operation: &'static str, path: &Path, error: io::Error) -> Error {
    let result = Error::new(kind, operation, format!("{}: {error}", path.display()));
    match kind {
        ErrorKind::Unreachable => result.with_remedy("check `path` and the dataset's name"),
        ErrorKind::Denied => result.with_remedy("check the rights on the file"),
        ErrorKind::Data => result.with_remedy("the file is damaged or not of the kind its ending says: get it again"),
        ErrorKind::Storage => result.with_remedy("make room on the disk, or make the folder writable"),
        ErrorKind::Definition
        | ErrorKind::Aborted
        | ErrorKind::UnknownOutcome
        | ErrorKind::Moved
        | ErrorKind::Interrupted
        | ErrorKind::Other => result,
    }
    .with_source(error)
}

/// Of temporary files that hold what does not fit into memory.
pub fn spilling(error: io::Error) -> Error {
    Error::new(ErrorKind::Storage, "keep changes in a temporary file", error.to_string())
        .with_remedy("make room in the folder for temporary files (TMPDIR)")
        .with_source(error)
}

/// The file on disk is not the one that was read.
pub fn moved(path: &Path) -> Error {
    Error::new(ErrorKind::Moved, "replace the file", format!("{} was changed by somebody else", path.display()))
        .with_remedy("run again: the file is read anew, and nothing of it was lost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_errors_have_a_kind() {
        let path = Path::new("a.csv");
        for (kind, read, write) in [
            (io::ErrorKind::NotFound, ErrorKind::Unreachable, ErrorKind::Storage),
            (io::ErrorKind::PermissionDenied, ErrorKind::Denied, ErrorKind::Storage),
            (io::ErrorKind::NotADirectory, ErrorKind::Unreachable, ErrorKind::Storage),
            (io::ErrorKind::StorageFull, ErrorKind::Storage, ErrorKind::Storage),
            (io::ErrorKind::ReadOnlyFilesystem, ErrorKind::Storage, ErrorKind::Storage),
            (io::ErrorKind::UnexpectedEof, ErrorKind::Data, ErrorKind::Other),
            (io::ErrorKind::TimedOut, ErrorKind::Other, ErrorKind::Other),
        ] {
            assert_eq!(reading(path, kind.into()).kind(), read, "{kind:?}");
            assert_eq!(writing(path, kind.into()).kind(), write, "{kind:?}");
        }
        assert!(reading(path, io::ErrorKind::NotFound.into()).message().starts_with("a.csv: "));
    }
}
