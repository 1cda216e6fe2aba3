//! The homes' suite against a home in memory.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pinksync_engine::conformance::home::{self, Homes};
use pinksync_engine::home::Home;
use pinksync_engine::memory::MemoryHome;

/// Homes by the address at which the suite uses them.
#[derive(Default)]
struct MemoryHomes(Mutex<HashMap<usize, MemoryHome>>);

impl MemoryHomes {
    fn hand_out(&self, home: MemoryHome) -> Arc<dyn Home> {
        let handed = home.side();
        self.0.lock().unwrap().insert(address(&handed), home);
        handed
    }
}

fn address(home: &Arc<dyn Home>) -> usize {
    Arc::as_ptr(home).cast::<()>().addr()
}

#[async_trait]
impl Homes for MemoryHomes {
    async fn fresh(&self) -> Arc<dyn Home> {
        self.hand_out(MemoryHome::new())
    }

    async fn reopen(&self, home: Arc<dyn Home>) -> Arc<dyn Home> {
        let held = self.0.lock().unwrap().remove(&address(&home)).unwrap();
        drop(home);
        self.hand_out(held.fork())
    }
}

#[tokio::test]
async fn a_home_in_memory_passes_the_suite() {
    home::all(&MemoryHomes::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_in_memory_passes_the_suite_on_several_threads() {
    home::all(&MemoryHomes::default()).await;
}
