//! The homes' suite, with and without a lease.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pinksync_engine::conformance::home::{self, Homes};
use pinksync_engine::home::Home;
use pinksync_worker::home::Scope;

use crate::database::Database;

/// A database whose homes are syncs of one account. Which sync a home is of is known by its address.
struct Syncs {
    database: Database,
    fenced: bool,
    scopes: Mutex<HashMap<usize, Scope>>,
}

impl Syncs {
    async fn new(fenced: bool) -> Self {
        Self { database: Database::new().await, fenced, scopes: Mutex::default() }
    }

    fn open(&self, scope: Scope) -> Arc<dyn Home> {
        let home: Arc<dyn Home> = Arc::new(self.database.home(scope));
        self.scopes.lock().unwrap().insert(address(&home), scope);
        home
    }
}

fn address(home: &Arc<dyn Home>) -> usize {
    Arc::as_ptr(home).cast::<()>().addr()
}

#[async_trait]
impl Homes for Syncs {
    async fn fresh(&self) -> Arc<dyn Home> {
        let scope = self.database.sync().await;
        self.open(if self.fenced { self.database.task(scope).await } else { scope })
    }

    async fn reopen(&self, home: Arc<dyn Home>) -> Arc<dyn Home> {
        let scope = self.scopes.lock().unwrap().remove(&address(&home)).unwrap();
        drop(home);
        self.open(scope)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_base() {
    home::base(&Syncs::new(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_journal() {
    home::journal(&Syncs::new(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_settles() {
    home::settle(&Syncs::new(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_conflicts() {
    home::conflicts(&Syncs::new(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_deferred_records() {
    home::deferred(&Syncs::new(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stages_runs() {
    home::staging(&Syncs::new(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_lease_it_does_all_of_this_too() {
    home::all(&Syncs::new(true).await).await;
}
