//! What a key may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One permission. `admin` implies all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// See connections, syncs, sessions and schedules.
    #[serde(rename = "sync:read")]
    SyncRead,
    /// Change them, and start sessions.
    #[serde(rename = "sync:write")]
    SyncWrite,
    /// See conflicts.
    #[serde(rename = "conflicts:read")]
    ConflictsRead,
    /// Resolve them.
    #[serde(rename = "conflicts:write")]
    ConflictsWrite,
    /// Everything, and API keys, workers, queue and audit.
    #[serde(rename = "admin")]
    Admin,
}

/// A text that names no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission `{0}`: one of sync:read, sync:write, conflicts:read, conflicts:write, admin")]
pub struct UnknownPermission(String);

/// The permissions of a key: in order, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Permission>")]
pub struct Permissions(Vec<Permission>);

impl Permission {
    pub const ALL: [Self; 5] =
        [Self::SyncRead, Self::SyncWrite, Self::ConflictsRead, Self::ConflictsWrite, Self::Admin];

    /// The spelling in JSON, SQL and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SyncRead => "sync:read",
            Self::SyncWrite => "sync:write",
            Self::ConflictsRead => "conflicts:read",
            Self::ConflictsWrite => "conflicts:write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

impl Permissions {
    /// Whether this is one of them, or `admin` is.
    pub fn allows(&self, permission: Permission) -> bool {
        self.0.contains(&permission) || self.0.contains(&Permission::Admin)
    }

    /// Each of them as it is spelled.
    pub fn spelled(&self) -> Vec<&'static str> {
        self.0.iter().map(|one| one.as_str()).collect()
    }

    /// Reads them from their spellings.
    ///
    /// # Errors
    /// The first one that is unknown.
    pub fn parse<T: AsRef<str>>(spelled: &[T]) -> Result<Self, UnknownPermission> {
        spelled.iter().map(|one| one.as_ref().parse()).collect::<Result<Vec<_>, _>>().map(Self::from)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<Permission>> for Permissions {
    fn from(mut permissions: Vec<Permission>) -> Self {
        permissions.sort_unstable();
        permissions.dedup();
        Self(permissions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_spelled_alike_everywhere() {
        for one in Permission::ALL {
            assert_eq!(one.as_str().parse(), Ok(one));
            assert_eq!(serde_json::to_value(one).unwrap(), one.as_str());
        }
        assert!("sync".parse::<Permission>().is_err() && "Admin".parse::<Permission>().is_err());
    }

    #[test]
    fn admin_implies_all_and_writing_does_not_imply_reading() {
        let admin = Permissions::from(vec![Permission::Admin]);
        assert!(Permission::ALL.into_iter().all(|one| admin.allows(one)));
        let writer = Permissions::parse(&["sync:write", "sync:write"]).unwrap();
        assert_eq!(writer.spelled(), ["sync:write"]);
        let allowed: Vec<_> = Permission::ALL.into_iter().filter(|one| writer.allows(*one)).collect();
        assert_eq!(allowed, [Permission::SyncWrite]);
    }
}
