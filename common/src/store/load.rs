//! How much there is to do at the moment. System-wide, for metrics and for scaling.

use super::{GenericClient, Result, StoreError};
use crate::queue::Class;

/// Tasks of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tasks {
    /// Could be begun now.
    pub ready: i64,
    pub running: i64,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    pub interactive: Tasks,
    pub bulk: Tasks,
    /// For how long the oldest ready task could have been begun, in seconds; 0 where there is none.
    pub oldest_ready_seconds: f64,
    /// Tasks that wait for a person.
    pub parked: i64,
    /// Sessions that are not over.
    pub pending: i64,
    pub in_progress: i64,
    pub paused: i64,
}

impl Load {
    pub fn of(&self, class: Class) -> Tasks {
        match class {
            Class::Interactive => self.interactive,
            Class::Bulk => self.bulk,
        }
    }
}

/// Counts what there is to do. Tasks that wait (for a retry, or for their session to have fewer in flight) are not
/// counted: more workers would not help them.
pub async fn load(client: &impl GenericClient) -> Result<Load> {
    const TASKS: &str = "SELECT class, count(*) AS ready, 0::bigint AS running,
            max(extract(epoch FROM now() - greatest(available_at, created_at)))::double precision AS oldest
        FROM tasks WHERE status = 'ready' AND NOT held AND available_at <= now() GROUP BY class
        UNION ALL SELECT class, 0, count(*), NULL FROM tasks WHERE status = 'running' GROUP BY class";
    const OTHERS: &str = "SELECT (SELECT count(*) FROM tasks WHERE status = 'parked'),
            count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'in_progress'),
            count(*) FILTER (WHERE status = 'paused')
        FROM sessions WHERE ended_at IS NULL";
    let statement = client.prepare_cached(TASKS).await?;
    let mut load = Load::default();
    for row in client.query(&statement, &[]).await? {
        let class: &str = row.get("class");
        let known = class.parse().map_err(|_| StoreError::Unreadable("the class of a task", class.to_owned()))?;
        let tasks = match known {
            Class::Interactive => &mut load.interactive,
            Class::Bulk => &mut load.bulk,
        };
        tasks.ready += row.get::<_, i64>("ready");
        tasks.running += row.get::<_, i64>("running");
        let oldest = row.get::<_, Option<f64>>("oldest").unwrap_or_default();
        load.oldest_ready_seconds = load.oldest_ready_seconds.max(oldest);
    }
    let statement = client.prepare_cached(OTHERS).await?;
    let row = client.query_one(&statement, &[]).await?;
    Ok(Load { parked: row.get(0), pending: row.get(1), in_progress: row.get(2), paused: row.get(3), ..load })
}
