//! Takes rows of a staged side: fills one arena while another is sorted and written in the background.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::home::{Run, RunWriter};
use pinksync_engine::row::SideSpec;
use pinksync_engine::{Error, ErrorKind, Result, Row};
use tokio::task::{JoinHandle, spawn_blocking};

use super::arena::Arena;
use super::error::OPERATION;
use super::folder::Folder;
use super::run::StagedRun;
use super::spill::Spill;

pub(crate) struct Writer {
    dataset: String,
    spec: Arc<SideSpec>,
    filling: Arena,
    background: Background,
}

/// What is not being filled: at rest, or being worked on.
enum Background {
    Idle(Box<(Spill, Arena)>),
    Busy(JoinHandle<Result<(Spill, Arena)>>),
    /// An error was given out, or the work was dropped while it was waited for.
    Broken,
}

impl Writer {
    pub(crate) fn new(dataset: &str, spec: Arc<SideSpec>, folder: Arc<Folder>) -> Self {
        Self::with_arenas(dataset, spec, folder, Arena::default)
    }

    pub(crate) fn with_arenas(dataset: &str, spec: Arc<SideSpec>, folder: Arc<Folder>, arena: fn() -> Arena) -> Self {
        let background = Background::Idle(Box::new((Spill::new(folder), arena())));
        Self { dataset: dataset.to_owned(), spec, filling: arena(), background }
    }

    async fn idle(&mut self) -> Result<(Spill, Arena)> {
        match std::mem::replace(&mut self.background, Background::Broken) {
            Background::Idle(idle) => Ok(*idle),
            Background::Busy(busy) => busy.await.map_err(interrupted)?,
            Background::Broken => Err(Error::new(ErrorKind::Other, OPERATION, "it broke off before")),
        }
    }

    /// Hands the full arena to the background and goes on with the other one.
    async fn swap(&mut self) -> Result<()> {
        let (mut spill, empty) = self.idle().await?;
        let mut full = std::mem::replace(&mut self.filling, empty);
        self.background = Background::Busy(spawn_blocking(move || {
            spill.write(&mut full)?;
            Ok((spill, full))
        }));
        Ok(())
    }
}

#[async_trait]
impl RunWriter for Writer {
    async fn push(&mut self, rows: Vec<Row>) -> Result<()> {
        for row in &rows {
            self.filling.push(row);
            if self.filling.is_full() {
                self.swap().await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Arc<dyn Run>> {
        let (mut spill, spare) = self.idle().await?;
        drop(spare);
        let Self { dataset, spec, mut filling, .. } = *self;
        let work = move || {
            spill.write(&mut filling)?;
            drop(filling);
            spill.finish(&dataset)
        };
        let file = spawn_blocking(work).await.map_err(interrupted)??;
        Ok(Arc::new(StagedRun::new(spec, file)))
    }
}

fn interrupted(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Other, OPERATION, "sorting was broken off").with_source(error)
}
