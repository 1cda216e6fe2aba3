//! Where a database file lies: the settings' path made absolute and free of links.

use std::path::{Path, PathBuf};

use pinksync_engine::{Error, ErrorKind, Result};
use pinksync_model::SqliteSettings;

/// The canonical path of the database file. The file itself may be missing (a target that is still to be created);
/// relative paths are relative to `base_folder`, the sync file's folder.
///
/// # Errors
/// `Definition` if the path is empty or a folder, `Unreachable` if the folder it names is missing.
pub fn locate(settings: &SqliteSettings, base_folder: &Path) -> Result<PathBuf> {
    let joined = base_folder.join(&settings.path);
    let refuse = |kind, message: String, remedy: &str| Error::new(kind, OPERATION, message).with_remedy(remedy);
    if settings.path.is_empty() || joined.is_dir() {
        let message = format!("{} is a folder, not a database file", joined.display());
        return Err(refuse(ErrorKind::Definition, message, "let `path` name the SQLite file itself"));
    }
    if let Ok(path) = joined.canonicalize() {
        return Ok(path);
    }
    let missing = || {
        let message = format!("the folder of {} does not exist", joined.display());
        refuse(ErrorKind::Unreachable, message, "check `path`; relative paths are relative to the sync file")
    };
    let name = joined.file_name().ok_or_else(missing)?;
    let folder = match joined.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Err(missing()),
    };
    Ok(folder.canonicalize().map_err(|error| missing().with_source(error))?.join(name))
}

const OPERATION: &str = "find the SQLite database";

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(path: &str) -> SqliteSettings {
        SqliteSettings { path: path.to_owned() }
    }

    #[test]
    fn links_and_dots_lead_to_one_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.db"), "").unwrap();
        std::os::unix::fs::symlink("a.db", folder.path().join("b.db")).unwrap();
        let a = locate(&settings("a.db"), folder.path()).unwrap();
        assert_eq!(a, locate(&settings("./b.db"), folder.path()).unwrap());
        assert!(a.is_absolute());
    }

    #[test]
    fn a_missing_file_is_located_and_a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(locate(&settings("new.db"), folder.path()).unwrap().ends_with("new.db"));
        let missing = locate(&settings("no/new.db"), folder.path()).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Unreachable);
        assert_eq!(locate(&settings("."), folder.path()).unwrap_err().kind(), ErrorKind::Definition);
    }
}
