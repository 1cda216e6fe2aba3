//! A transaction on one connection: it ends by commit or rollback, and the connection is thrown away otherwise.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pinksync_engine::connector::{Found, Guard, Outcome, Page, RangeSum, Transaction, Write};
use pinksync_engine::key::{Key, KeyRange};
use pinksync_engine::{Error, ErrorKind, Result, Values};
use pinksync_model::chain;

use super::client::{Lease, Pool, Session};
use super::error::{is_broken, translate};
use super::layout::Layout;
use super::lookup::{Lock, lookup};
use super::write::{State, Writer};
use super::{read, sums};

/// How long a commit may take before its outcome counts as unknown.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(120);

pub struct PostgresTransaction {
    lease: Lease,
    layout: Arc<Layout>,
    state: State,
    /// A statement failed: the server takes no more of them.
    failed: bool,
}

impl PostgresTransaction {
    pub async fn begin(pool: &Arc<Pool>, layout: Arc<Layout>, guard: Guard) -> Result<Self> {
        // Without a unique index over the key a snapshot does not see who makes the same record meanwhile.
        let compare = guard == Guard::Compare || !layout.has_arbiter;
        let isolation = if compare { "READ COMMITTED" } else { "REPEATABLE READ" };
        let lease = pool.lend_with(&format!("BEGIN ISOLATION LEVEL {isolation}")).await?;
        Ok(Self { lease, layout, state: State::new(compare), failed: false })
    }

    /// The connection for one call. It is marked as busy until `leave`: a call that is dropped half way leaves a
    /// connection that nobody uses again.
    fn enter(&mut self) -> Result<&mut Session> {
        let session = self.lease.session()?;
        if self.failed || session.busy {
            return Err(Error::new(
                ErrorKind::Aborted,
                "use a transaction",
                "an earlier call of it failed or was dropped",
            ));
        }
        session.busy = true;
        Ok(session)
    }

    fn leave<T>(&mut self, result: Result<T>) -> Result<T> {
        match &result {
            Ok(_) => self.lease.session()?.busy = false,
            Err(_) => self.failed = true,
        }
        result.map_err(|error| self.lease.name(error))
    }
}

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn read(&mut self, range: &KeyRange, budget: usize) -> Result<Page> {
        let layout = Arc::clone(&self.layout);
        if !layout.ordered {
            let message = format!("{} is not read in key order", layout.spec.dataset);
            return Err(Error::new(ErrorKind::Other, "read a range", message));
        }
        let page = read::page(self.enter()?, &layout, range, budget).await;
        self.leave(page)
    }

    async fn lookup(&mut self, keys: &[Values]) -> Result<Vec<Found>> {
        let layout = Arc::clone(&self.layout);
        let found = lookup(self.enter()?, &layout, keys, Lock::None).await;
        self.leave(found)
    }

    async fn write(&mut self, writes: Vec<Write>) -> Result<Vec<Outcome>> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let layout = Arc::clone(&self.layout);
        let mut state = std::mem::take(&mut self.state);
        let outcomes = match self.enter() {
            Ok(session) => Writer { session, layout: &layout, state: &mut state }.write(&writes).await,
            Err(error) => Err(error),
        };
        self.state = state;
        self.leave(outcomes)
    }

    async fn sums(&mut self, range: &KeyRange, cuts: &[Key]) -> Result<Option<Vec<RangeSum>>> {
        let layout = Arc::clone(&self.layout);
        let sums = sums::sums(self.enter()?, &layout, range, cuts).await;
        self.leave(sums)
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        // The server answers COMMIT of a failed transaction with a success that is none: the SELECT fails then.
        let statements = format!("{}SELECT 1; COMMIT", self.state.largest.statements());
        let session = self.enter()?;
        let committed = tokio::time::timeout(COMMIT_TIMEOUT, session.batch(&statements)).await;
        let unknown =
            |reason: String| Error::new(ErrorKind::UnknownOutcome, "commit", format!("the answer was lost: {reason}"));
        let error = match committed {
            Ok(Ok(())) => {
                session.busy = false;
                self.lease.give_back();
                return Ok(());
            }
            Ok(Err(error)) if is_broken(&error) => unknown(chain(&error)).with_source(error),
            Ok(Err(error)) => translate("commit", error),
            Err(_) => unknown(format!("none came within {} s", COMMIT_TIMEOUT.as_secs())),
        };
        Err(self.lease.name(error))
    }

    async fn rollback(mut self: Box<Self>) -> Result<()> {
        // Where a call failed or was given up, dropping the connection undoes everything.
        let Ok(session) = self.enter() else { return Ok(()) };
        let ended = session.batch("ROLLBACK").await;
        session.busy = ended.is_err();
        ended.map_err(|error| self.lease.name(translate("roll back", error)))?;
        self.lease.give_back();
        Ok(())
    }
}
