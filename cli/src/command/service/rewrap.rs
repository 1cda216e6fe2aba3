//! `pinksync keys rewrap`: the second step of a rotation of the master key.

use clap::Args;
use pinksync_common::definition::rewrap_secrets;
use pinksync_common::sealing::KeyRing;
use pinksync_common::settings::Role;
use pinksync_common::store::secrets::{self, Place};
use pinksync_common::store::{Client, StoreError};
use serde_json::json;
use uuid::Uuid;

use super::start;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Secrets looked at in one statement.
const BATCH: i64 = 500;

/// Wraps all stored secrets by the current master key, so that older ones can be taken out of PINKSYNC_MASTER_KEY
///
/// First put the new key behind the old one in PINKSYNC_MASTER_KEY and restart API and workers, so that all know it;
/// then put it in front, restart them again, and run this. Take the old key out a day later. Processes may go on working
/// meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  PINKSYNC_MASTER_KEY=new:…,old:… pinksync keys rewrap")]
pub struct Rewrap {}

impl Rewrap {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let settings = start::settings(Role::Secrets)?;
        let ring = settings.master_keys().map_err(start::wrong_settings)?;
        let pool = start::pool(&settings, "pinksync keys rewrap")?;
        let client = pool.get().await.map_err(|error| failed(error.into()))?;
        let mut wrapped = 0_u64;
        for place in [Place::Connections, Place::SyncRevisions] {
            wrapped += rewrap_all(&client, ring, place).await?;
        }
        if context.json() {
            context.output.json(&json!({"rewrapped": wrapped, "master_key": ring.current().id()}));
        } else {
            let key = ring.current().id();
            context
                .output
                .line(format_args!("{wrapped} secrets are now wrapped by the master key `{key}`, as all others are"));
        }
        Ok(Exit::Done)
    }
}

async fn rewrap_all(client: &Client, ring: &KeyRing, place: Place) -> Result<u64, Failure> {
    let mut last = (Uuid::nil(), -1);
    let mut wrapped = 0;
    loop {
        let found = secrets::after(client, place, last, BATCH).await.map_err(failed)?;
        let Some(end) = found.last() else { return Ok(wrapped) };
        last = (end.object, end.revision);
        for one in &found {
            let again = rewrap_secrets(ring, one.account, one.object, &one.sealed).map_err(|error| {
                Failure::failed(format!("the secret of {} cannot be wrapped", one.object))
                    .because(&error)
                    .help("PINKSYNC_MASTER_KEY needs the key that sealed it, too, behind the current one")
            })?;
            if let Some(again) = again
                && secrets::replace(client, place, one, &again).await.map_err(failed)?
            {
                wrapped += 1;
            }
        }
    }
}

fn failed(error: StoreError) -> Failure {
    Failure::failed("the metadata database refused it").because(&error).help("check PINKSYNC_DATABASE_URL")
}
