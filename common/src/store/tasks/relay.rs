//! Wake-ups: what is to be published, what was, and what waits for its session to have fewer in flight.

use std::time::Duration;

use tokio_postgres::Row;

use crate::ids::{SessionId, TaskId};
use crate::queue::Class;
use crate::store::{GenericClient, Result, StoreError};

/// A task's id and where its wake-up goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToPublish {
    pub task: TaskId,
    pub class: Class,
}

/// Notes that the broker has confirmed wake-ups that were sent `ago`. One whose task was taken, and is ready again, since
/// then is used up. System-wide: the ids come from the caller's own inserts.
pub async fn published(client: &impl GenericClient, tasks: &[TaskId], ago: Duration) -> Result<()> {
    const UPDATE: &str = "UPDATE tasks SET published_at = now() WHERE id = ANY($1) AND status = 'ready'
        AND available_at <= clock_timestamp() - make_interval(secs => $2)";
    let statement = client.prepare_cached(UPDATE).await?;
    client.execute(&statement, &[&tasks, &ago.as_secs_f64()]).await?;
    Ok(())
}

/// Wake-ups that nobody has published for `age`, oldest first. System-wide, for the relay.
pub async fn unpublished(client: &impl GenericClient, age: Duration, limit: i64) -> Result<Vec<ToPublish>> {
    const SELECT: &str = "SELECT id, class FROM tasks
        WHERE status = 'ready' AND published_at IS NULL AND NOT held AND available_at <= now()
          AND greatest(available_at, created_at) <= now() - make_interval(secs => $1)
        ORDER BY available_at LIMIT $2";
    let statement = client.prepare_cached(SELECT).await?;
    let rows = client.query(&statement, &[&age.as_secs_f64(), &limit]).await?;
    rows.iter().map(to_publish).collect()
}

/// How many ready tasks of a class were published more than `age` ago: as many messages the queue should have, at least.
/// System-wide.
pub async fn awaited(client: &impl GenericClient, class: Class, age: Duration) -> Result<i64> {
    const COUNT: &str = "SELECT count(*) FROM tasks WHERE status = 'ready' AND NOT held AND class = $1
        AND published_at < now() - make_interval(secs => $2)";
    let statement = client.prepare_cached(COUNT).await?;
    Ok(client.query_one(&statement, &[&class.as_str(), &age.as_secs_f64()]).await?.get(0))
}

/// Forgets that ready tasks of a class were published more than `age` ago, up to `most` of them and the longest ago first,
/// so that the relay publishes them again: for a queue that has lost messages. System-wide. Gives how many.
pub async fn republish(client: &impl GenericClient, class: Class, age: Duration, most: i64) -> Result<u64> {
    const UPDATE: &str = "UPDATE tasks SET published_at = NULL WHERE status = 'ready' AND id IN (
            SELECT id FROM tasks WHERE status = 'ready' AND NOT held AND class = $1
              AND published_at < now() - make_interval(secs => $2)
            ORDER BY published_at LIMIT $3 FOR UPDATE SKIP LOCKED)";
    let statement = client.prepare_cached(UPDATE).await?;
    Ok(client.execute(&statement, &[&class.as_str(), &age.as_secs_f64(), &most]).await?)
}

/// Lets a session have one more task in flight.
pub async fn release(client: &impl GenericClient, session: SessionId, count: i64) -> Result<Vec<ToPublish>> {
    const UPDATE: &str = "UPDATE tasks SET held = false WHERE id IN (
            SELECT id FROM tasks WHERE session_id = $1 AND status = 'ready' AND held
            ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING id, class";
    let statement = client.prepare_cached(UPDATE).await?;
    client.query(&statement, &[&session.0, &count]).await?.iter().map(to_publish).collect()
}

pub(super) fn to_publish(row: &Row) -> Result<ToPublish> {
    let class: &str = row.get(1);
    let class = class.parse().map_err(|_| StoreError::Unreadable("the class of a task", class.to_owned()))?;
    Ok(ToPublish { task: row.get(0), class })
}
