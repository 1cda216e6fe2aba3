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
use self::read::{Scanned, Source};
use self::transaction::CsvTransaction;

/// A folder of files, or one file.
pub struct Csv {
    root: Arc<Root>,
    dialect: Dialect,
}

impl Csv {
    /// Checks the dialect; opens nothing. Relative paths are relative to `base_folder`.
    pub fn open(settings: &FileSettings, base_folder: &Path) -> Result<Arc<dyn System>> {
        let dialect = Dialect::new(&settings.csv)?;
        Ok(Arc::new(Self { root: Arc::new(Root::locate(settings, base_folder)), dialect }))
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
        Ok(self.root.path().display().to_string())
    }

    fn naming(&self) -> Naming {
        match &*self.root {
            Root::File(path) => Naming::One(client::stem(path)),
            Root::Folder(_) => Naming::Files { endings: &client::KNOWN_ENDINGS },
        }
    }

    async fn datasets(&self) -> Result<Vec<String>> {
        let root = self.root.clone();
        blocking("list the files", move || client::names(&root)).await
    }

    async fn describe(&self, dataset: &str) -> Result<Option<DatasetSchema>> {
        let (root, dialect, dataset) = (self.root.clone(), self.dialect.clone(), dataset.to_owned());
        blocking("read the header line", move || match client::find(&root, &dataset)? {
            (name, Place::There(path)) => schema::describe(&DataFile::new(&path), &dialect, &name).map(Some),
            (_, Place::Missing(_)) => Ok(None),
        })
        .await
    }

    async fn full_name(&self, dataset: &str) -> Result<String> {
        let (root, dataset) = (self.root.clone(), dataset.to_owned());
        blocking("find the file", move || Ok(client::find(&root, &dataset)?.0)).await
    }

    async fn end_others(&self, _theirs: &str) -> Result<()> {
        let root = self.root.clone();
        blocking("wait for other writers", move || {
            for name in client::names(&root)? {
                if let (_, Place::There(path)) = client::find(&root, &name)? {
                    publish::wait_for_others(&path)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn foresee(&self, schema: &DatasetSchema, _from_kind: &str) -> Result<DatasetSchema> {
        let (root, dialect, schema) = (self.root.clone(), self.dialect.clone(), schema.clone());
        blocking("find the file", move || {
            let (name, Place::There(path) | Place::Missing(path)) = client::find(&root, &schema.name)?;
            client::check_folder(path.parent().unwrap_or(Path::new("/")))?;
            schema::header_line(&schema, &dialect)?;
            let names = schema.columns.into_iter().map(|column| column.name).collect();
            Ok(schema::schema(&name, names, 0, &dialect))
        })
        .await
    }

    async fn create(&self, foreseen: &DatasetSchema) -> Result<()> {
        let (root, dialect, schema) = (self.root.clone(), self.dialect.clone(), foreseen.clone());
        blocking("create the file", move || match client::find(&root, &schema.name)? {
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
        let (root, dialect) = (self.root.clone(), self.dialect.clone());
        blocking("open the file", move || {
            let (Place::There(path) | Place::Missing(path)) = client::find(&root, &spec.dataset)?.1;
            let source = Source { file: DataFile::new(&path), dialect, spec };
            let state = Mutex::new(State { scanned: None, changes: Changes::default() });
            Ok(Arc::new(CsvDataset { shared: Arc::new(Shared { source, state }) }) as Arc<dyn Dataset>)
        })
        .await
    }

    async fn check(&self, purpose: Purpose) -> Vec<CheckStep> {
        let (root, dialect) = (self.root.clone(), self.dialect.clone());
        blocking("check the files", move || Ok(check::steps(&root, &dialect, purpose))).await.unwrap_or_default()
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
