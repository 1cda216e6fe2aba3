//! The beginning of a session: a new one, or an unfinished one that goes on under its id.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use pinksync_engine::saved_plan::SavedPlan;
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::{GuardName, Mode, SessionId};

use super::{Local, RunError};
use crate::StoredSession;

/// A session that is in progress in the books and waits to be worked on.
pub struct Begun {
    pub id: SessionId,
    /// It was paused, or its process died.
    pub resumed: bool,
    pub(super) allowed: BTreeSet<GuardName>,
    pub(super) plan: Option<Arc<SavedPlan>>,
}

impl Local {
    /// Goes on with the sync's unfinished session, or begins one. `plan`: a saved plan; the session carries out just
    /// that, also when it goes on after a crash.
    pub async fn begin(&self, allow: &[GuardName], plan: Option<&[u8]>) -> Result<Begun, RunError> {
        let begun = match self.state.unfinished_session().await? {
            Some(found) => self.go_on(&found, plan).await?,
            None => self.begin_new(plan).await?,
        };
        let (id, resumed, plan) = begun;
        if let Some(plan) = &plan {
            self.state.note_plan(id, plan.id).await?;
        }
        for guard in allow {
            self.state.allow(id, *guard).await?;
        }
        let allowed = self.state.allowed(id).await?.into_iter().collect();
        Ok(Begun { id, resumed, allowed, plan })
    }

    async fn begin_new(&self, plan: Option<&[u8]>) -> Result<(SessionId, bool, Option<Arc<SavedPlan>>), RunError> {
        let id = SessionId::new();
        let read = plan.map(SavedPlan::from_bytes).transpose()?;
        if let Some(plan) = &read {
            self.check_not_carried_out(plan).await?;
        }
        if let Some(bytes) = plan {
            let path = self.plan_path(id);
            std::fs::write(&path, bytes).map_err(|error| unstorable(&path, error))?;
        }
        self.state.begin_session(id, Mode::Sync, None).await?;
        Ok((id, false, read.map(Arc::new)))
    }

    /// What a plan says is done once; a session that failed, or was taken back, leaves it to be done.
    async fn check_not_carried_out(&self, plan: &SavedPlan) -> Result<(), RunError> {
        let Some(session) = self.state.carried_out(plan.id).await? else { return Ok(()) };
        let (id, ended) = (session.id, session.ended_at.unwrap_or(session.started_at));
        let message = format!("this plan is carried out already: session {id} did it, which ended at {ended}");
        let remedy = "for what is to be done now make a new plan: `pinksync plan FILE --save PLAN`";
        Err(RunError::refused(message, remedy))
    }

    async fn go_on(
        &self,
        found: &StoredSession,
        plan: Option<&[u8]>,
    ) -> Result<(SessionId, bool, Option<Arc<SavedPlan>>), RunError> {
        let id = found.id;
        if found.mode == Mode::Undo {
            let message = format!("the undo {id} is not finished");
            return Err(RunError::refused(message, "go on with it first: `pinksync undo` of this file"));
        }
        let stored = match std::fs::read(self.plan_path(id)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(RunError::unreadable(&self.plan_path(id), error)),
        };
        if plan.is_some() && plan != stored.as_deref() {
            let message = format!("session {id} is not finished, and it does not carry out this plan");
            return Err(RunError::refused(message, "finish it first: `pinksync run` of this file without --plan"));
        }
        let read = stored.as_deref().map(SavedPlan::from_bytes).transpose()?;
        self.state.resume_session(id).await?;
        Ok((id, true, read.map(Arc::new)))
    }

    /// Where a session keeps the plan that it carries out, until it has ended.
    pub(super) fn plan_path(&self, id: SessionId) -> PathBuf {
        self.beside_state(&format!(".plan-{id}"))
    }

    /// A session that has ended needs its plan no more.
    pub(super) fn forget_plan(&self, id: SessionId) {
        // One that stays is never looked at again: its name holds the session's id.
        let _ = std::fs::remove_file(self.plan_path(id));
    }
}

fn unstorable(path: &std::path::Path, error: std::io::Error) -> Error {
    let message = format!("the copy {} of the plan cannot be written: {error}", path.display());
    Error::new(ErrorKind::Storage, "begin a session", message)
        .with_source(error)
        .with_remedy("check that the folder of the state file can be written and has space")
}
