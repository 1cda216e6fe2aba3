//! The sync file of a local run: read and checked, and where its state lies.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinksync_model::{Mistakes, SyncDefinition};

use super::error::RunError;

/// A sync file that fits its schema.
#[derive(Debug, Clone)]
pub struct SyncFile {
    path: PathBuf,
    folder: PathBuf,
    definition: Arc<SyncDefinition>,
}

impl SyncFile {
    /// Reads a sync file; `${NAME}` in it is what `environment` gives.
    ///
    /// # Errors
    /// It cannot be read, or it has mistakes: then all of them.
    pub fn read(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, RunError> {
        let definition = SyncDefinition::parse(&text(path)?, environment)
            .map_err(|mistakes| RunError::Invalid { path: path.to_owned(), mistakes })?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self { path: path.to_owned(), folder, definition: Arc::new(definition) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What relative paths in it are relative to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn definition(&self) -> &Arc<SyncDefinition> {
        &self.definition
    }
}

/// Checks a sync file as it will be read elsewhere: variables that are not set here are no mistakes. Gives their names.
pub fn check(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Vec<String>, RunError> {
    let unset = RefCell::new(Vec::<String>::new());
    let asked = |name: &str| {
        let value = environment(name);
        if value.is_none() && !unset.borrow().iter().any(|known| known == name) {
            unset.borrow_mut().push(name.to_owned());
        }
        value
    };
    let Err(Mistakes(mut mistakes)) = SyncDefinition::parse(&text(path)?, &asked) else {
        return Ok(Vec::new());
    };
    let unset = unset.into_inner();
    let only_unset = |message: &str| unset.iter().any(|name| message.contains(&format!("`{name}` is not set")));
    mistakes.retain(|mistake| !only_unset(&mistake.message));
    match mistakes.is_empty() {
        true => Ok(unset),
        false => Err(RunError::Invalid { path: path.to_owned(), mistakes: Mistakes(mistakes) }),
    }
}

/// The usual place of a sync's state: beside its file, `.state.db` in place of the ending.
pub fn state_path(sync_file: &Path) -> PathBuf {
    sync_file.with_extension("state.db")
}

fn text(path: &Path) -> Result<String, RunError> {
    std::fs::read_to_string(path).map_err(|error| RunError::unreadable(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    const SIDES: &str = "source: {type: postgres, url: \"${NO_SUCH_URL}\"}\ntarget: {type: sqlite, path: a.db}\n";

    #[test]
    fn a_check_does_not_need_the_variables_and_finds_other_mistakes() {
        let (_folder, path) = written(&format!("{SIDES}datasets: [\"public.*\"]\n"));
        assert_eq!(check(&path, &|_| None).unwrap(), ["NO_SUCH_URL"]);
        assert!(matches!(SyncFile::read(&path, &|_| None), Err(RunError::Invalid { .. })));
        assert!(check(&path, &|_| Some("postgres://a/b".to_owned())).unwrap().is_empty());
        let (_folder, path) = written(&format!("{SIDES}datasets: []\nwrong: 1\n"));
        let Err(RunError::Invalid { mistakes, .. }) = check(&path, &|_| None) else { panic!("it has mistakes") };
        assert_eq!(mistakes.0.len(), 2, "{mistakes}");
    }

    #[test]
    fn the_state_lies_beside_the_file() {
        assert_eq!(state_path(Path::new("a/sync.yaml")), Path::new("a/sync.state.db"));
        assert_eq!(state_path(Path::new("sync")), Path::new("sync.state.db"));
    }
}
