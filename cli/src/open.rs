//! From the path of a sync file to what a session needs: the file read, both systems and the state opened.

use std::path::Path;
use std::sync::Arc;

use pinksync_connectors::origin::Origin;
use pinksync_connectors::registry;
use pinksync_engine::session::{Observer, Stop};
use pinksync_local::runner::{Local, Settings, SyncFile, Systems};

use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::signals;

/// What the systems are told as the name of who connects.
const APPLICATION: &str = "pinksync";

/// A sync at hand, with progress shown and signals heeded for as long as this lives.
pub struct Opened {
    pub local: Local,
    pub progress: Progress,
}

/// For sessions: nobody else has the state until this is dropped.
pub async fn to_write(file: &Path, context: &Context, workers: Option<usize>) -> Result<Opened, Failure> {
    open(file, context, workers, Local::open).await
}

/// For looking: a sync without a state is looked at as one that has never run.
pub async fn to_look(file: &Path, context: &Context) -> Result<Opened, Failure> {
    open(file, context, None, Local::open_to_look).await
}

pub fn read(file: &Path) -> Result<SyncFile, Failure> {
    Ok(SyncFile::read(file, &environment)?)
}

/// A variable of the environment; one that is not Unicode counts as not set.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub async fn systems(file: &SyncFile) -> Result<Systems, Failure> {
    let definition = file.definition();
    Ok(Systems {
        source: registry::open(&definition.source, &Origin::new(file.folder(), APPLICATION)).await?,
        target: registry::open(&definition.target, &Origin::new(file.folder(), APPLICATION)).await?,
    })
}

type Opening = fn(SyncFile, Systems, Settings) -> Result<Local, pinksync_local::runner::RunError>;

async fn open(file: &Path, context: &Context, workers: Option<usize>, how: Opening) -> Result<Opened, Failure> {
    let file = read(file)?;
    let systems = systems(&file).await?;
    let stop = Stop::default();
    let progress = Progress::start(context);
    let settings = Settings {
        state: context.global.state.clone(),
        workers: workers.unwrap_or_else(usual_workers),
        observer: Arc::clone(progress.board()) as Arc<dyn Observer>,
        stop: stop.clone(),
    };
    let local = how(file, systems, settings)?;
    signals::stop_on_signals(&stop)?;
    Ok(Opened { local, progress })
}

/// Segments at once: two per core, so that one computes while another waits for a server; within what a database is
/// used to from one program.
fn usual_workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).saturating_mul(2).clamp(4, 8)
}
