//! The book of sessions: when each began, where it stands, its report, what was allowed, what can be undone.

use pinksync_model::{GuardName, GuardReport, Mode, Reason, Report, SessionId, SessionLine, SessionStatus};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::clock;
use super::error::{Fault, StateError};

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    pub id: SessionId,
    pub mode: Mode,
    pub status: SessionStatus,
    pub reason: Option<Reason>,
    /// The session that this one takes back.
    pub undo_of: Option<SessionId>,
    /// RFC 3339 UTC.
    pub started_at: String,
    /// RFC 3339 UTC.
    pub ended_at: Option<String>,
    /// Whether an undo has taken it back.
    pub undone: bool,
}

const COLUMNS: &str =
    "id, mode, status, undo_of, started_at, ended_at, reason_code, reason_detail, undone_at IS NOT NULL FROM sessions";

pub(crate) fn begin(
    connection: &mut Connection,
    id: SessionId,
    mode: Mode,
    undo_of: Option<SessionId>,
) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    if let Some(other) = unfinished(&transaction)? {
        return Err(StateError::Unfinished(other.id).into());
    }
    if let Some(undone) = undo_of {
        known(&transaction, undone)?;
    }
    let insert = "INSERT INTO sessions (id, mode, status, undo_of, started_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let status = SessionStatus::InProgress.as_str();
    let undo_of = undo_of.map(|id| id.to_string());
    transaction.execute(insert, params![id.to_string(), mode.as_str(), status, undo_of, clock::now()])?;
    transaction.commit()?;
    Ok(())
}

/// Goes on with a paused session, or with one whose process died.
pub(crate) fn resume(connection: &mut Connection, id: SessionId) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let from = known(&transaction, id)?.status;
    if from != SessionStatus::InProgress && !from.can_become(SessionStatus::InProgress) {
        return Err(StateError::Move { session: id, from, to: SessionStatus::InProgress }.into());
    }
    write_status(&transaction, id, SessionStatus::InProgress, None)?;
    transaction.commit()?;
    Ok(())
}

pub(crate) fn set_status(
    connection: &mut Connection,
    id: SessionId,
    to: SessionStatus,
    reason: Option<&Reason>,
) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let from = known(&transaction, id)?.status;
    if !from.can_become(to) {
        return Err(StateError::Move { session: id, from, to }.into());
    }
    write_status(&transaction, id, to, reason)?;
    transaction.commit()?;
    Ok(())
}

fn write_status(
    transaction: &Transaction<'_>,
    id: SessionId,
    to: SessionStatus,
    reason: Option<&Reason>,
) -> Result<(), Fault> {
    let update = "UPDATE sessions SET status = ?2, reason_code = ?3, reason_detail = ?4, ended_at = ?5 WHERE id = ?1";
    let ended_at = to.is_terminal().then(clock::now);
    let (code, detail) = (reason.map(|reason| &reason.code), reason.map(|reason| &reason.detail));
    transaction.execute(update, params![id.to_string(), to.as_str(), code, detail, ended_at])?;
    Ok(())
}

/// The one session that is at work or paused, or that a dead process left.
pub(crate) fn unfinished(connection: &Connection) -> Result<Option<StoredSession>, Fault> {
    let filter = "WHERE status IN ('pending', 'in_progress', 'paused') ORDER BY number LIMIT 1";
    first(connection, filter, [])
}

pub(crate) fn one(connection: &Connection, id: SessionId) -> Result<Option<StoredSession>, Fault> {
    first(connection, "WHERE id = ?1", [id.to_string()])
}

/// The last session that wrote to a system, is not an undo and is not taken back.
pub(crate) fn last_undoable(connection: &Connection) -> Result<Option<StoredSession>, Fault> {
    let filter = "WHERE undone_at IS NULL AND mode <> 'undo'
                  AND EXISTS (SELECT 1 FROM journal j WHERE j.session = sessions.id AND j.state <> 0 AND j.writes > 0)
                  ORDER BY number DESC LIMIT 1";
    first(connection, filter, [])
}

