//! The two sides of sessions at work, opened once per session and worker, and kept a while for its other segments.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pinksync_common::ids::{SessionId, SyncId, TaskId, WorkerId};
use pinksync_engine::connector::System;
use pinksync_engine::pair::Pair;
use pinksync_model::SyncDefinition;
use tokio::sync::Mutex as AsyncMutex;

/// How long the sides of a session stay open that no task of this worker uses.
const KEPT: Duration = Duration::from_secs(30);

/// Both sides of a session.
pub struct Sides {
    pub definition: Arc<SyncDefinition>,
    pub source: Arc<dyn System>,
    pub target: Arc<dyn System>,
    /// The pair whose segments are shared, with the task that shared them; opened by whichever task needs it first. Segments
    /// of another task, as after a pause, are over another staging and another plan.
    pub shared: AsyncMutex<Option<(TaskId, Arc<Pair>)>>,
}

/// The sides of sessions that this worker has open.
#[derive(Default)]
pub struct Systems(Mutex<HashMap<SessionId, (Instant, Arc<Sides>)>>);

impl Systems {
    /// The sides of a session, where they are open.
    pub fn get(&self, session: SessionId) -> Option<Arc<Sides>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.get_mut(&session).map(|(used, sides)| {
            *used = Instant::now();
            Arc::clone(sides)
        })
    }

    /// Keeps sides that were opened.
    pub fn put(&self, session: SessionId, sides: Arc<Sides>) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(session, (Instant::now(), sides));
    }

    /// Closes those that no task has used for a while.
    pub fn close_idle(&self) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (used, sides)| used.elapsed() < KEPT || Arc::strong_count(sides) > 1);
    }

    /// Closes those of a session that has ended.
    pub fn forget(&self, session: SessionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
    }
}

/// What all connections of this service for a sync are called on the systems, up to the worker's part. Systems cut names at
/// 63 bytes; the random parts of the ids tell them apart.
pub fn names_of(sync: SyncId) -> String {
    format!("pinksync:{:016x}:", tail(sync.0))
}

/// What a worker's connections for a sync are called.
pub fn name_of(sync: SyncId, worker: WorkerId) -> String {
    format!("{}{:016x}", names_of(sync), tail(worker.0))
}

fn tail(id: uuid::Uuid) -> u64 {
    id.as_u64_pair().1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_begins_with_what_all_workers_share() {
        let (sync, worker) = (SyncId::new(), WorkerId::new());
        let name = name_of(sync, worker);
        assert!(name.len() < 63 && name.starts_with(&names_of(sync)), "{name}");
        assert_ne!(name, name_of(sync, WorkerId::new()));
        assert_ne!(names_of(sync), names_of(SyncId::new()));
    }
}
