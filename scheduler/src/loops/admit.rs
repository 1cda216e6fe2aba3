//! Lets waiting sessions in, account by account: none is held up by another one's.
//!
//! Harmless where two run: whoever lets sessions of an account in holds the lock of its row.

use std::time::Duration;

use pinksync_common::ids::AccountId;
use pinksync_common::store::{self, Client, sessions};

use super::{Left, Loop, Parts};
use crate::publish::wake;
use crate::{Result, Scheduler};

pub(crate) const LOOP: Loop = Loop {
    name: "admit",
    every: Duration::from_secs(1),
    round: |scheduler| Box::pin(async move { round(&scheduler).await }),
};

/// One round.
pub async fn round(scheduler: &Scheduler) -> Result<Left> {
    let mut client = store::client(&scheduler.pool).await?;
    let mut parts = Parts::default();
    for account in sessions::waiting_accounts(&client).await? {
        parts.add(admit(scheduler, &mut client, account).await);
    }
    // The whole list was seen: what could not begin waits for a slot.
    parts.end(usize::MAX)
}

async fn admit(scheduler: &Scheduler, client: &mut Client, account: AccountId) -> Result<bool> {
    let transaction = store::begin(client).await?;
    let wanted = sessions::admit(&transaction, account, scheduler.limits.sessions_per_account).await?;
    store::commit(transaction).await?;
    wake(scheduler, client, &wanted).await;
    Ok(!wanted.is_empty())
}
