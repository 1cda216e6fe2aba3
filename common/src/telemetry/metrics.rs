//! Metrics as Prometheus reads them. What there is, is described here and nowhere else.

use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

/// Upper bounds of the classes of durations, in seconds: from an answered request to a long task.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 120.0];

/// How often observations that nobody has asked for yet are put into their classes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Names of metrics; their labels stand in braces.
pub mod names {
    /// {method, route, status}
    pub const HTTP_REQUEST_SECONDS: &str = "pinksync_http_request_seconds";
    /// {class}
    pub const TASKS_READY: &str = "pinksync_tasks_ready";
    /// {class}
    pub const TASKS_RUNNING: &str = "pinksync_tasks_running";
    pub const TASKS_PARKED: &str = "pinksync_parked_tasks";
    /// {class}
    pub const OLDEST_READY_TASK_SECONDS: &str = "pinksync_oldest_ready_task_seconds";
    pub const DESIRED_WORKERS: &str = "pinksync_desired_workers";
    /// {status}
    pub const SESSIONS: &str = "pinksync_sessions";
    pub const DEAD_LETTERS: &str = "pinksync_dead_letters";
    pub const OUTBOX_UNPUBLISHED: &str = "pinksync_outbox_unpublished";
    pub const WORKERS: &str = "pinksync_workers";
    pub const LEASE_TAKEOVERS: &str = "pinksync_lease_takeovers_total";
    pub const SCHEDULER_LEADS: &str = "pinksync_scheduler_leads";
    /// {loop}
    pub const SCHEDULER_LAST_SUCCESS_SECONDS: &str = "pinksync_scheduler_last_success_seconds";
    /// {loop}
    pub const SCHEDULER_FAILURES: &str = "pinksync_scheduler_failures_total";
    pub const WORKER_PERMITS: &str = "pinksync_worker_permits";
    pub const WORKER_BUSY: &str = "pinksync_worker_busy_permits";
    /// {kind, outcome}
    pub const TASKS: &str = "pinksync_tasks_total";
    /// {kind}
    pub const TASK_SECONDS: &str = "pinksync_task_seconds";
    pub const LEASES_LOST: &str = "pinksync_leases_lost_total";
    /// {side}
    pub const RECORDS_WRITTEN: &str = "pinksync_records_written_total";
    /// {mode}
    pub const SESSIONS_SUBMITTED: &str = "pinksync_sessions_submitted_total";
    /// {result}
    pub const TOKENS: &str = "pinksync_token_requests_total";
}

/// Metrics go somewhere already: this is called once in a process.
#[derive(Debug, thiserror::Error)]
#[error("metrics were started before")]
pub struct AlreadyMeasuring;

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// From here on, metrics of this process are kept. [`Metrics::keep_up`] has to run beside.
    ///
    /// # Errors
    /// They are already.
    pub fn start() -> Result<Self, AlreadyMeasuring> {
        let recorder = recorder().ok_or(AlreadyMeasuring)?;
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|_| AlreadyMeasuring)?;
        describe();
        Ok(Self(handle))
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Keeps what was observed from piling up while nobody asks for it, until `stop`.
    pub async fn keep_up(&self, stop: CancellationToken) {
        let mut ticks = interval(UPKEEP);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.0.run_upkeep();
        }
    }
}

/// None only if there were no classes.
fn recorder() -> Option<PrometheusRecorder> {
    Some(PrometheusBuilder::new().set_buckets(&SECONDS).ok()?.build_recorder())
}

fn describe() {
    describe_histogram!(names::HTTP_REQUEST_SECONDS, Unit::Seconds, "How long requests took to be answered");
    describe_gauge!(names::TASKS_READY, "Tasks that could be carried out now");
    describe_gauge!(names::TASKS_RUNNING, "Tasks that a worker holds");
    describe_gauge!(names::TASKS_PARKED, "Tasks that failed too often and wait for a person");
    describe_gauge!(names::OLDEST_READY_TASK_SECONDS, Unit::Seconds, "How long the oldest ready task has waited");
    describe_gauge!(names::DESIRED_WORKERS, "Workers that ready and running tasks would keep busy");
    describe_gauge!(names::SESSIONS, "Sessions that have not ended, by status");
    describe_gauge!(names::DEAD_LETTERS, "Messages that nobody could make sense of");
    describe_gauge!(names::OUTBOX_UNPUBLISHED, "Wake-ups that the broker has not confirmed yet");
    describe_gauge!(names::WORKERS, "Workers that were lately heard of and are not stopping");
    describe_counter!(names::LEASE_TAKEOVERS, "Tasks taken from an owner whose lease had run out");
    describe_gauge!(names::SCHEDULER_LEADS, "1 where this scheduler leads");
    describe_gauge!(
        names::SCHEDULER_LAST_SUCCESS_SECONDS,
        Unit::Seconds,
        "When a loop of the scheduler last did its work, in seconds since 1970"
    );
    describe_counter!(names::SCHEDULER_FAILURES, "Rounds of the scheduler's loops that failed");
    describe_gauge!(names::WORKER_PERMITS, "Tasks that this worker takes at once");
    describe_gauge!(names::WORKER_BUSY, "Tasks that this worker has at work");
    describe_counter!(names::TASKS, "Tasks that this worker was done with, by kind and outcome");
    describe_histogram!(names::TASK_SECONDS, Unit::Seconds, "How long tasks took");
    describe_counter!(names::LEASES_LOST, "Tasks that another worker took over while this one was at them");
    describe_counter!(names::RECORDS_WRITTEN, "Records that a side confirmed as written");
    describe_counter!(names::SESSIONS_SUBMITTED, "Sessions that were accepted, by mode");
    describe_counter!(names::TOKENS, "API keys that were to be traded for a token, by result");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_rendered_with_their_descriptions() {
        let recorder = recorder().unwrap();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::gauge!(names::TASKS_READY, "class" => "bulk").set(3.0);
            metrics::counter!(names::TOKENS, "result" => "issued").increment(2);
            metrics::histogram!(names::HTTP_REQUEST_SECONDS, "route" => "/livez").record(0.2);
        });
        let text = handle.render();
        for line in [
            "# HELP pinksync_tasks_ready Tasks that could be carried out now",
            "# TYPE pinksync_tasks_ready gauge",
            "pinksync_tasks_ready{class=\"bulk\"} 3",
            "pinksync_token_requests_total{result=\"issued\"} 2",
            "pinksync_http_request_seconds_bucket{route=\"/livez\",le=\"0.1\"} 0",
            "pinksync_http_request_seconds_bucket{route=\"/livez\",le=\"0.25\"} 1",
            "pinksync_http_request_seconds_count{route=\"/livez\"} 1",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in:\n{text}");
        }
    }
}
