//! Conflicts: at most one open per record; settled ones stay for the list. Values are opaque; what people see stands
//! beside them. Each change adds one to `revision`.

mod list;

use serde_json::Value as Json;
use uuid::Uuid;

use super::{GenericClient, Result};
use crate::ids::{AccountId, ConflictId, SessionId, SyncId};
use crate::time::Utc;

pub use list::{ConflictRow, Filter, Open, count_open, counts, list, lock, open, show};

/// Whose conflicts they are, and which session changes them.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub account: AccountId,
    pub sync: SyncId,
    pub session: SessionId,
    pub dataset: i64,
}

/// A conflict to be stored.
#[derive(Debug, Clone)]
pub struct NewConflict<'a> {
    /// Its id, unless it takes the place of an open one.
    pub id: ConflictId,
    pub key: &'a [u8],
    pub kind: &'static str,
    pub status: &'static str,
    pub base: Option<Vec<u8>>,
    pub source: Option<Vec<u8>>,
    pub target: Option<Vec<u8>>,
    pub decision: Option<&'a str>,
    pub decided_by: Option<&'a str>,
    pub shown: Json,
}

/// What becomes of a conflict.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    pub status: &'static str,
    pub decision: Option<&'a str>,
    pub decided_by: Option<&'a str>,
}

/// A conflict as it is stored, its key and versions opaque.
#[derive(Debug, Clone)]
pub struct Stored {
    pub id: ConflictId,
    pub session: SessionId,
    pub dataset: String,
    pub key: Vec<u8>,
    pub kind: String,
    pub status: String,
    pub base: Option<Vec<u8>>,
    pub source: Option<Vec<u8>>,
    pub target: Option<Vec<u8>>,
    pub decision: Option<String>,
    pub decided_by: Option<String>,
    pub opened_at: Utc,
    pub decided_at: Option<Utc>,
}

/// A conflict of a sync.
pub async fn get(
    client: &impl GenericClient,
    account: AccountId,
    sync: SyncId,
    id: ConflictId,
) -> Result<Option<Stored>> {
    let select = "SELECT c.id, c.session_id, d.name, c.key, c.kind, c.status, c.base, c.source, c.target, c.decision,
        c.decided_by, c.opened_at, c.decided_at FROM conflicts c JOIN datasets d ON d.id = c.dataset_id
        WHERE c.account_id = $1 AND c.sync_id = $2 AND c.id = $3";
    let row = client.query_opt(select, &[&account, &sync, &id]).await?;
    Ok(row.map(|row| Stored {
        id: row.get(0),
        session: SessionId(row.get(1)),
        dataset: row.get(2),
        key: row.get(3),
        kind: row.get(4),
        status: row.get(5),
        base: row.get(6),
        source: row.get(7),
        target: row.get(8),
        decision: row.get(9),
        decided_by: row.get(10),
        opened_at: row.get(11),
        decided_at: row.get(12),
    }))
}

/// Open, and neither one that others caused by writing at the same time nor one that the next session settles.
const WAITS: &str = "status = 'open' AND kind <> 'contended' AND NOT asks_nobody";

/// Stores conflicts of different records: each takes the place of its record's open one, or is a new one.
pub async fn store(client: &impl GenericClient, place: Place, conflicts: &[NewConflict<'_>]) -> Result<()> {
    let statement = "WITH given AS (
            SELECT * FROM unnest($5::uuid[], $6::bytea[], $7::text[], $8::text[], $9::bytea[], $10::bytea[],
                                 $11::bytea[], $12::text[], $13::text[], $14::jsonb[])
            AS g (id, key, kind, status, base, source, target, decision, decided_by, shown)
        ), refreshed AS (
            UPDATE conflicts c SET kind = g.kind, status = g.status, base = g.base, source = g.source,
                target = g.target, decision = g.decision, decided_by = g.decided_by, shown = g.shown,
                decided_at = CASE WHEN g.status <> 'open' THEN now() END,
                decided_in = CASE WHEN g.status <> 'open' THEN $3::uuid END,
                asks_nobody = c.asks_nobody AND g.status <> 'open', revision = c.revision + 1
            FROM given g WHERE c.dataset_id = $4 AND c.key = g.key AND c.status = 'open' RETURNING c.key
        )
        INSERT INTO conflicts (id, account_id, sync_id, session_id, dataset_id, key, kind, status, base, source, target,
                               decision, decided_by, shown, decided_at, decided_in)
        SELECT id, $1::uuid, $2::uuid, $3::uuid, $4, key, kind, status, base, source, target, decision, decided_by, shown,
               CASE WHEN status <> 'open' THEN now() END, CASE WHEN status <> 'open' THEN $3::uuid END
        FROM given g WHERE NOT EXISTS (SELECT 1 FROM refreshed WHERE refreshed.key = g.key)";
    let statement = client.prepare_cached(statement).await?;
    let ids: Vec<_> = conflicts.iter().map(|one| one.id).collect();
    let keys: Vec<_> = conflicts.iter().map(|one| one.key).collect();
    let kinds: Vec<_> = conflicts.iter().map(|one| one.kind).collect();
    let statuses: Vec<_> = conflicts.iter().map(|one| one.status).collect();
    let bases: Vec<_> = conflicts.iter().map(|one| one.base.as_deref()).collect();
    let sources: Vec<_> = conflicts.iter().map(|one| one.source.as_deref()).collect();
    let targets: Vec<_> = conflicts.iter().map(|one| one.target.as_deref()).collect();
    let decisions: Vec<_> = conflicts.iter().map(|one| one.decision).collect();
    let deciders: Vec<_> = conflicts.iter().map(|one| one.decided_by).collect();
    let shown: Vec<_> = conflicts.iter().map(|one| &one.shown).collect();
    let Place { account, sync, session, dataset } = place;
    let given: [&(dyn tokio_postgres::types::ToSql + Sync); 14] = [
        &account, &sync, &session.0, &dataset, &ids, &keys, &kinds, &statuses, &bases, &sources, &targets, &decisions,
        &deciders, &shown,
    ];
    client.execute(&statement, &given).await?;
    Ok(())
}

