//! CSV files, plain or compressed: read in one pass, rewritten beside and swapped in.
//!
//! A rewritten file keeps every byte that no change names: other records and their order, blank lines, the fields of a
//! changed record that were not changed, the quotes of those that were, and whether the last line has an ending. New records
//! come last, in key order, quoted only where they must be. So an undo gives back the bytes where records were added or
//! texts changed; a record that it brings back stands at the end and may have lost quotes that it did not need.

mod changes;
mod check;
mod client;
mod config;
mod error;
mod files;
mod output;
mod pairs;
mod publish;
mod read;
mod records;
mod schema;
mod transaction;
mod types;
mod write;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use pinksync_engine::connector::{Capabilities, CheckStep, Chunk, Dataset, Guard, Purpose, System, Transaction};
use pinksync_engine::key::Key;
use pinksync_engine::naming::Naming;
use pinksync_engine::row::SideSpec;
use pinksync_engine::schema::DatasetSchema;
use pinksync_engine::{Error, ErrorKind, Result};
use pinksync_model::FileSettings;
use tokio::sync::mpsc;

use self::changes::Changes;
use self::client::{DataFile, Place};
use self::config::{Dialect, Root};
use self::files::Files;
use self::read::{Scanned, Source};
use self::transaction::CsvTransaction;
use crate::origin::Origin;

/// A folder of files, or one file.
pub struct Csv {
    files: Arc<Files>,
    dialect: Dialect,
}

impl Csv {
    /// Checks the dialect; opens nothing.
    pub fn open(settings: &FileSettings, origin: &Origin<'_>) -> Result<Arc<dyn System>> {
        let dialect = Dialect::new(&settings.csv)?;
        let files = Files { root: Root::locate(settings, origin.base_folder), permit: origin.permit.clone() };
        Ok(Arc::new(Self { files: Arc::new(files), dialect }))
    }
}

/// Runs `work`, which blocks on files, away from the executor's threads.
async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Error::new(ErrorKind::Other, operation, "the thread that did it was stopped").with_source(error))
        }
    }
}

