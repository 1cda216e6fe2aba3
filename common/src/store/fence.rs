//! Whether a task is still carried out under the lease that a write belongs to.

use super::{GenericClient, Result};
use crate::ids::TaskId;

/// The lease under which a worker writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    pub task: TaskId,
    pub generation: i64,
}

/// Whether the lease stands, and keeps it so until the transaction ends. System-wide: whoever has a fence was given it
/// with the task.
///
/// `FOR SHARE`, since a taker's UPDATE of the row must wait for a write in flight, so that it finds either all of it
/// or nothing, and a write that comes after the UPDATE must wait for it and then find another generation. A plain
/// SELECT would let both pass each other; FOR KEY SHARE does not hold up an UPDATE of columns that are no key.
pub async fn hold(client: &impl GenericClient, fence: Fence) -> Result<bool> {
    let select = "SELECT 1 FROM tasks WHERE id = $1 AND generation = $2 AND status = 'running' FOR SHARE";
    let select = client.prepare_cached(select).await?;
    Ok(client.query_opt(&select, &[&fence.task, &fence.generation]).await?.is_some())
}
