//! A sync file carried out in this process: its systems opened, its state at hand, its sessions begun and ended.
//!
//! [`SyncFile`] is what was read, [`Local`] what is open; [`Local::begin`] and [`Local::run`] are a session.

mod begin;
mod end;
mod error;
mod file;
mod left_alone;
mod names;
mod resolve;
mod scratch;
mod survey;
mod undo;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinksync_engine::connector::System;
use pinksync_engine::home::Home;
use pinksync_engine::pace;
use pinksync_engine::saved_plan::SavedPlan;
use pinksync_engine::segment::Limits;
use pinksync_engine::session::{Observer, Session, Stop};
use pinksync_model::{GuardName, SessionId};

use crate::StateFile;
use scratch::Scratch;

pub use begin::Begun;
pub use end::{Ended, report_of};
pub use error::RunError;
pub use file::{SyncFile, check, state_path};
pub use names::{Names, source_name};
pub use resolve::RESOLVE;

/// How a caller wants sessions to go.
pub struct Settings {
    /// Where the state lies; the usual place beside the sync file if `None`.
    pub state: Option<PathBuf>,
    /// Segments worked on at once.
    pub workers: usize,
    pub observer: Arc<dyn Observer>,
    pub stop: Stop,
}

/// Both sides, opened.
pub struct Systems {
    pub source: Arc<dyn System>,
    pub target: Arc<dyn System>,
}

impl Systems {
    /// Each side under a limit of its own.
    fn limited(self, records_per_second: u32) -> Self {
        let limit = |side| pace::limit(side, records_per_second);
        Self { source: limit(self.source), target: limit(self.target) }
    }
}

/// A sync file with its systems and its state.
pub struct Local {
    file: SyncFile,
    settings: Settings,
    systems: Systems,
    state: Arc<StateFile>,
    /// Dropped after the state that lies in it.
    _scratch: Option<Scratch>,
}

impl Local {
    /// Opens the state for sessions, and makes it where there is none. Nobody else has it until this is dropped.
    pub fn open(file: SyncFile, systems: Systems, settings: Settings) -> Result<Self, RunError> {
        let path = settings.state.clone().unwrap_or_else(|| state_path(file.path()));
        Self::over(file, systems, settings, path, None)
    }

    /// Opens the state for looking at the systems without writing to them. Where there is no state, an empty one that
    /// vanishes again stands for it.
    pub fn open_to_look(file: SyncFile, systems: Systems, settings: Settings) -> Result<Self, RunError> {
        let path = settings.state.clone().unwrap_or_else(|| state_path(file.path()));
        if path.try_exists().unwrap_or(true) {
            return Self::over(file, systems, settings, path, None);
        }
        let scratch = Scratch::new()?;
        let path = scratch.path().join("state.db");
        Self::over(file, systems, settings, path, Some(scratch))
    }

    fn over(
        file: SyncFile,
        systems: Systems,
        settings: Settings,
        state: PathBuf,
        scratch: Option<Scratch>,
    ) -> Result<Self, RunError> {
        let state = StateFile::open(&state)?;
        let systems = match file.definition().options.records_per_second {
            Some(limit) => systems.limited(limit),
            None => systems,
        };
        Ok(Self { file, settings, systems, state, _scratch: scratch })
    }

    pub fn file(&self) -> &SyncFile {
        &self.file
    }

    pub fn state(&self) -> &StateFile {
        &self.state
    }

    fn session(&self, id: SessionId, allowed: BTreeSet<GuardName>, plan: Option<Arc<SavedPlan>>) -> Session {
        Session {
            id,
            definition: Arc::clone(self.file.definition()),
            source: Arc::clone(&self.systems.source),
            target: Arc::clone(&self.systems.target),
            home: Arc::clone(&self.state) as Arc<dyn Home>,
            allowed,
            workers: self.settings.workers,
            limits: Limits::default(),
            observer: Arc::clone(&self.settings.observer),
            stop: self.settings.stop.clone(),
            plan,
        }
    }

    /// Beside the state file, with another ending.
    fn beside_state(&self, ending: &str) -> PathBuf {
        beside(self.state.path(), ending)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
