//! Taking back a session, in a session of its own.

use std::collections::BTreeSet;

use pinksync_engine::session::Ending;
use pinksync_engine::{Result as EngineResult, undo};
use pinksync_model::{Mode, PlanLine, Reason, SessionId, SessionStatus};

use super::end::unbooked_report;
use super::{Ended, Local, RunError, source_name};
use crate::state::clock::now;
use crate::{StateError, StoredSession};

impl Local {
    /// The session that an undo would take back: the one named, the one that an unfinished undo is about, or the last
    /// one that wrote.
    pub async fn to_undo(&self, named: Option<SessionId>) -> Result<StoredSession, RunError> {
        let unfinished = self.state.unfinished_session().await?;
        let id = match (&unfinished, named) {
            (Some(StoredSession { mode: Mode::Undo, undo_of: Some(of), id, .. }), named) => match named {
                Some(other) if other != *of => return Err(busy(*id)),
                _ => *of,
            },
            (Some(other), None) => return Err(busy(other.id)),
            (Some(other), Some(named)) if other.id != named => return Err(busy(other.id)),
            (_, Some(named)) => named,
            (None, None) => match self.state.last_undoable().await? {
                Some(found) => found.id,
                None => return Err(nothing_left()),
            },
        };
        let found = self.state.session(id).await?.ok_or(StateError::UnknownSession(id))?;
        if found.mode == Mode::Undo {
            let message = format!("session {id} is an undo itself");
            return Err(RunError::refused(message, "run the sync again: it does what the undone session did"));
        }
        let goes_on = unfinished.is_some_and(|unfinished| unfinished.mode == Mode::Undo);
        if found.undone && !goes_on {
            let message = format!("session {id} is taken back already");
            return Err(RunError::refused(message, "`pinksync sessions` shows what can be taken back"));
        }
        Ok(found)
    }

    /// Takes a session back; what cannot be is left alone and counted so. An unfinished one is given up first.
    /// `dry_run`: only tells, and nothing of it is in the books.
    pub async fn undo(
        &self,
        of: &StoredSession,
        dry_run: bool,
        sink: &mut (dyn FnMut(PlanLine) -> EngineResult<()> + Send),
    ) -> Result<Ended, RunError> {
        let mut named = |line: PlanLine| sink(PlanLine { dataset: source_name(&line.dataset).to_owned(), ..line });
        if dry_run {
            let (id, started_at) = (SessionId::new(), now());
            let session = self.session(id, BTreeSet::new(), None);
            let finished = undo::undo(&session, of.id, true, &mut named).await?;
            return Ok(Ended { report: unbooked_report(id, Mode::Undo, started_at, finished), error: None });
        }
        let id = self.begin_undo(of).await?;
        let session = self.session(id, BTreeSet::new(), None);
        let result = undo::undo(&session, of.id, false, &mut named).await;
        if result.as_ref().is_ok_and(|finished| finished.ending == Ending::Completed) {
            self.state.mark_undone(of.id).await?;
        }
        let reason = Reason { code: "undo".to_owned(), detail: format!("takes back session {}", of.id) };
        self.close(id, Mode::Undo, result, Some(reason)).await
    }

    async fn begin_undo(&self, of: &StoredSession) -> Result<SessionId, RunError> {
        match self.state.unfinished_session().await? {
            Some(found) if found.mode == Mode::Undo => {
                self.state.resume_session(found.id).await?;
                return Ok(found.id);
            }
            Some(found) => {
                let reason = Reason { code: "undone".to_owned(), detail: "given up to be taken back".to_owned() };
                self.note_end(found.id, SessionStatus::Cancelled, Some(reason), None).await?;
                self.forget_plan(found.id);
            }
            None => {}
        }
        let id = SessionId::new();
        self.state.begin_session(id, Mode::Undo, Some(of.id)).await?;
        Ok(id)
    }
}

fn busy(id: SessionId) -> RunError {
    let remedy = format!("let `pinksync run` of this file finish it, or take it back by name: `--session {id}`");
    RunError::refused(format!("session {id} is not finished"), remedy)
}

fn nothing_left() -> RunError {
    RunError::refused(
        "there is no session left to take back",
        "sessions that wrote nothing, that are taken back already, or that ended more than 14 days ago do not count",
    )
}
