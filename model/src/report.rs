//! The report of a session: what was read, written, found and refused.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::{Mode, Reason, SessionId, SessionStatus};

/// The report of a session. Its JSON is a contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which session, and how it ended.
    pub session: SessionSummary,
    /// One entry per pair of datasets.
    pub datasets: Vec<DatasetReport>,
    /// The guards that were looked at.
    pub guards: Vec<GuardReport>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Which session, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// The session.
    pub id: SessionId,
    /// Where it stands.
    pub status: SessionStatus,
    /// What it was for.
    pub mode: Mode,
    /// When it began, RFC 3339 UTC.
    pub started_at: String,
    /// When it ended, RFC 3339 UTC.
    pub ended_at: Option<String>,
    /// Why it is where it is.
    pub reason: Option<Reason>,
}

/// The counters of one pair of datasets; all count records.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DatasetReport {
    /// Name on the source.
    pub source: String,
    /// Name on the target.
    pub target: String,
    /// What was read.
    pub read: ReadCounts,
    /// What was written to the target.
    pub to_target: WriteCounts,
    /// What was written to the source.
    pub to_source: WriteCounts,
    /// Same as before on both sides.
    pub unchanged: u64,
    /// Met for the first time and already equal.
    pub adopted: u64,
    /// Became equal without our doing: the base moved, nothing was written.
    pub settled: u64,
    /// Combined field by field; counted as updated on each written side too.
    pub merged: u64,
    /// Changed on the target of a one-way sync and left so.
    pub drift: u64,
    /// Only on the target of a one-way sync, never seen at the source.
    pub target_only: u64,
    /// There, but outside the filter.
    pub out_of_scope: u64,
    /// Changed by the written side itself: triggers, rounding.
    pub transformed: u64,
    /// Conflicts.
    pub conflicts: ConflictCounts,
    /// Could not be read or were refused.
    pub rejected: u64,
    /// What reading again found.
    pub verified: VerifyCounts,
    /// Moved since a plan was saved or a session was undone, and therefore left alone.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_alone: u64,
    /// Where the time went.
    pub seconds: Seconds,
}

impl DatasetReport {
    /// The sum over all datasets, named `total`.
    pub fn total(datasets: &[DatasetReport]) -> DatasetReport {
        let mut total = DatasetReport { source: "total".to_owned(), ..DatasetReport::default() };
        for dataset in datasets {
            total += dataset;
        }
        total
    }

    /// Records written on either side.
    pub fn written(&self) -> u64 {
        self.to_target.total() + self.to_source.total()
    }
}

impl AddAssign<&DatasetReport> for DatasetReport {
    /// Adds the counters; the names stay.
    fn add_assign(&mut self, other: &DatasetReport) {
        self.read += other.read;
        self.to_target += other.to_target;
        self.to_source += other.to_source;
        self.unchanged += other.unchanged;
        self.adopted += other.adopted;
        self.settled += other.settled;
        self.merged += other.merged;
        self.drift += other.drift;
        self.target_only += other.target_only;
        self.out_of_scope += other.out_of_scope;
        self.transformed += other.transformed;
        self.conflicts += other.conflicts;
        self.rejected += other.rejected;
        self.verified += other.verified;
        self.left_alone += other.left_alone;
        self.seconds += other.seconds;
    }
}

/// Records read through the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadCounts {
    /// From the source.
    pub source: u64,
    /// From the target.
    pub target: u64,
    /// In blocks whose sums made reading needless.
    pub skipped_unchanged: u64,
}

impl AddAssign for ReadCounts {
    fn add_assign(&mut self, other: Self) {
        self.source += other.source;
        self.target += other.target;
        self.skipped_unchanged += other.skipped_unchanged;
    }
}

/// Records written to one side, as the system confirmed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteCounts {
    /// Made.
    pub created: u64,
    /// Changed.
    pub updated: u64,
    /// Removed.
    pub deleted: u64,
}

impl WriteCounts {
    /// Records written in any way.
    pub fn total(self) -> u64 {
        self.created + self.updated + self.deleted
    }
}

impl AddAssign for WriteCounts {
    fn add_assign(&mut self, other: Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
    }
}