/// Says which plan a session carries out.
pub(crate) fn note_plan(connection: &Connection, id: SessionId, plan: SessionId) -> Result<(), Fault> {
    let update = "UPDATE sessions SET plan = ?2 WHERE id = ?1";
    changed_one(id, connection.execute(update, params![id.to_string(), plan.to_string()])?)
}

/// The session that carried a plan out and is not taken back.
pub(crate) fn carried_out(connection: &Connection, plan: SessionId) -> Result<Option<StoredSession>, Fault> {
    let filter = "WHERE plan = ?1 AND status = 'completed' AND undone_at IS NULL ORDER BY number DESC LIMIT 1";
    first(connection, filter, [plan.to_string()])
}

pub(crate) fn mark_undone(connection: &Connection, id: SessionId) -> Result<(), Fault> {
    let update = "UPDATE sessions SET undone_at = coalesce(undone_at, ?2) WHERE id = ?1";
    changed_one(id, connection.execute(update, params![id.to_string(), clock::now()])?)
}

pub(crate) fn set_report(connection: &Connection, id: SessionId, report: &Report) -> Result<(), Fault> {
    let json = serde_json::to_string(report)?;
    let update = "UPDATE sessions SET report = ?2 WHERE id = ?1";
    changed_one(id, connection.execute(update, params![id.to_string(), json])?)
}

pub(crate) fn report(connection: &Connection, id: SessionId) -> Result<Option<Report>, Fault> {
    let select = "SELECT report FROM sessions WHERE id = ?1";
    let json: Option<Option<String>> = connection.query_row(select, [id.to_string()], |row| row.get(0)).optional()?;
    let json = json.ok_or(StateError::UnknownSession(id))?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

/// All sessions, the latest first. Open conflicts are those of its report, or, of a session that has none yet, those of
/// now.
pub(crate) fn list(connection: &Connection) -> Result<Vec<SessionLine>, Fault> {
    let select =
        "SELECT id, mode, status, undo_of, started_at, ended_at, reason_code, reason_detail, undone_at IS NOT NULL,
                  (SELECT coalesce(sum(written), 0) FROM counters c WHERE c.session = s.id),
                  CASE WHEN report IS NULL
                       THEN (SELECT count(*) FROM conflicts WHERE status = 'open' AND kind <> 'contended')
                       ELSE (SELECT coalesce(sum(value ->> '$.conflicts.open'), 0) FROM json_each(report, '$.datasets'))
                  END,
                  (SELECT group_concat(guard) FROM (SELECT guard FROM allowed a WHERE a.session = s.id ORDER BY guard))
                  FROM sessions s ORDER BY number DESC";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let StoredSession { id, mode, status, reason, started_at, ended_at, undone, undo_of: _ } = stored(row)?;
        let (written, open_conflicts) = (row.get::<_, i64>(9)?.unsigned_abs(), row.get::<_, i64>(10)?.unsigned_abs());
        let allowed: Option<String> = row.get(11)?;
        let allowed = allowed.iter().flat_map(|names| names.split(',')).map(str::parse).collect::<Result<_, _>>()?;
        found.push(SessionLine {
            id,
            mode,
            status,
            started_at,
            ended_at,
            reason,
            undone,
            written,
            open_conflicts,
            allowed,
        });
    }
    Ok(found)
}

pub(crate) fn allow(connection: &mut Connection, id: SessionId, guard: GuardName) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    known(&transaction, id)?;
    let insert = "INSERT OR IGNORE INTO allowed (session, guard) VALUES (?1, ?2)";
    transaction.execute(insert, params![id.to_string(), guard.as_str()])?;
    transaction.commit()?;
    Ok(())
}

/// The guards overridden for a session, in the order of [`GuardName::ALL`].
pub(crate) fn allowed(connection: &Connection, id: SessionId) -> Result<Vec<GuardName>, Fault> {
    let mut statement = connection.prepare_cached("SELECT guard FROM allowed WHERE session = ?1")?;
    let mut rows = statement.query([id.to_string()])?;
    let mut guards = Vec::new();
    while let Some(row) = rows.next()? {
        guards.push(row.get::<_, String>(0)?.parse()?);
    }
    guards.sort_unstable();
    Ok(guards)
}

