//! The state file for the command line: sessions, their reports, conflicts and rejects.

use pinksync_engine::home::StoredConflict;
use pinksync_model::{GuardName, Mode, Reason, Report, SessionId, SessionLine, SessionStatus};
use rusqlite::Connection;

use super::error::Fault;
use super::{StateError, StateFile, StoredReject, StoredSession, conflict, leftover, session};

impl StateFile {
    /// Begins a session, in progress. [`StateError::Unfinished`] where another one is at work or paused.
    /// `undo_of`: the session that this one takes back.
    pub async fn begin_session(&self, id: SessionId, mode: Mode, undo_of: Option<SessionId>) -> Result<(), StateError> {
        self.write("begin a session", move |connection| session::begin(connection, id, mode, undo_of)).await
    }

    /// Goes on with a paused session, or with one in progress whose process died; its reason is cleared.
    pub async fn resume_session(&self, id: SessionId) -> Result<(), StateError> {
        self.write("go on with a session", move |connection| session::resume(connection, id)).await
    }

    /// The session that is paused, or in progress: of this process, or of a dead one (while a file that was opened
    /// by [`StateFile::open_read_only`] has a [`StateFile::holder`], it is at work).
    pub async fn unfinished_session(&self) -> Result<Option<StoredSession>, StateError> {
        self.read("look for an unfinished session", session::unfinished).await
    }

    /// Moves a session on; [`StateError::Move`] where [`SessionStatus::can_become`] forbids it.
    pub async fn set_status(
        &self,
        id: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
    ) -> Result<(), StateError> {
        self.write("change a session's status", move |connection| {
            session::set_status(connection, id, status, reason.as_ref())
        })
        .await
    }

    pub async fn set_report(&self, id: SessionId, report: &Report) -> Result<(), StateError> {
        let report = report.clone();
        self.write("store a report", move |connection| session::set_report(connection, id, &report)).await
    }

    /// `None` where the session has none yet; an unknown session is an error.
    pub async fn report(&self, id: SessionId) -> Result<Option<Report>, StateError> {
        self.read("read a report", move |connection| session::report(connection, id)).await
    }

    /// All sessions, the latest first.
    pub async fn sessions(&self) -> Result<Vec<SessionLine>, StateError> {
        self.read("list the sessions", session::list).await
    }

    pub async fn session(&self, id: SessionId) -> Result<Option<StoredSession>, StateError> {
        self.read("look up a session", move |connection| session::one(connection, id)).await
    }

    /// The last session that wrote to a system, is no undo and is not taken back yet. Sessions whose journal was
    /// dropped by [`StateFile::retain`] are not found.
    pub async fn last_undoable(&self) -> Result<Option<StoredSession>, StateError> {
        self.read("look for a session to undo", session::last_undoable).await
    }

    /// Says which plan a session carries out.
    pub async fn note_plan(&self, id: SessionId, plan: SessionId) -> Result<(), StateError> {
        self.write("note a session's plan", move |connection| session::note_plan(connection, id, plan)).await
    }

    /// The session that has carried out a plan and is not taken back.
    pub async fn carried_out(&self, plan: SessionId) -> Result<Option<StoredSession>, StateError> {
        self.read("look for a plan's session", move |connection| session::carried_out(connection, plan)).await
    }

    /// Says that an undo has taken the session back.
    pub async fn mark_undone(&self, id: SessionId) -> Result<(), StateError> {
        self.write("mark a session as undone", move |connection| session::mark_undone(connection, id)).await
    }

    /// Conflicts in the order they were found: open ones, or with `all` settled ones too.
    pub async fn conflicts(&self, all: bool) -> Result<Vec<StoredConflict>, StateError> {
        self.read("list the conflicts", move |connection| conflict::list(connection, all)).await
    }

    /// Datasets with conflicts that wait for a person, and how many now.
    pub async fn waiting(&self) -> Result<Vec<(String, u64)>, StateError> {
        self.read("count open conflicts", conflict::waiting).await
    }

    /// The conflict with this id (`c12`), or the only one whose id begins so.
    pub async fn conflict(&self, id: &str) -> Result<StoredConflict, StateError> {
        let id = id.to_owned();
        self.read("look up a conflict", move |connection| conflict::one(connection, &id)).await
    }

    /// The records a session left out, in the order it met them.
    pub async fn rejects(&self, session: SessionId) -> Result<Vec<StoredReject>, StateError> {
        self.read("list the rejects", move |connection| leftover::rejects(connection, &session.to_string())).await
    }

    /// At most `limit` of the records that a session left alone, in the order it met them.
    pub async fn left_alone(&self, session: SessionId, limit: usize) -> Result<Vec<StoredReject>, StateError> {
        let work = move |connection: &Connection| leftover::left_alone(connection, &session.to_string(), limit);
        self.read("list the records left alone", work).await
    }

    /// Records that a guard is overridden for this session.
    pub async fn allow(&self, session: SessionId, guard: GuardName) -> Result<(), StateError> {
        self.write("record an allowed guard", move |connection| session::allow(connection, session, guard)).await
    }

    /// The guards overridden for this session.
    pub async fn allowed(&self, session: SessionId) -> Result<Vec<GuardName>, StateError> {
        self.read("read the allowed guards", move |connection| session::allowed(connection, session)).await
    }

    /// Drops the journals of sessions that ended more than `days` days ago (they cannot be undone any more), with their
    /// rejects, and gives the number of chunks dropped. What `sessions` and `report` show of them stays for good: report,
    /// counters and what was allowed, a few rows a session.
    pub async fn retain(&self, days: u32) -> Result<u64, StateError> {
        self.write("drop old journals", move |connection| session::retain(connection, days)).await
    }

    async fn read<T, F>(&self, operation: &'static str, work: F) -> Result<T, StateError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let done = self.reader.run(move |connection| work(connection)).await;
        done.map_err(|fault| fault.into_state_error(operation, self.path()))
    }

    async fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T, StateError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    {
        let done = self.writer(operation)?.run(work).await;
        done.map_err(|fault| fault.into_state_error(operation, self.path()))
    }
}