/// Conflicts of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConflictCounts {
    /// Settled by a strategy in this session.
    pub resolved: u64,
    /// Waiting for a person at its end.
    pub open: u64,
}

impl AddAssign for ConflictCounts {
    fn add_assign(&mut self, other: Self) {
        self.resolved += other.resolved;
        self.open += other.open;
    }
}

/// What reading again found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VerifyCounts {
    /// Equal on both sides.
    pub equal: u64,
    /// Different.
    pub different: u64,
    /// Left out: open conflicts, kept records and the like.
    pub not_compared: u64,
}

impl AddAssign for VerifyCounts {
    fn add_assign(&mut self, other: Self) {
        self.equal += other.equal;
        self.different += other.different;
        self.not_compared += other.not_compared;
    }
}

/// Where the time went, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seconds {
    /// Looking at both sides and cutting the work.
    pub plan: f64,
    /// Reading and deciding.
    pub compare: f64,
    /// Writing and reading back.
    pub write: f64,
}

impl AddAssign for Seconds {
    fn add_assign(&mut self, other: Self) {
        self.plan += other.plan;
        self.compare += other.compare;
        self.write += other.write;
    }
}

/// What a guard found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardReport {
    /// The guard; see [`crate::GuardName`].
    pub name: String,
    /// What it allows.
    pub limit: f64,
    /// What it found.
    pub actual: f64,
    /// Whether it found too much.
    pub tripped: bool,
    /// Whether it was overridden for this session.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allowed: bool,
    /// What it found, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The dataset it looked at, if it looks at one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_json_is_the_one_of_the_contract() {
        let contract = json!({
            "session": {"id": "0198c0de-0000-7000-8000-000000000000", "status": "completed", "mode": "sync",
                "started_at": "2026-01-02T03:04:05Z", "ended_at": "2026-01-02T03:04:06Z", "reason": null},
            "datasets": [{"source": "public.customers", "target": "customers",
                "read": {"source": 1_000_000, "target": 999_900, "skipped_unchanged": 0},
                "to_target": {"created": 100, "updated": 7, "deleted": 0},
                "to_source": {"created": 0, "updated": 3, "deleted": 0},
                "unchanged": 999_888, "adopted": 0, "settled": 0, "merged": 0, "drift": 0, "target_only": 0,
                "out_of_scope": 0, "transformed": 0,
                "conflicts": {"resolved": 4, "open": 2}, "rejected": 0,
                "verified": {"equal": 0, "different": 0, "not_compared": 0},
                "seconds": {"plan": 0.2, "compare": 3.1, "write": 0.4}}],
            "guards": [{"name": "max_delete_percent", "limit": 50.0, "actual": 0.0, "tripped": false}],
            "warnings": []
        });
        let report: Report = serde_json::from_value(contract.clone()).unwrap();
        assert_eq!(serde_json::to_value(&report).unwrap(), contract);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            serde_json::to_string(&contract).unwrap(),
            "the order of the fields, too"
        );
    }

    #[test]
    fn records_left_alone_are_named_only_if_there_are_any() {
        let report = DatasetReport { left_alone: 2, ..DatasetReport::default() };
        assert_eq!(serde_json::to_value(&report).unwrap()["left_alone"], 2);
        assert!(serde_json::to_value(DatasetReport::default()).unwrap().get("left_alone").is_none());
    }

    #[test]
    fn a_total_adds_every_counter() {
        let value = serde_json::to_value(DatasetReport { left_alone: 1, ..DatasetReport::default() }).unwrap();
        let ones: DatasetReport = serde_json::from_value(fill(value)).unwrap();
        let total = DatasetReport::total(&[ones.clone(), ones]);
        let text = serde_json::to_string(&total).unwrap();
        assert!(!text.contains(":0") && !text.contains(":1"), "a counter was not added: {text}");
        assert_eq!(total.written(), 12);
    }

    /// Every number becomes 1.
    fn fill(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Number(number) if number.is_f64() => json!(1.0),
            serde_json::Value::Number(_) => json!(1),
            serde_json::Value::Object(fields) => fields.into_iter().map(|(name, part)| (name, fill(part))).collect(),
            other => other,
        }
    }
}