pub(crate) fn note_overridden(connection: &mut Connection, id: SessionId, guards: &[GuardReport]) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let insert = "INSERT OR IGNORE INTO overridden (session, guard, dataset, report) VALUES (?1, ?2, ?3, ?4)";
    for guard in guards {
        let (dataset, report) = (guard.dataset.as_deref().unwrap_or_default(), serde_json::to_string(guard)?);
        transaction.execute(insert, params![id.to_string(), guard.name, dataset, report])?;
    }
    transaction.commit()?;
    Ok(())
}

pub(crate) fn overridden(connection: &Connection, id: SessionId) -> Result<Vec<GuardReport>, Fault> {
    let mut statement = connection.prepare_cached("SELECT report FROM overridden WHERE session = ?1 ORDER BY id")?;
    let mut rows = statement.query([id.to_string()])?;
    let mut guards = Vec::new();
    while let Some(row) = rows.next()? {
        guards.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
    }
    Ok(guards)
}

/// Drops the journals and rejects of sessions that ended more than `days` days ago, and what else only a session at work
/// needs. The report of a session stays, and its counters and what was allowed, which the list of sessions shows. Pending chunks stay, whoever left them: the next session has to reconcile them.
pub(crate) fn retain(connection: &mut Connection, days: u32) -> Result<u64, Fault> {
    let transaction = connection.transaction()?;
    let old = "SELECT id FROM sessions WHERE ended_at < ?1";
    let entries = format!(
        "DELETE FROM journal_entries WHERE chunk IN (SELECT id FROM journal WHERE state <> 0 AND session IN ({old}))"
    );
    let cutoff = clock::days_ago(days);
    transaction.execute(&entries, [&cutoff])?;
    let chunks = format!("DELETE FROM journal WHERE state <> 0 AND session IN ({old})");
    let dropped = transaction.execute(&chunks, [&cutoff])?;
    for table in ["rejects", "overridden"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE session IN ({old})"), [&cutoff])?;
    }
    for table in ["deferred", "prepared"] {
        let ended =
            format!("DELETE FROM {table} WHERE session IN (SELECT id FROM sessions WHERE ended_at IS NOT NULL)");
        transaction.execute(&ended, [])?;
    }
    transaction.commit()?;
    Ok(dropped as u64)
}

pub(crate) fn parse_id(text: &str) -> Result<SessionId, Fault> {
    text.parse().map_err(|_| Fault::Damaged(format!("`{text}` is not a session's id")))
}

fn known(connection: &Connection, id: SessionId) -> Result<StoredSession, Fault> {
    one(connection, id)?.ok_or_else(|| StateError::UnknownSession(id).into())
}

fn changed_one(id: SessionId, changed: usize) -> Result<(), Fault> {
    if changed == 0 { Err(StateError::UnknownSession(id).into()) } else { Ok(()) }
}

fn first(connection: &Connection, filter: &str, given: impl rusqlite::Params) -> Result<Option<StoredSession>, Fault> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} {filter}"))?;
    let mut rows = statement.query(given)?;
    rows.next()?.map(stored).transpose()
}

fn stored(row: &Row<'_>) -> Result<StoredSession, Fault> {
    let code: Option<String> = row.get(6)?;
    let detail: Option<String> = row.get(7)?;
    let undo_of: Option<String> = row.get(3)?;
    Ok(StoredSession {
        id: parse_id(&row.get::<_, String>(0)?)?,
        mode: row.get::<_, String>(1)?.parse()?,
        status: row.get::<_, String>(2)?.parse()?,
        reason: code.map(|code| Reason { code, detail: detail.unwrap_or_default() }),
        undo_of: undo_of.as_deref().map(parse_id).transpose()?,
        started_at: row.get(4)?,
        ended_at: row.get(5)?,
        undone: row.get(8)?,
    })
}