#[async_trait]
impl System for Csv {
    fn kind(&self) -> &'static str {
        "csv"
    }

    async fn identity(&self) -> Result<String> {
        Ok(self.files.root.path().display().to_string())
    }

    fn naming(&self) -> Naming {
        match &self.files.root {
            Root::File(path) => Naming::One(client::stem(path)),
            Root::Folder(_) => Naming::Files { endings: &client::KNOWN_ENDINGS },
        }
    }

    async fn datasets(&self) -> Result<Vec<String>> {
        let files = self.files.clone();
        blocking("list the files", move || client::names(&files.root)).await
    }

    async fn describe(&self, dataset: &str) -> Result<Option<DatasetSchema>> {
        let (files, dialect, dataset) = (self.files.clone(), self.dialect.clone(), dataset.to_owned());
        blocking("read the header line", move || match files.find(&dataset)? {
            (name, Place::There(path)) => schema::describe(&DataFile::new(&path), &dialect, &name).map(Some),
            (_, Place::Missing(_)) => Ok(None),
        })
        .await
    }

    async fn full_name(&self, dataset: &str) -> Result<String> {
        let (files, dataset) = (self.files.clone(), dataset.to_owned());
        blocking("find the file", move || Ok(files.find(&dataset)?.0)).await
    }

    async fn end_others(&self, _theirs: &str) -> Result<()> {
        let files = self.files.clone();
        blocking("wait for other writers", move || {
            for name in client::names(&files.root)? {
                // What may not be used is replaced by nobody of ours.
                if let Ok((_, Place::There(path))) = files.find(&name) {
                    publish::wait_for_others(&path)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn foresee(&self, schema: &DatasetSchema, _from_kind: &str) -> Result<DatasetSchema> {
        let (files, dialect, schema) = (self.files.clone(), self.dialect.clone(), schema.clone());
        blocking("find the file", move || {
            let (name, Place::There(path) | Place::Missing(path)) = files.find(&schema.name)?;
            client::check_folder(path.parent().unwrap_or(Path::new("/")))?;
            schema::header_line(&schema, &dialect)?;
            let names = schema.columns.into_iter().map(|column| column.name).collect();
            Ok(schema::schema(&name, names, 0, &dialect))
        })
        .await
    }

    async fn create(&self, foreseen: &DatasetSchema) -> Result<()> {
        let (files, dialect, schema) = (self.files.clone(), self.dialect.clone(), foreseen.clone());
        blocking("create the file", move || match files.find(&schema.name)? {
            (_, Place::Missing(path)) => {
                publish::create(&DataFile::new(&path), &schema::header_line(&schema, &dialect)?)
            }
            (_, Place::There(path)) => {
                let message = format!("{} is there already", path.display());
                Err(Error::new(ErrorKind::Definition, "create the file", message)
                    .with_remedy("leave `create_target` out to sync into it"))
            }
        })
        .await
    }

    async fn open(&self, spec: Arc<SideSpec>, _schema: &DatasetSchema) -> Result<Arc<dyn Dataset>> {
        let (files, dialect) = (self.files.clone(), self.dialect.clone());
        blocking("open the file", move || {
            let (Place::There(path) | Place::Missing(path)) = files.find(&spec.dataset)?.1;
            let source = Source { file: DataFile::new(&path), dialect, spec };
            let state = Mutex::new(State { scanned: None, changes: Changes::default() });
            Ok(Arc::new(CsvDataset { shared: Arc::new(Shared { source, state }) }) as Arc<dyn Dataset>)
        })
        .await
    }

    async fn check(&self, purpose: Purpose) -> Vec<CheckStep> {
        let (files, dialect) = (self.files.clone(), self.dialect.clone());
        blocking("check the files", move || Ok(check::steps(&files, &dialect, purpose))).await.unwrap_or_default()
    }
}

/// One file under a mapping.
struct CsvDataset {
    shared: Arc<Shared>,
}

/// What a dataset and its transactions share.
struct Shared {
    source: Source,
    state: Mutex<State>,
}

/// What is known of the file, and what is to be changed in it.
struct State {
    scanned: Option<Arc<Scanned>>,
    changes: Changes,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self) -> Result<()> {
        let mut state = self.state();
        if state.changes.is_empty() && !state.changes.stale {
            return Ok(());
        }
        // Whatever comes of it: neither the changes nor what is known of the old file are of use afterwards.
        let changes = state.changes.clear();
        match state.scanned.take() {
            Some(scanned) if !changes.stale => publish::replace(&self.source.file, &scanned, &changes),
            Some(_) | None => Err(error::moved(&self.source.file.path)),
        }
    }
}

impl State {
    /// Takes note of a new reading. Changes made for another content can never be published.
    fn set_scanned(&mut self, scanned: Scanned) -> Arc<Scanned> {
        let same = self.scanned.as_ref().is_none_or(|old| old.content == scanned.content);
        self.changes.stale |= !same && !self.changes.is_empty();
        let scanned = Arc::new(scanned);
        self.scanned = Some(scanned.clone());
        scanned
    }

    /// What is known of the file; it is read where nothing is.
    fn scanned(&mut self, source: &Source) -> Result<Arc<Scanned>> {
        match &self.scanned {
            Some(scanned) => Ok(scanned.clone()),
            None => Ok(self.set_scanned(source.scan(None)?)),
        }
    }
}

#[async_trait]
impl Dataset for CsvDataset {
    fn capabilities(&self) -> Capabilities {
        Capabilities { publishes: true, ..Capabilities::default() }
    }

    fn spec(&self) -> &Arc<SideSpec> {
        &self.shared.source.spec
    }

    async fn split(&self, _rows: u64) -> Result<Vec<Key>> {
        Err(Error::new(ErrorKind::Other, "split the file", "a file is not in key order"))
    }

    async fn scan(&self, rows: mpsc::Sender<Chunk>) -> Result<()> {
        let shared = self.shared.clone();
        blocking("read the file", move || {
            let mut send = |chunk| {
                rows.blocking_send(chunk).map_err(|_| {
                    Error::new(ErrorKind::Interrupted, "read the file", "nobody takes the records any more")
                })
            };
            let scanned = shared.source.scan(Some(&mut send))?;
            shared.state().set_scanned(scanned);
            Ok(())
        })
        .await
    }

    async fn begin(&self, _guard: Guard) -> Result<Box<dyn Transaction>> {
        let shared = self.shared.clone();
        let transaction = blocking("begin collecting changes", move || Ok(CsvTransaction::begin(shared))).await?;
        Ok(Box::new(transaction))
    }

    async fn publish(&self) -> Result<()> {
        let shared = self.shared.clone();
        blocking("replace the file", move || shared.publish()).await
    }
}
