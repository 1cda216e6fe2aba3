//! The journal: what is about to be committed, what was, and what was taken back. Entries are opaque.

use uuid::Uuid;

use super::fence::Fence;
use super::{GenericClient, Result};
use crate::ids::{AccountId, SessionId, TaskId};

/// Where a chunk stands; the numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Pending = 0,
    Done = 1,
    Undone = 2,
}

/// A chunk's content.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The smallest key, and the largest.
    pub low: Option<&'a [u8]>,
    pub high: Option<&'a [u8]>,
    /// Records written on either side.
    pub writes: i64,
    pub entries: &'a [u8],
}

/// A stored chunk.
#[derive(Debug, Clone)]
pub struct Stored {
    pub id: i64,
    pub session: SessionId,
    /// The dataset's name.
    pub dataset: String,
    pub entries: Vec<u8>,
}

const STORED: &str = "SELECT j.id, j.session_id, d.name, e.entries FROM journal j
                      JOIN datasets d ON d.id = j.dataset_id JOIN journal_entries e ON e.chunk_id = j.id";

/// Stores a chunk as pending, in one statement, which commits by itself: every chunk costs one round trip. `None`: the fence does not hold (as in [`super::fence::hold`]), and nothing was stored.
pub async fn append(
    client: &impl GenericClient,
    account: AccountId,
    session: SessionId,
    dataset: i64,
    fence: Option<Fence>,
    content: &Content<'_>,
) -> Result<Option<i64>> {
    let holds = match fence {
        Some(_) => "SELECT 1 FROM tasks WHERE id = $4 AND generation = $5 AND status = 'running' FOR SHARE",
        None => "SELECT 1 WHERE $4::uuid IS NULL AND $5::bigint IS NULL",
    };
    let insert = format!(
        "WITH fence AS ({holds}), header AS (
             INSERT INTO journal (account_id, session_id, dataset_id, task_id, low, high, writes)
             SELECT $1::uuid, $2::uuid, $3::bigint, $4::uuid, $6::bytea, $7::bytea, $8::bigint FROM fence RETURNING id
         )
         INSERT INTO journal_entries (chunk_id, entries) SELECT id, $9::bytea FROM header RETURNING chunk_id"
    );
    let insert = client.prepare_cached(&insert).await?;
    let (task, generation) = (fence.map(|fence| fence.task), fence.map(|fence| fence.generation));
    let Content { low, high, writes, entries } = content;
    let given: [&(dyn tokio_postgres::types::ToSql + Sync); 9] =
        [&account, &session.0, &dataset, &task, &generation, low, high, writes, entries];
    Ok(client.query_opt(&insert, &given).await?.map(|row| row.get(0)))
}

/// Pending chunks of a dataset beyond `after`, oldest first; of one task only where it is named.
pub async fn pending(
    client: &impl GenericClient,
    dataset: i64,
    task: Option<TaskId>,
    after: i64,
    limit: i64,
) -> Result<Vec<Stored>> {
    let select = format!(
        "{STORED} WHERE j.dataset_id = $1 AND j.state = 0 AND ($2::uuid IS NULL OR j.task_id = $2) AND j.id > $3
         ORDER BY j.id LIMIT $4"
    );
    let select = client.prepare_cached(&select).await?;
    Ok(client.query(&select, &[&dataset, &task, &after, &limit]).await?.iter().map(stored).collect())
}

/// A chunk of a dataset, if it is pending, and of the task where one is named.
pub async fn pending_chunk(
    client: &impl GenericClient,
    dataset: i64,
    task: Option<TaskId>,
    id: i64,
) -> Result<Option<Stored>> {
    let select = format!(
        "{STORED} WHERE j.id = $3 AND j.dataset_id = $1 AND j.state = 0 AND ($2::uuid IS NULL OR j.task_id = $2)"
    );
    let select = client.prepare_cached(&select).await?;
    Ok(client.query_opt(&select, &[&dataset, &task, &id]).await?.as_ref().map(stored))
}

/// Done chunks of a session below `before`, newest first; of one task only where it is named.
pub async fn history(
    client: &impl GenericClient,
    account: AccountId,
    session: SessionId,
    task: Option<TaskId>,
    before: i64,
    limit: i64,
) -> Result<Vec<Stored>> {
    let select = format!(
        "{STORED} WHERE j.session_id = $1 AND j.account_id = $2 AND j.state = 1
         AND ($3::uuid IS NULL OR j.task_id = $3) AND j.id < $4 ORDER BY j.id DESC LIMIT $5"
    );
    let select = client.prepare_cached(&select).await?;
    let rows = client.query(&select, &[&session.0, &account, &task, &before, &limit]).await?;
    Ok(rows.iter().map(stored).collect())
}

/// Moves chunks from one state to another, and gives how many were in it.
pub async fn advance(client: &impl GenericClient, dataset: i64, ids: &[i64], from: State, to: State) -> Result<u64> {
    let update = "UPDATE journal SET state = $4 WHERE dataset_id = $1 AND id = ANY ($2) AND state = $3";
    let update = client.prepare_cached(update).await?;
    Ok(client.execute(&update, &[&dataset, &ids, &(from as i16), &(to as i16)]).await?)
}

/// Replaces a pending chunk by the part of it that was applied, which is done. False: it is not pending.
pub async fn amend(client: &impl GenericClient, dataset: i64, id: i64, content: &Content<'_>) -> Result<bool> {
    let update = "WITH header AS (
            UPDATE journal SET state = 1, low = $3, high = $4, writes = $5
            WHERE id = $2 AND dataset_id = $1 AND state = 0 RETURNING id
        )
        UPDATE journal_entries e SET entries = $6 FROM header WHERE e.chunk_id = header.id";
    let update = client.prepare_cached(update).await?;
    let Content { low, high, writes, entries } = content;
    Ok(client.execute(&update, &[&dataset, &id, low, high, writes, entries]).await? > 0)
}

/// Removes pending chunks that were not applied, and gives how many were there.
pub async fn void(client: &impl GenericClient, dataset: i64, ids: &[i64]) -> Result<u64> {
    let delete = "WITH header AS (
            DELETE FROM journal WHERE dataset_id = $1 AND id = ANY ($2) AND state = 0 RETURNING id
        )
        DELETE FROM journal_entries e USING header WHERE e.chunk_id = header.id";
    let delete = client.prepare_cached(delete).await?;
    Ok(client.execute(&delete, &[&dataset, &ids]).await?)
}

/// Removes the pending chunks of a session and task with just this content, whose numbers are not known.
pub async fn withdraw(
    client: &impl GenericClient,
    dataset: i64,
    session: SessionId,
    task: Option<TaskId>,
    entries: &[u8],
) -> Result<u64> {
    let delete = "WITH found AS (
            SELECT j.id FROM journal j JOIN journal_entries e ON e.chunk_id = j.id
            WHERE j.dataset_id = $1 AND j.state = 0 AND j.session_id = $2 AND j.task_id IS NOT DISTINCT FROM $3
            AND e.entries = $4
        ), header AS (DELETE FROM journal j USING found WHERE j.id = found.id)
        DELETE FROM journal_entries e USING found WHERE e.chunk_id = found.id";
    let delete = client.prepare_cached(delete).await?;
    Ok(client.execute(&delete, &[&dataset, &session.0, &task, &entries]).await?)
}

fn stored(row: &tokio_postgres::Row) -> Stored {
    let session: Uuid = row.get(1);
    Stored { id: row.get(0), session: SessionId(session), dataset: row.get(2), entries: row.get(3) }
}
