//! A session: its id, its states and the moves between them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{GuardName, UnknownName};

/// The id of a session, a UUID of version 7: later sessions sort after earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl SessionId {
    /// A new id from the current time and chance.
    #[expect(clippy::new_without_default, reason = "every call gives another id")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A text that is not the id of any session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no session `{0}`; `pinksync sessions FILE` lists them with their whole ids")]
pub struct NoSessionId(String);

impl FromStr for SessionId {
    type Err = NoSessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| NoSessionId(text.to_owned()))
    }
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// Not begun, perhaps waiting for a place.
    Pending,
    /// At work.
    InProgress,
    /// Stopped at a checkpoint; goes on later.
    Paused,
    /// Done.
    Completed,
    /// Ended by an error or a guard.
    Failed,
    /// Ended by a person.
    Cancelled,
}

impl SessionStatus {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::InProgress, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    /// Whether a session may move from this state to `next`.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::InProgress | Self::Cancelled | Self::Failed),
            Self::InProgress => matches!(next, Self::Paused | Self::Completed | Self::Failed | Self::Cancelled),
            Self::Paused => matches!(next, Self::InProgress | Self::Cancelled | Self::Failed),
            Self::Completed | Self::Failed | Self::Cancelled => false,
        }
    }

    /// Whether no move leads out of this state.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The spelling in JSON and on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for SessionStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for SessionStatus {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        UnknownName::find("session status", text, Self::ALL, Self::as_str)
    }
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Writes what is to be written.
    Sync,
    /// Only says what would be written.
    Plan,
    /// Only compares.
    Verify,
    /// Takes back another session.
    Undo,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::Sync, Self::Plan, Self::Verify, Self::Undo];

    /// The spelling in JSON and on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Plan => "plan",
            Self::Verify => "verify",
            Self::Undo => "undo",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        UnknownName::find("mode", text, Self::ALL, Self::as_str)
    }
}

/// What a session at work is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Looking at both systems and cutting the work.
    Planning,
    /// Reading sides that cannot deliver in key order.
    Staging,
    /// Comparing and writing creates and updates.
    Comparing,
    /// Carrying out the deletes that comparing collected.
    Deleting,
    /// Reading again what was written.
    Verifying,
    /// Closing the books.
    Finishing,
}

impl Phase {
    /// All phases, in their order.
    pub const ALL: [Self; 6] =
        [Self::Planning, Self::Staging, Self::Comparing, Self::Deleting, Self::Verifying, Self::Finishing];

    /// The spelling in JSON and on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Staging => "staging",
            Self::Comparing => "comparing",
            Self::Deleting => "deleting",
            Self::Verifying => "verifying",
            Self::Finishing => "finishing",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Phase {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        UnknownName::find("phase", text, Self::ALL, Self::as_str)
    }
}

/// Why a session is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A stable name that programs may look at, such as `interrupted`.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
}

/// A session in a list of sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// The session.
    pub id: SessionId,
    /// What it was for.
    pub mode: Mode,
    /// Where it stands.
    pub status: SessionStatus,
    /// When it began, RFC 3339 UTC.
    pub started_at: String,
    /// When it ended, RFC 3339 UTC.
    pub ended_at: Option<String>,
    /// Why it is where it is.
    pub reason: Option<Reason>,
    /// Whether an undo has taken it back.
    pub undone: bool,
    /// Records written on either side.
    pub written: u64,
    /// Conflicts that waited for a person at its end, as in its report; now, where it has not ended.
    pub open_conflicts: u64,
    /// Guards that were overridden for it by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<GuardName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_moves_are_allowed() {
        use SessionStatus::{Cancelled, Completed, Failed, InProgress, Paused, Pending};
        let allowed = [
            (Pending, InProgress),
            (Pending, Cancelled),
            (Pending, Failed),
            (InProgress, Paused),
            (InProgress, Completed),
            (InProgress, Failed),
            (InProgress, Cancelled),
            (Paused, InProgress),
            (Paused, Cancelled),
            (Paused, Failed),
        ];
        for from in SessionStatus::ALL {
            for to in SessionStatus::ALL {
                assert_eq!(from.can_become(to), allowed.contains(&(from, to)), "{from} to {to}");
            }
            assert_eq!(from.is_terminal(), !allowed.iter().any(|(start, _)| *start == from), "{from}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for status in SessionStatus::ALL {
            assert_eq!(status.as_str().parse::<SessionStatus>().unwrap(), status);
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for mode in Mode::ALL {
            assert_eq!(mode.as_str().parse::<Mode>().unwrap(), mode);
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        }
        for phase in Phase::ALL {
            assert_eq!(phase.as_str().parse::<Phase>().unwrap(), phase);
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.as_str());
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let (first, second) = (SessionId::new(), SessionId::new());
        assert!(first < second && first.to_string() < second.to_string());
        assert_eq!(first.to_string().parse::<SessionId>().unwrap(), first);
        assert_eq!(serde_json::to_value(first).unwrap(), first.to_string());
    }
}
