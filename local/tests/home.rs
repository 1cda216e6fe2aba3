//! The homes' suite over state files.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pinksync_engine::conformance::home::{self, Homes};
use pinksync_engine::home::Home;
use pinksync_local::StateFile;

/// A folder of state files. Which file a home is in is known by its address.
struct Files {
    folder: tempfile::TempDir,
    made: AtomicUsize,
    paths: Mutex<HashMap<usize, PathBuf>>,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), made: AtomicUsize::new(0), paths: Mutex::default() }
    }

    fn open(&self, path: PathBuf) -> Arc<dyn Home> {
        let home: Arc<dyn Home> = StateFile::open(&path).unwrap();
        self.paths.lock().unwrap().insert(address(&home), path);
        home
    }
}

fn address(home: &Arc<dyn Home>) -> usize {
    Arc::as_ptr(home).cast::<()>().addr()
}

#[async_trait]
impl Homes for Files {
    async fn fresh(&self) -> Arc<dyn Home> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.open(self.folder.path().join(format!("{number}.state.db")))
    }

    async fn reopen(&self, home: Arc<dyn Home>) -> Arc<dyn Home> {
        let path = self.paths.lock().unwrap().remove(&address(&home)).unwrap();
        drop(home);
        self.open(path)
    }
}

#[tokio::test]
async fn a_state_file_keeps_the_base() {
    home::base(&Files::new()).await;
}

#[tokio::test]
async fn a_state_file_keeps_the_journal() {
    home::journal(&Files::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_file_settles() {
    home::settle(&Files::new()).await;
}

#[tokio::test]
async fn a_state_file_keeps_conflicts() {
    home::conflicts(&Files::new()).await;
}

#[tokio::test]
async fn a_state_file_keeps_deferred_records() {
    home::deferred(&Files::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_file_stages_runs() {
    home::staging(&Files::new()).await;
}
