//! Why a sync file could not be carried out.

use std::path::{Path, PathBuf};

use pinksync_engine::Error;
use pinksync_model::Mistakes;

use crate::StateError;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file itself cannot be read.
    #[error("the sync file {} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// What stands in it is wrong; all mistakes at once.
    #[error("the sync file {} has {}", path.display(), mistakes_in_words(mistakes.0.len()))]
    Invalid { path: PathBuf, mistakes: Mistakes },
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Engine(#[from] Error),
    /// It would be wrong as things stand.
    #[error("{message}")]
    Refused { message: String, remedy: String },
}

impl RunError {
    pub(super) fn refused(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), remedy: remedy.into() }
    }

    pub(super) fn unreadable(path: &Path, source: std::io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }
}

fn mistakes_in_words(count: usize) -> String {
    if count == 1 { "a mistake".to_owned() } else { format!("{count} mistakes") }
}
