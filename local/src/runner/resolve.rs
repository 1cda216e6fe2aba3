//! A person's decision on a conflict, carried out in a session of its own, so that it can be undone like any other.

use std::collections::BTreeSet;

use pinksync_engine::home::{Home, StoredConflict};
use pinksync_engine::resolve::{self, Resolution};
use pinksync_engine::session::{Ending, Finished};
use pinksync_model::{Choice, Mode, Reason, SessionId, SessionStatus};
use serde_json::{Map, Value};

use super::{Local, RunError};

/// The reason code of sessions that settled a conflict.
pub const RESOLVE: &str = "resolve";

impl Local {
    /// Settles an open conflict. [`Resolution::Moved`]: the record changed since it was found, and nothing was written;
    /// nor was it where a guard tripped.
    pub async fn resolve(
        &self,
        conflict: &StoredConflict,
        choice: Choice,
        value: Option<&Map<String, Value>>,
        decided_by: &str,
    ) -> Result<Resolution, RunError> {
        let id = SessionId::new();
        self.state.begin_session(id, Mode::Sync, None).await?;
        let session = self.session(id, BTreeSet::new(), None);
        let reason = |detail| Some(Reason { code: RESOLVE.to_owned(), detail });
        match resolve::resolve(&session, conflict, choice, value, decided_by).await {
            Ok(Resolution::Done(mut report)) => {
                super::end::name_sides(&mut report, &conflict.dataset);
                report.conflicts.open = self.state.count_open(&conflict.dataset).await?;
                let finished = Finished {
                    ending: Ending::Completed,
                    datasets: vec![report.clone()],
                    guards: Vec::new(),
                    warnings: Vec::new(),
                };
                let detail = format!("conflict {}: {decided_by} took {}", conflict.id, choice.as_str());
                self.close(id, Mode::Sync, Ok(finished), reason(detail)).await?;
                Ok(Resolution::Done(report))
            }
            Ok(Resolution::Guarded(guards)) => {
                let (datasets, warnings) = (Vec::new(), Vec::new());
                let finished = Finished { ending: Ending::Guarded, datasets, guards: guards.clone(), warnings };
                self.close(id, Mode::Sync, Ok(finished), None).await?;
                Ok(Resolution::Guarded(guards))
            }
            Ok(moved @ Resolution::Moved { .. }) => {
                let detail = format!("conflict {}: the record changed since it was found", conflict.id);
                self.note_end(id, SessionStatus::Failed, reason(detail), None).await?;
                Ok(moved)
            }
            // There is nothing to go on with: a decision that failed is made again.
            Err(error) => {
                let reason = reason(super::end::failed(&error).detail);
                match self.book(id, SessionStatus::Failed, reason, Err(error)).await? {
                    super::Ended { error: Some(error), .. } => Err(error.into()),
                    super::Ended { error: None, .. } => Err(RunError::refused("interrupted", "do it again")),
                }
            }
        }
    }
}
