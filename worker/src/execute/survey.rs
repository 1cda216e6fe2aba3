//! Looks without writing: plans and verification.

use pinksync_common::store::plans;
use pinksync_common::store::tasks::Claimed;
use pinksync_common::store::{Result as StoreResult, StoreError};
use pinksync_engine::session::Ending;
use pinksync_engine::survey;
use pinksync_model::PlanLine;
use serde_json::Value;

use super::advance::{Came, Failure};
use super::unreadable;
use crate::begin::Ready;
use crate::service::Service;

/// Lines of a plan, or differences, that are kept to be shown; the counters and the plan itself know all.
const MOST_LINES: usize = 100_000;
/// What they may take in memory, in bytes of JSON: a record may have 10 MB.
const MOST_BYTES: usize = 64 * 1024 * 1024;

pub async fn plan(service: &Service, claimed: &Claimed, begun: &Ready) -> Result<Came, Failure> {
    let mut lines = Lines::default();
    let mut sink = |line: PlanLine| {
        lines.add(&line);
        Ok(())
    };
    let mut planned = survey::plan(&begun.session, &mut sink).await?;
    planned.finished.warnings.extend(lines.left_out());
    let complete = planned.finished.ending == Ending::Completed && !planned.over_no_base;
    let saved = if complete { Some(planned.plan.to_bytes()?) } else { None };
    store(service, claimed, begun, lines, saved).await?;
    Ok(Came::To(planned.finished))
}

pub async fn verify(service: &Service, claimed: &Claimed, begun: &Ready) -> Result<Came, Failure> {
    let mut lines = Lines::default();
    let mut sink = |difference: survey::Difference| {
        lines.add(&difference);
        Ok(())
    };
    let mut finished = survey::verify(&begun.session, &mut sink).await?;
    finished.warnings.extend(lines.left_out());
    store(service, claimed, begun, lines, None).await?;
    Ok(Came::To(finished))
}

#[derive(Default)]
struct Lines {
    kept: Vec<Value>,
    bytes: usize,
    more: usize,
}

impl Lines {
    fn add(&mut self, line: &impl serde::Serialize) {
        match serde_json::to_value(line) {
            Ok(line) if self.kept.len() < MOST_LINES && self.bytes < MOST_BYTES => {
                self.bytes += line.to_string().len();
                self.kept.push(line);
            }
            Ok(_) | Err(_) => self.more += 1,
        }
    }

    fn left_out(&self) -> Option<String> {
        (self.more > 0).then(|| format!("{} more records are counted, and not shown one by one", self.more))
    }
}

async fn store(
    service: &Service,
    claimed: &Claimed,
    begun: &Ready,
    lines: Lines,
    saved: Option<Vec<u8>>,
) -> StoreResult<()> {
    let mut client = service.pool.get().await?;
    let transaction = client.transaction().await?;
    let id = begun.row.id;
    plans::replace(&transaction, claimed.account, id, &lines.kept, saved.as_deref())
        .await
        .map_err(|error| unreadable("a plan", &error))?;
    transaction.commit().await.map_err(StoreError::from)
}
