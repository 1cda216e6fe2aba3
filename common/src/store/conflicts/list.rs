//! Conflicts as people see them: listed, counted, looked at, and found to be decided.

use pinksync_model::{ConflictKind, ConflictStatus};
use serde_json::Value as Json;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::ids::{AccountId, ConflictId, SessionId, SyncId};
use crate::store::{GenericClient, Result, StoreError, Transaction};
use crate::time::Utc;

/// Which conflicts are meant; by default all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub sync: Option<SyncId>,
    /// Those that it found or settled.
    pub session: Option<SessionId>,
    /// By its name on the source, or as the books call it.
    pub dataset: Option<String>,
    pub kind: Option<ConflictKind>,
    pub status: Option<ConflictStatus>,
}

/// A conflict as people see it.
#[derive(Debug, Clone)]
pub struct ConflictRow {
    pub id: ConflictId,
    pub sync: SyncId,
    /// The session that found it.
    pub session: SessionId,
    /// As the books call it: `source → target`.
    pub dataset: String,
    pub kind: ConflictKind,
    pub status: ConflictStatus,
    /// `{"key", "base", "source", "target"}` by field names.
    pub shown: Json,
    pub decision: Option<String>,
    pub decided_by: Option<String>,
    pub opened_at: Utc,
    pub decided_at: Option<Utc>,
    /// The session that settled it.
    pub decided_in: Option<SessionId>,
    /// The session in which a person's decision is being carried out.
    pub deciding: Option<SessionId>,
    pub revision: i64,
}

const COLUMNS: &str = "c.id, c.sync_id, c.session_id, d.name AS dataset, c.kind, c.status, c.shown, c.decision,
    c.decided_by, c.opened_at, c.decided_at, c.decided_in, c.revision,
    (SELECT s.id FROM sessions s WHERE s.resolves = c.id AND s.ended_at IS NULL) AS deciding";

const FROM: &str = "conflicts c JOIN datasets d ON d.id = c.dataset_id";

/// Parameters 1 to 5; the status stands in the text, since an index has the open ones.
const MATCHES: &str = "c.account_id = $1 AND ($2::uuid IS NULL OR c.sync_id = $2)
    AND ($3::uuid IS NULL OR c.session_id = $3 OR c.decided_in = $3)
    AND ($4::text IS NULL OR d.name = $4 OR split_part(d.name, ' → ', 1) = $4)
    AND ($5::text IS NULL OR c.kind = $5)";

/// Nobody's decision on it is being carried out.
const FREE: &str =
    "c.status = 'open' AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.resolves = c.id AND s.ended_at IS NULL)";

impl ConflictRow {
    fn read(row: &Row) -> Result<Self> {
        let (kind, status): (&str, &str) = (row.get("kind"), row.get("status"));
        let session = |name: &str| row.get::<_, Option<Uuid>>(name).map(SessionId);
        Ok(Self {
            id: row.get("id"),
            sync: row.get("sync_id"),
            session: SessionId(row.get("session_id")),
            dataset: row.get("dataset"),
            kind: kind.parse().map_err(|_| StoreError::Unreadable("the kind of a conflict", kind.to_owned()))?,
            status: status
                .parse()
                .map_err(|_| StoreError::Unreadable("the status of a conflict", status.to_owned()))?,
            shown: row.get("shown"),
            decision: row.get("decision"),
            decided_by: row.get("decided_by"),
            opened_at: row.get("opened_at"),
            decided_at: row.get("decided_at"),
            decided_in: session("decided_in"),
            deciding: session("deciding"),
            revision: row.get("revision"),
        })
    }
}

impl Filter {
    fn status_is(&self) -> &'static str {
        match self.status {
            None => "true",
            Some(ConflictStatus::Open) => "c.status = 'open'",
            Some(ConflictStatus::Resolved) => "c.status = 'resolved'",
            Some(ConflictStatus::Superseded) => "c.status = 'superseded'",
        }
    }

    async fn query(
        &self,
        client: &impl GenericClient,
        account: AccountId,
        text: &str,
        more: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let statement = client.prepare_cached(text).await?;
        let (session, kind) = (self.session.map(|session| session.0), self.kind.map(ConflictKind::as_str));
        let mut given: Vec<&(dyn ToSql + Sync)> = vec![&account, &self.sync, &session, &self.dataset, &kind];
        given.extend(more);
        Ok(client.query(&statement, &given).await?)
    }
}

/// Conflicts of an account, newest first, below `before`.
pub async fn list(
    client: &impl GenericClient,
    account: AccountId,
    filter: &Filter,
    before: Option<ConflictId>,
    limit: i64,
) -> Result<Vec<ConflictRow>> {
    let select = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE {MATCHES} AND {} AND ($6::uuid IS NULL OR c.id < $6)
         ORDER BY c.id DESC LIMIT $7",
        filter.status_is()
    );
    let rows = filter.query(client, account, &select, &[&before, &limit]).await?;
    rows.iter().map(ConflictRow::read).collect()
}

/// How many there are of each status and kind.
pub async fn counts(
    client: &impl GenericClient,
    account: AccountId,
    filter: &Filter,
) -> Result<Vec<(String, String, i64)>> {
    let select = format!(
        "SELECT c.status, c.kind, count(*) FROM {FROM} WHERE {MATCHES} AND {} GROUP BY c.status, c.kind
         ORDER BY c.status, c.kind",
        filter.status_is()
    );
    let rows = filter.query(client, account, &select, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

/// A conflict of an account.
pub async fn show(client: &impl GenericClient, account: AccountId, id: ConflictId) -> Result<Option<ConflictRow>> {
    let select = format!("SELECT {COLUMNS} FROM {FROM} WHERE c.account_id = $1 AND c.id = $2");
    let statement = client.prepare_cached(&select).await?;
    client.query_opt(&statement, &[&account, &id]).await?.as_ref().map(ConflictRow::read).transpose()
}

/// A conflict, which nobody else decides on until the transaction ends.
pub async fn lock(transaction: &Transaction<'_>, account: AccountId, id: ConflictId) -> Result<Option<ConflictRow>> {
    const LOCK: &str = "SELECT 1 FROM conflicts WHERE account_id = $1 AND id = $2 FOR NO KEY UPDATE";
    let statement = transaction.prepare_cached(LOCK).await?;
    transaction.query_opt(&statement, &[&account, &id]).await?;
    // Looked at by a statement of its own, which sees the decision that it may have waited for.
    show(transaction, account, id).await
}

/// An open conflict that is to be decided.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    pub id: ConflictId,
    pub sync: SyncId,
}

/// How many open conflicts match that nobody's decision is being carried out on.
pub async fn count_open(client: &impl GenericClient, account: AccountId, filter: &Filter) -> Result<i64> {
    let select = format!("SELECT count(*) FROM {FROM} WHERE {MATCHES} AND {FREE}");
    let rows = filter.query(client, account, &select, &[]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// The oldest of them, locked.
pub async fn open(transaction: &Transaction<'_>, account: AccountId, filter: &Filter, limit: i64) -> Result<Vec<Open>> {
    let select = format!(
        "SELECT c.id, c.sync_id FROM {FROM} WHERE {MATCHES} AND {FREE} ORDER BY c.id LIMIT $6 FOR NO KEY UPDATE OF c"
    );
    let rows = filter.query(transaction, account, &select, &[&limit]).await?;
    Ok(rows.iter().map(|row| Open { id: row.get(0), sync: row.get(1) }).collect())
}
