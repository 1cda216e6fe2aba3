//! Looking without writing: plans, verification, differences.

use std::collections::{BTreeSet, HashMap};

use pinksync_engine::survey::{self, Difference, Planned};
use pinksync_engine::{Key, Result as EngineResult};
use pinksync_model::{GuardName, Mode, PlanLine, Report, SessionId, SessionLine};

use super::end::unbooked_report;
use super::{Local, RESOLVE, RunError, source_name};
use crate::StoredReject;
use crate::state::clock::now;

impl Local {
    /// What a session would do, record by record; the dataset of a line is its name on the source.
    pub async fn plan(
        &self,
        allow: &[GuardName],
        sink: &mut (dyn FnMut(PlanLine) -> EngineResult<()> + Send),
    ) -> Result<Planned, RunError> {
        // An unfinished session goes on with what was allowed for it.
        let mut allowed: BTreeSet<GuardName> = allow.iter().copied().collect();
        if let Some(unfinished) = self.state.unfinished_session().await? {
            allowed.extend(self.state.allowed(unfinished.id).await?);
        }
        let session = self.session(SessionId::new(), allowed, None);
        let mut named = |line: PlanLine| sink(PlanLine { dataset: source_name(&line.dataset).to_owned(), ..line });
        Ok(survey::plan(&session, &mut named).await?)
    }

    /// Compares every record of both sides; the report's `verified` counts what was found. A record that the last session
    /// left out is told with the reason for that.
    pub async fn verify(
        &self,
        sink: &mut (dyn FnMut(Difference) -> EngineResult<()> + Send),
    ) -> Result<Report, RunError> {
        let (id, started_at) = (SessionId::new(), now());
        let session = self.session(id, BTreeSet::new(), None);
        let left_out = self.left_out().await?;
        let mut named = |mut found: Difference| {
            if let Some(reason) = left_out.get(&(found.dataset.clone(), found.encoded.clone())) {
                found.reason.clone_from(reason);
            }
            found.dataset = source_name(&found.dataset).to_owned();
            sink(found)
        };
        let finished = survey::verify(&session, &mut named).await?;
        Ok(unbooked_report(id, Mode::Verify, started_at, finished))
    }

    /// What the last session left out or left alone, by dataset and key.
    async fn left_out(&self) -> Result<HashMap<(String, Key), String>, RunError> {
        let sessions = self.state.sessions().await?;
        let decided = |session: &SessionLine| session.reason.as_ref().is_some_and(|reason| reason.code == RESOLVE);
        let Some(last) = sessions.iter().find(|session| !decided(session)) else { return Ok(HashMap::new()) };
        let mut left_out = HashMap::new();
        for StoredReject { dataset, record, .. } in self.state.rejects(last.id).await? {
            let word = if record.is_left_alone() { "left alone" } else { "rejected" };
            if let Some(key) = record.key {
                left_out.insert((dataset, key), format!("{word} at the {}: {}", record.side, record.reason));
            }
        }
        Ok(left_out)
    }
}
