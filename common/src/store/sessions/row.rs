//! A session as it is stored.

use pinksync_model::{GuardName, Mode, Reason, Report, SessionStatus};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::ids::{AccountId, ApiKeyId, ConflictId, ScheduleId, SessionId, SyncId};
use crate::store::{Result, StoreError};
use crate::time::Utc;

pub(super) const COLUMNS: &str = "id, account_id, sync_id, revision, mode, status, phase, reason_code, reason_detail,
    wants_slot, allowed, retry_of, undo_of, apply_of, undone_at, resolves, schedule_id, created_by, created_at,
    started_at, ended_at, paused_at, tasks_done, tasks_total, progress, progress_next, report";

#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: SessionId,
    pub account: AccountId,
    pub sync: SyncId,
    pub revision: i64,
    pub mode: Mode,
    pub status: SessionStatus,
    pub phase: Option<String>,
    pub reason: Option<Reason>,
    /// It waits for a slot to begin, or to go on.
    pub wants_slot: bool,
    pub allowed: Vec<GuardName>,
    pub retry_of: Option<SessionId>,
    pub undo_of: Option<SessionId>,
    pub apply_of: Option<SessionId>,
    pub undone_at: Option<Utc>,
    pub resolves: Option<ConflictId>,
    pub schedule: Option<ScheduleId>,
    pub created_by: Option<ApiKeyId>,
    pub created_at: Utc,
    pub started_at: Option<Utc>,
    pub ended_at: Option<Utc>,
    pub paused_at: Option<Utc>,
    pub tasks_done: i64,
    pub tasks_total: i64,
    /// Opaque here: the engine's.
    pub progress: Option<Vec<u8>>,
    pub progress_next: Option<Vec<u8>>,
    /// Of one that has ended.
    pub report: Option<Report>,
}

impl SessionRow {
    pub(super) fn read(row: &Row) -> Result<Self> {
        let session = |name: &str| row.get::<_, Option<Uuid>>(name).map(SessionId);
        let reason = row.get::<_, Option<String>>("reason_code").map(|code| {
            let detail = row.get::<_, Option<String>>("reason_detail").unwrap_or_default();
            Reason { code, detail }
        });
        let report = row.get::<_, Option<serde_json::Value>>("report").map(serde_json::from_value);
        Ok(Self {
            id: SessionId(row.get("id")),
            account: row.get("account_id"),
            sync: row.get("sync_id"),
            revision: row.get("revision"),
            mode: parse(row.get("mode"))?,
            status: parse(row.get("status"))?,
            phase: row.get("phase"),
            reason,
            wants_slot: row.get("wants_slot"),
            allowed: row.get::<_, Vec<&str>>("allowed").into_iter().map(parse).collect::<Result<_>>()?,
            retry_of: session("retry_of"),
            undo_of: session("undo_of"),
            apply_of: session("apply_of"),
            undone_at: row.get("undone_at"),
            resolves: row.get("resolves"),
            schedule: row.get("schedule_id"),
            created_by: row.get("created_by"),
            created_at: row.get("created_at"),
            started_at: row.get("started_at"),
            ended_at: row.get("ended_at"),
            paused_at: row.get("paused_at"),
            tasks_done: row.get("tasks_done"),
            tasks_total: row.get("tasks_total"),
            progress: row.get("progress"),
            progress_next: row.get("progress_next"),
            report: report.transpose().map_err(|error| StoreError::Unreadable("a report", error.to_string()))?,
        })
    }
}

pub(super) fn parse<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| StoreError::Unreadable("a word in sessions", text.to_owned()))
}
