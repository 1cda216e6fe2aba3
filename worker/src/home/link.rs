//! Connections to the metadata database, and the lease under which they write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::Client;
use pinksync_common::store::fence::{self, Fence};
use pinksync_common::store::{Pool, StoreError, Transaction};

use super::fault::Fault;
use crate::lease::Lease;

#[derive(Debug, Clone)]
pub(super) struct Link {
    pool: Pool,
    fence: Option<Fence>,
    lease_lost: Arc<AtomicBool>,
    lease: Option<Arc<Lease>>,
}

impl Link {
    pub(super) fn new(pool: Pool, fence: Option<Fence>) -> Self {
        Self { pool, fence, lease_lost: Arc::default(), lease: None }
    }

    pub(super) fn under(mut self, lease: Arc<Lease>) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Whether this process may still write, as far as it knows without asking.
    pub(super) fn may_write(&self) -> Result<(), Fault> {
        match &self.lease {
            Some(lease) if !lease.holds() => Err(self.lose_lease()),
            _ if self.lease_lost() => Err(Fault::LeaseLost),
            _ => Ok(()),
        }
    }

    pub(super) async fn client(&self) -> Result<Client, Fault> {
        Ok(self.pool.get().await.map_err(StoreError::from)?)
    }

    /// Begins a transaction that writes. Nobody takes the task over until it ends.
    pub(super) async fn begin<'client>(&self, client: &'client mut Client) -> Result<Transaction<'client>, Fault> {
        let transaction = client.transaction().await.map_err(StoreError::from)?;
        self.hold(&transaction).await?;
        Ok(transaction)
    }

    /// Makes sure that the lease stands until the transaction ends.
    pub(super) async fn hold(&self, transaction: &Transaction<'_>) -> Result<(), Fault> {
        match self.fence {
            Some(fence) if !fence::hold(transaction, fence).await? => Err(self.lose_lease()),
            _ => Ok(()),
        }
    }

    pub(super) fn lose_lease(&self) -> Fault {
        self.lease_lost.store(true, Ordering::Release);
        if let Some(lease) = &self.lease {
            lease.lose();
        }
        Fault::LeaseLost
    }

    pub(super) fn lease_lost(&self) -> bool {
        self.lease_lost.load(Ordering::Acquire)
    }
}
