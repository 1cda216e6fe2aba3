//! Connections: opened with pinned settings, lent out by a pool, and thrown away rather than reused when in doubt.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pinksync_engine::{Error, ErrorKind, Result};
use pinksync_model::chain;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::types::ToSql;
use tokio_postgres::{CancelToken, Client, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::config::{CONNECT_TIMEOUT, Target};
use super::encode::ArrayParameter;
use super::error::translate;
use super::tls;

/// Connections one system may have at once.
const MAX_CONNECTIONS: usize = 16;
/// How long to wait for one of them.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(120);
/// How long a lost query may take to be cancelled.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection; there are few shapes, but updates have one per set of columns.
const MAX_STATEMENTS: usize = 100;

/// Everything that text output, text input and comparing depend on. `search_path` is the user's: every name we read or
/// write is qualified. A statement may take hours (the scan of a large table), a lock seconds. Ranges are read in key order from
/// an index: where pages and keys are not in one order the planner would rather sort whole rows, on disk.
const PINNED: &str = "SET row_security = off; SET jit = off; SET enable_sort = off; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres';
SET bytea_output = 'hex'; SET extra_float_digits = 3; SET lc_monetary = 'C'; SET TimeZone = 'UTC';
SET xmloption = 'content'; SET standard_conforming_strings = on; SET statement_timeout = '6h';
SET lock_timeout = '10s'; SET plan_cache_mode = 'force_custom_plan';
SET client_min_messages = 'error'";

/// One connection and what it has prepared.
pub struct Session {
    pub client: Client,
    statements: HashMap<String, Statement>,
    /// Seed of block sums; see `sums`.
    pub seed: Option<i64>,
    /// A statement was sent and its answer not read to the end.
    pub busy: bool,
    cancel: CancelToken,
    tls: MakeRustlsConnect,
}

impl Session {
    async fn open(target: &Target, tls: &MakeRustlsConnect) -> Result<Self> {
        let connected = tokio::time::timeout(CONNECT_TIMEOUT * 2, target.driver.connect(tls.clone())).await;
        let (client, connection) = match connected {
            Ok(connected) => connected.map_err(|error| connect_error(target, error))?,
            Err(_) => return Err(unreachable(target, "it does not answer in time".to_owned())),
        };
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to PostgreSQL ended");
            }
        });
        let settings = format!("SET idle_in_transaction_session_timeout = {}; {PINNED}", target.idle_limit.as_millis());
        client.batch_execute(&settings).await.map_err(|error| translate("set up the connection", error))?;
        let cancel = client.cancel_token();
        Ok(Self { client, statements: HashMap::new(), seed: None, busy: false, cancel, tls: tls.clone() })
    }

    /// Carries out statements without parameters or results.
    pub async fn batch(&mut self, sql: &str) -> std::result::Result<(), tokio_postgres::Error> {
        self.client.batch_execute(sql).await
    }

    /// Prepares a statement, or finds it prepared. The text must not hold values: it is kept.
    pub async fn prepared(&mut self, sql: &str) -> std::result::Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        if self.statements.len() >= MAX_STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs a statement of fixed text over arrays.
    pub async fn query(
        &mut self,
        sql: &str,
        parameters: &[ArrayParameter],
    ) -> std::result::Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.prepared(sql).await?;
        self.client.query(&statement, &as_parameters(parameters)).await
    }

    /// As [`Session::query`], of which only the number of records is wanted.
    pub async fn execute(
        &mut self,
        sql: &str,
        parameters: &[ArrayParameter],
    ) -> std::result::Result<u64, tokio_postgres::Error> {
        let statement = self.prepared(sql).await?;
        self.client.execute(&statement, &as_parameters(parameters)).await
    }
}

pub fn as_parameters(arrays: &[ArrayParameter]) -> Vec<&(dyn ToSql + Sync)> {
    arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect()
}

fn connect_error(target: &Target, error: tokio_postgres::Error) -> Error {
    if error.as_db_error().is_some() {
        return translate("connect to PostgreSQL", error);
    }
    let text = chain(&error);
    // The driver's own refusals: no password given, or a method it does not know.
    if text.contains("authentication error") || text.contains("password missing") {
        return Error::new(ErrorKind::Denied, "connect to PostgreSQL", format!("{}: {text}", target.address()))
            .with_remedy("check user and password of this connection");
    }
    unreachable(target, text).with_source(error)
}

fn unreachable(target: &Target, reason: String) -> Error {
    Error::new(ErrorKind::Unreachable, "connect to PostgreSQL", format!("{}: {reason}", target.address())).with_remedy(
        "check host, port and `tls` of this connection, and that the server runs; `pinksync doctor` looks closer",
    )
}

/// The connections of one system.
pub struct Pool {
    target: Target,
    tls: MakeRustlsConnect,
    idle: Mutex<Vec<Session>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub fn new(target: Target) -> Result<Self> {
        let tls = tls::connector(target.tls, target.authority.as_deref())?;
        Ok(Self { target, tls, idle: Mutex::default(), permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)) })
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Names the server in an error of a connection that was lost.
    pub fn name(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Unreachable | ErrorKind::UnknownOutcome => error.at(&self.target.address()),
            _ => error,
        }
    }

    /// Lends a connection, an idle one if it still works.
    pub async fn lend(self: &Arc<Self>) -> Result<Lease> {
        self.lend_with("").await
    }

    /// Lends a connection on which `begin` was carried out.
    pub async fn lend_with(self: &Arc<Self>, begin: &str) -> Result<Lease> {
        let permit = tokio::time::timeout(WAIT_FOR_CONNECTION, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            let message = format!("all {MAX_CONNECTIONS} connections to {} are in use", self.target.address());
            return Err(Error::new(ErrorKind::Unreachable, "connect to PostgreSQL", message)
                .with_remedy("run fewer sessions at once"));
        };
        let mut lease = Lease { session: None, pool: Arc::clone(self), _permit: permit };
        while let Some(mut session) = self.take_idle() {
            // An idle connection may have died unnoticed: this statement finds out.
            if session.batch(begin).await.is_ok() {
                lease.session = Some(session);
                return Ok(lease);
            }
        }
        let mut session = Session::open(&self.target, &self.tls).await.map_err(|error| self.name(error))?;
        if !begin.is_empty() {
            let begun = session.batch(begin).await;
            begun.map_err(|error| self.name(translate("begin a transaction", error)))?;
        }
        lease.session = Some(session);
        Ok(lease)
    }

    /// Ends the connections that nobody uses: what they have prepared is outdated.
    pub fn end_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take_idle(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|session| !session.client.is_closed());
        idle.pop()
    }
}

/// A lent connection. Dropping it ends the connection, and cancels what it was doing.
pub struct Lease {
    session: Option<Session>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    /// An error where the connection was given up before.
    pub fn session(&mut self) -> Result<&mut Session> {
        self.session
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Aborted, "use a connection", "it was given up before"))
    }

    /// Names the server in an error of a connection that was lost.
    pub fn name(&self, error: Error) -> Error {
        self.pool.name(error)
    }

    /// Gives the connection back; no transaction may be open on it.
    pub fn give_back(mut self) {
        if let Some(session) = self.session.take().filter(|session| !session.busy) {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take().filter(|session| session.busy && !session.client.is_closed()) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let cancel = session.cancel.cancel_query(session.tls.clone());
                let _ = tokio::time::timeout(CANCEL_TIMEOUT, cancel).await;
                drop(session.client);
            });
        }
    }
}
