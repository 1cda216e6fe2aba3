//! A session as it is shown.

use pinksync_common::ids::{AccountId, ApiKeyId, ConflictId, ScheduleId, SessionId, SyncId};
use pinksync_common::store::sessions::{self, SessionRow};
use pinksync_common::store::{GenericClient, reports};
use pinksync_common::time::Utc;
use pinksync_model::{DatasetReport, GuardName, Mode, Reason, SessionStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::look::missing;
use crate::problem::Problem;

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    #[schema(value_type = Uuid)]
    pub id: SessionId,
    /// `pending`, `in_progress`, `paused`, `completed`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    pub status: SessionStatus,
    /// What a session in progress is doing: `planning`, `staging`, `comparing`, `deleting`, `verifying` or `finishing`.
    pub phase: Option<String>,
    /// `sync`, `plan`, `verify` or `undo`.
    #[schema(value_type = String)]
    pub mode: Mode,
    /// Why it is where it is: `{code, detail}`.
    #[schema(value_type = Option<Value>)]
    pub reason: Option<Reason>,
    #[schema(value_type = Uuid)]
    pub sync_id: SyncId,
    /// Of the sync, by which it goes.
    pub revision: i64,
    /// It waits for a place: to begin, or to go on.
    pub waiting: bool,
    /// Guards that are overridden in it.
    #[schema(value_type = Vec<String>)]
    pub allowed: Vec<GuardName>,
    #[schema(value_type = Option<Uuid>)]
    pub retry_of: Option<SessionId>,
    #[schema(value_type = Option<Uuid>)]
    pub undo_of: Option<SessionId>,
    /// The session whose plan it carries out.
    #[schema(value_type = Option<Uuid>)]
    pub apply_of: Option<SessionId>,
    /// The conflict that it settles as a person has decided.
    #[schema(value_type = Option<Uuid>)]
    pub resolves: Option<ConflictId>,
    #[schema(value_type = Option<Uuid>)]
    pub schedule_id: Option<ScheduleId>,
    #[schema(value_type = Option<Uuid>)]
    pub created_by: Option<ApiKeyId>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Utc,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Utc>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Utc>,
    /// An undo has taken it back.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub undone_at: Option<Utc>,
    pub progress: ProgressView,
    /// The counters of the report, summed over datasets; null in lists. They count what the systems have confirmed: of a plan
    /// and a verification, what was read and found, and no writes. What a plan would write is listed by its lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub stats: Option<DatasetReport>,
    /// What can be asked of it now.
    pub actions: Vec<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ProgressView {
    pub tasks_done: i64,
    pub tasks_total: i64,
    /// Records read, or left out since nothing had changed; null in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
}

impl From<SessionRow> for SessionView {
    fn from(row: SessionRow) -> Self {
        let actions = actions(&row);
        Self {
            id: row.id,
            status: row.status,
            phase: row.phase.filter(|_| row.status == SessionStatus::InProgress),
            mode: row.mode,
            reason: row.reason,
            sync_id: row.sync,
            revision: row.revision,
            waiting: row.wants_slot,
            allowed: row.allowed,
            retry_of: row.retry_of,
            undo_of: row.undo_of,
            apply_of: row.apply_of,
            resolves: row.resolves,
            schedule_id: row.schedule,
            created_by: row.created_by,
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            undone_at: row.undone_at,
            progress: ProgressView { tasks_done: row.tasks_done, tasks_total: row.tasks_total, records: None },
            stats: None,
            actions,
        }
    }
}

impl SessionView {
    /// A session of an account, with its counters.
    ///
    /// # Errors
    /// There is none, or the database does not answer.
    pub async fn of(client: &impl GenericClient, account: AccountId, id: SessionId) -> Result<Self, Problem> {
        let row = sessions::get(client, account, id).await?.ok_or_else(missing)?;
        let total = match &row.report {
            Some(report) => DatasetReport::total(&report.datasets),
            None if row.started_at.is_none() => DatasetReport::default(),
            None => DatasetReport::total(&reports::so_far(client, &row).await?.datasets),
        };
        let records = total.read.source + total.read.target + total.read.skipped_unchanged;
        let mut view = Self::from(row);
        view.progress.records = Some(records);
        view.stats = Some(total);
        Ok(view)
    }
}

/// What can be asked of a session now.
fn actions(row: &SessionRow) -> Vec<&'static str> {
    let writes = matches!(row.mode, Mode::Sync);
    let mut actions = match row.status {
        SessionStatus::Pending if row.wants_slot => vec!["cancel"],
        SessionStatus::Pending => vec!["start", "cancel"],
        SessionStatus::InProgress if row.resolves.is_some() => Vec::new(),
        SessionStatus::InProgress => vec!["pause", "cancel"],
        SessionStatus::Paused if row.resolves.is_some() => vec!["cancel"],
        SessionStatus::Paused => vec!["resume", "cancel"],
        SessionStatus::Completed => Vec::new(),
        SessionStatus::Failed | SessionStatus::Cancelled if row.resolves.is_some() => Vec::new(),
        SessionStatus::Failed | SessionStatus::Cancelled => vec!["retry"],
    };
    if writes && row.started_at.is_some() && row.undone_at.is_none() && row.status.is_terminal() {
        actions.push("undo");
    }
    if row.mode == Mode::Plan && row.status == SessionStatus::Completed {
        actions.push("apply");
    }
    actions
}