/// Closes the open conflicts of records whose sides became equal.
pub async fn supersede(client: &impl GenericClient, dataset: i64, session: SessionId, keys: &[&[u8]]) -> Result<()> {
    let update =
        "UPDATE conflicts SET status = 'superseded', decided_at = now(), decided_in = $2, revision = revision + 1
                  WHERE dataset_id = $1 AND key = ANY ($3) AND status = 'open'";
    let update = client.prepare_cached(update).await?;
    client.execute(&update, &[&dataset, &session.0, &keys]).await?;
    Ok(())
}

/// Closes all open conflicts of a dataset whose base is dropped.
pub async fn drop_open(client: &impl GenericClient, dataset: i64) -> Result<()> {
    let update = "UPDATE conflicts SET status = 'superseded', decision = 'base dropped', decided_at = now(),
                  revision = revision + 1 WHERE dataset_id = $1 AND status = 'open'";
    let update = client.prepare_cached(update).await?;
    client.execute(&update, &[&dataset]).await?;
    Ok(())
}

/// Opens again what a session settled that is being undone; a newer open conflict of the same record stands instead, and
/// of several of one record the first. One that the session itself found asks nobody: the next session decides it.
pub async fn reopen(client: &impl GenericClient, account: AccountId, sync: SyncId, undone: SessionId) -> Result<()> {
    let update = "WITH first AS (
            SELECT DISTINCT ON (dataset_id, key) id FROM conflicts
            WHERE decided_in = $1 AND account_id = $2 AND sync_id = $3 ORDER BY dataset_id, key, id
        )
        UPDATE conflicts c SET status = 'open', decision = NULL, decided_by = NULL, decided_at = NULL, decided_in = NULL,
            asks_nobody = c.asks_nobody OR c.session_id = $1, revision = c.revision + 1
        FROM first WHERE c.id = first.id AND NOT EXISTS (
            SELECT 1 FROM conflicts o WHERE o.dataset_id = c.dataset_id AND o.key = c.key AND o.status = 'open')";
    let update = client.prepare_cached(update).await?;
    client.execute(&update, &[&undone.0, &account, &sync]).await?;
    Ok(())
}

/// Settles a conflict, or opens it again: then the record's newer open one, if there is one, stands instead. False: the
/// dataset has no such conflict.
pub async fn decide(
    client: &impl GenericClient,
    dataset: i64,
    session: SessionId,
    id: ConflictId,
    decision: &Decision<'_>,
) -> Result<bool> {
    let update = "WITH known AS (SELECT 1 FROM conflicts WHERE id = $1 AND dataset_id = $2), decided AS (
            UPDATE conflicts c SET status = $4::text, decision = $5, decided_by = $6,
                decided_at = CASE WHEN $4::text <> 'open' THEN now() END,
                decided_in = CASE WHEN $4::text <> 'open' THEN $3::uuid END, revision = c.revision + 1
            WHERE c.id = $1 AND c.dataset_id = $2 AND NOT ($4::text = 'open' AND EXISTS (
                SELECT 1 FROM conflicts o
                WHERE o.dataset_id = c.dataset_id AND o.key = c.key AND o.status = 'open' AND o.id <> c.id))
        )
        SELECT EXISTS (SELECT 1 FROM known)";
    let update = client.prepare_cached(update).await?;
    let Decision { status, decision, decided_by } = decision;
    let known = client.query_one(&update, &[&id, &dataset, &session.0, status, decision, decided_by]).await?;
    Ok(known.get(0))
}

/// Keys from `low` to below `high` that have an open conflict, in order.
pub async fn open_keys(
    client: &impl GenericClient,
    dataset: i64,
    low: &[u8],
    high: Option<&[u8]>,
) -> Result<Vec<Vec<u8>>> {
    // Two texts, since a bound that may be NULL is none for the index.
    let below = if high.is_some() { "AND key < $3" } else { "AND $3::bytea IS NULL" };
    let select = format!(
        "SELECT key FROM conflicts WHERE dataset_id = $1 AND status = 'open' AND key >= $2 {below} ORDER BY key"
    );
    let select = client.prepare_cached(&select).await?;
    Ok(client.query(&select, &[&dataset, &low, &high]).await?.iter().map(|row| row.get(0)).collect())
}

/// Number of conflicts of a dataset that wait for a person.
pub async fn count_waiting(client: &impl GenericClient, dataset: i64) -> Result<u64> {
    let select = format!("SELECT count(*) FROM conflicts WHERE dataset_id = $1 AND {WAITS}");
    let select = client.prepare_cached(&select).await?;
    Ok(client.query_one(&select, &[&dataset]).await?.get::<_, i64>(0).unsigned_abs())
}

/// Keys of the open conflicts that the next session decides afresh, with the session that found them.
pub async fn contended(client: &impl GenericClient, dataset: i64) -> Result<Vec<(Vec<u8>, SessionId)>> {
    let select = "SELECT key, session_id FROM conflicts
                  WHERE dataset_id = $1 AND status = 'open' AND kind = 'contended' ORDER BY key";
    let select = client.prepare_cached(select).await?;
    let rows = client.query(&select, &[&dataset]).await?;
    Ok(rows.iter().map(|row| (row.get(0), SessionId(row.get::<_, Uuid>(1)))).collect())
}
