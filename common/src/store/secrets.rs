//! Sealed secrets of all accounts, for the rotation of the master key. System-wide: the operator's own work.

use uuid::Uuid;

use super::{GenericClient, Result};
use crate::ids::AccountId;

/// Where sealed secrets stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Connections,
    SyncRevisions,
}

/// Sealed secrets with what they are bound to.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub account: AccountId,
    /// The connection or the sync.
    pub object: Uuid,
    /// Of a sync; 0 for a connection.
    pub revision: i64,
    pub sealed: Vec<u8>,
}

/// At most `limit` of them, beyond the one of this object and revision.
pub async fn after(client: &impl GenericClient, place: Place, last: (Uuid, i64), limit: i64) -> Result<Vec<Sealed>> {
    let select = match place {
        Place::Connections => {
            "SELECT account_id, id, 0::bigint, sealed FROM connections
             WHERE sealed IS NOT NULL AND (id, 0) > ($1, $2) ORDER BY id LIMIT $3"
        }
        Place::SyncRevisions => {
            "SELECT account_id, sync_id, revision, sealed FROM sync_revisions
             WHERE sealed IS NOT NULL AND (sync_id, revision) > ($1, $2) ORDER BY sync_id, revision LIMIT $3"
        }
    };
    let rows = client.query(select, &[&last.0, &last.1, &limit]).await?;
    let sealed = |row: &tokio_postgres::Row| Sealed {
        account: row.get(0),
        object: row.get(1),
        revision: row.get(2),
        sealed: row.get(3),
    };
    Ok(rows.iter().map(sealed).collect())
}

/// Puts newly wrapped secrets in the place of the old ones. False: they were changed meanwhile, and stay as they are.
pub async fn replace(client: &impl GenericClient, place: Place, old: &Sealed, new: &[u8]) -> Result<bool> {
    let changed = match place {
        Place::Connections => {
            let update = "UPDATE connections SET sealed = $3 WHERE id = $1 AND sealed = $2";
            client.execute(update, &[&old.object, &old.sealed, &new]).await?
        }
        Place::SyncRevisions => {
            let update = "UPDATE sync_revisions SET sealed = $4 WHERE sync_id = $1 AND revision = $2 AND sealed = $3";
            client.execute(update, &[&old.object, &old.revision, &old.sealed, &new]).await?
        }
    };
    Ok(changed > 0)
}
