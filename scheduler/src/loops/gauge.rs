//! Measures how much there is to do, and how many workers are wanted for it. It only looks, so every scheduler does it.

use std::time::Duration;

use metrics::gauge;
use pinksync_common::queue::Class;
use pinksync_common::store;
use pinksync_common::store::load::{self, Load};
use pinksync_common::telemetry::names;

use super::{Left, Loop};
use crate::{Result, Scheduler};

pub(crate) const LOOP: Loop = Loop {
    name: "gauge",
    every: Duration::from_secs(5),
    round: |scheduler| Box::pin(async move { round(&scheduler).await }),
};

/// One round.
pub async fn round(scheduler: &Scheduler) -> Result<Left> {
    let client = store::client(&scheduler.pool).await?;
    show(&load::load(&client).await?, scheduler.limits.tasks_per_worker);
    // Last: the database's figures are shown also while the broker does not answer.
    gauge!(names::DEAD_LETTERS).set(f64::from(scheduler.inspector.dead_count().await?));
    Ok(Left::Nothing)
}

fn show(load: &Load, tasks_per_worker: u32) {
    for class in Class::ALL {
        let tasks = load.of(class);
        gauge!(names::TASKS_READY, "class" => class.as_str()).set(tasks.ready as f64);
        gauge!(names::TASKS_RUNNING, "class" => class.as_str()).set(tasks.running as f64);
        gauge!(names::OLDEST_READY_TASK_SECONDS, "class" => class.as_str()).set(tasks.oldest_seconds);
    }
    for (status, count) in [("pending", load.pending), ("in_progress", load.in_progress), ("paused", load.paused)] {
        gauge!(names::SESSIONS, "status" => status).set(count as f64);
    }
    gauge!(names::TASKS_PARKED).set(load.parked as f64);
    gauge!(names::OUTBOX_UNPUBLISHED).set(load.unpublished as f64);
    gauge!(names::WORKERS).set(load.workers as f64);
    gauge!(names::DESIRED_WORKERS).set(load.desired_workers(tasks_per_worker) as f64);
}
