//! Looking without writing: plans, verification, differences.

use std::collections::BTreeSet;

use pinksync_engine::Result as EngineResult;
use pinksync_engine::survey::{self, Difference, Planned};
use pinksync_model::{GuardName, Mode, PlanLine, Report, SessionId};

use super::end::unbooked_report;
use super::{Local, RunError, source_name};
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

    /// Compares every record of both sides; the report's `verified` counts what was found.
    pub async fn verify(
        &self,
        sink: &mut (dyn FnMut(Difference) -> EngineResult<()> + Send),
    ) -> Result<Report, RunError> {
        let (id, started_at) = (SessionId::new(), now());
        let session = self.session(id, BTreeSet::new(), None);
        let mut named =
            |found: Difference| sink(Difference { dataset: source_name(&found.dataset).to_owned(), ..found });
        let finished = survey::verify(&session, &mut named).await?;
        Ok(unbooked_report(id, Mode::Verify, started_at, finished))
    }
}
