//! Shapes shared by every part of PinkCloudSync: the sync file with its parser, the report, the plan,
//! conflicts and sessions. No files, no network, no environment: what is needed is passed in.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod chain;
mod choices;
mod conflict;
mod connection;
mod dataset;
mod definition;
mod duration;
mod filter;
mod guard;
mod mistake;
mod options;
mod parse;
mod plan;
mod report;
mod secret;
mod session;
mod tls;
mod unknown_name;

pub use indexmap::IndexMap;

pub use chain::chain;
pub use choices::{BaseKind, ColumnType, Deletes, Direction, Incremental, Lossy, MergeMode, Strategy, Verify};
pub use conflict::{Choice, ConflictKind, ConflictLine, ConflictStatus, RejectLine};
pub use connection::{Connection, CsvSettings, FileSettings, ServerSettings, SqliteSettings};
pub use dataset::{DatasetDefinition, DatasetEntry, FieldRule, ModifiedAt};
pub use definition::SyncDefinition;
pub use duration::{HumanDuration, InvalidDuration};
pub use filter::{Filter, Op};
pub use guard::GuardName;
pub use mistake::{Mistake, Mistakes};
pub use options::{Guards, Options};
pub use plan::{FieldChange, PlanAction, PlanHeader, PlanLine, PlanOutput, PlanSummary, Side};
pub use report::{
    ConflictCounts, DatasetReport, GuardReport, ReadCounts, Report, Seconds, SessionSummary, VerifyCounts, WriteCounts,
};
pub use secret::Secret;
pub use session::{Mode, Phase, Reason, SessionId, SessionLine, SessionStatus};
pub use tls::{Tls, TlsMode};
pub use unknown_name::UnknownName;
