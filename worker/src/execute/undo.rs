//! Takes back what a session did.

use pinksync_common::store::sessions;
use pinksync_common::store::tasks::Claimed;
use pinksync_engine::session::Ending;
use pinksync_engine::{Error, ErrorKind, undo};

use super::advance::{Came, Failure};
use crate::begin::Ready;
use crate::service::Service;

pub async fn run(service: &Service, claimed: &Claimed, begun: &Ready) -> Result<Came, Failure> {
    let of = begun.row.undo_of.ok_or_else(|| {
        Error::new(ErrorKind::Definition, "undo", "the session does not say what it takes back")
            .with_remedy("ask for the undo anew")
    })?;
    let finished = undo::undo(&begun.session, of, false, &mut |_| Ok(())).await?;
    if finished.ending == Ending::Completed {
        let client = service.pool.get().await.map_err(pinksync_common::store::StoreError::from)?;
        sessions::set_undone(&client, claimed.account, of).await?;
    }
    Ok(Came::To(finished))
}
