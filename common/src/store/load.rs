//! How much there is to do at the moment. System-wide, for metrics and for scaling.

use super::workers::ALIVE_WITHIN;
use super::{GenericClient, Result, StoreError};
use crate::queue::Class;

/// Tasks of a class.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tasks {
    /// Could be begun now.
    pub ready: i64,
    pub running: i64,
    /// For how long the oldest ready one could have been begun, in seconds; 0 where there is none.
    pub oldest_seconds: f64,
}

/// What there is to do, and who there is to do it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    pub interactive: Tasks,
    pub bulk: Tasks,
    /// Tasks whose wake-up the broker has not confirmed.
    pub unpublished: i64,
    /// Tasks that wait for a person.
    pub parked: i64,
    /// Sessions that are not over.
    pub pending: i64,
    pub in_progress: i64,
    pub paused: i64,
    /// Workers that take tasks.
    pub workers: i64,
}

impl Load {
    pub fn of(&self, class: Class) -> Tasks {
        match class {
            Class::Interactive => self.interactive,
            Class::Bulk => self.bulk,
        }
    }

    /// So many that none has more than `tasks_per_worker` tasks to see to.
    pub fn desired_workers(&self, tasks_per_worker: u32) -> u64 {
        let tasks: i64 = Class::ALL.iter().map(|class| self.of(*class)).map(|tasks| tasks.ready + tasks.running).sum();
        tasks.unsigned_abs().div_ceil(u64::from(tasks_per_worker.max(1)))
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
            (SELECT count(*) FROM tasks
                WHERE status = 'ready' AND published_at IS NULL AND NOT held AND available_at <= now()),
            (SELECT count(*) FROM workers WHERE NOT stopping AND seen_at > now() - make_interval(secs => $1)),
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
        tasks.oldest_seconds += row.get::<_, Option<f64>>("oldest").unwrap_or_default();
    }
    let statement = client.prepare_cached(OTHERS).await?;
    let row = client.query_one(&statement, &[&ALIVE_WITHIN.as_secs_f64()]).await?;
    Ok(Load {
        parked: row.get(0),
        unpublished: row.get(1),
        workers: row.get(2),
        pending: row.get(3),
        in_progress: row.get(4),
        paused: row.get(5),
        ..load
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_wanted_for_each_begun_share_of_the_tasks() {
        let load = |ready, running| Load {
            bulk: Tasks { ready, ..Tasks::default() },
            interactive: Tasks { running, ..Tasks::default() },
            ..Load::default()
        };
        for (ready, running, wanted) in [(0, 0, 0), (1, 0, 1), (3, 1, 1), (3, 2, 2), (40, 1, 11)] {
            assert_eq!(load(ready, running).desired_workers(4), wanted, "{ready} and {running}");
        }
    }
}
