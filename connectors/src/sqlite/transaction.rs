//! A transaction on one connection. It reads without holding a lock and takes the write lock at its first write.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::connector::{Found, Outcome, Page, RangeSum, Transaction, Write};
use pinksync_engine::key::{Key, KeyRange};
use pinksync_engine::{Error, ErrorKind, Result, Values};
use rusqlite::Connection;

use super::client::{Client, Permit, blocking};
use super::table::Table;
use super::{read, write};

pub struct SqliteTransaction {
    client: Arc<Client>,
    table: Arc<Table>,
    /// `None` while a call is under way, and after one was cancelled: its connection is closed when it returns.
    session: Option<Session>,
}

/// The connection is closed before the right to write is given up.
struct Session {
    connection: Connection,
    /// Records written so far.
    written: u64,
    permit: Option<Permit>,
}

impl SqliteTransaction {
    pub async fn begin(client: Arc<Client>, table: Arc<Table>) -> Result<Self> {
        let opening = client.clone();
        let connection = blocking("open the SQLite database", move || opening.connect()).await?;
        Ok(Self { client, table, session: Some(Session { connection, written: 0, permit: None }) })
    }

    async fn run<T: Send + 'static>(
        &mut self,
        operation: &'static str,
        work: impl FnOnce(&mut Session, &Table) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut session = self.take(operation)?;
        let table = self.table.clone();
        let (session, result) = blocking(operation, move || {
            let result = work(&mut session, &table);
            Ok((session, result))
        })
        .await?;
        self.session = Some(session);
        result
    }

    fn take(&mut self, operation: &'static str) -> Result<Session> {
        self.session.take().ok_or_else(|| {
            Error::new(ErrorKind::Aborted, operation, "an earlier call of this transaction was cancelled or failed")
        })
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn read(&mut self, range: &KeyRange, budget: usize) -> Result<Page> {
        if !self.table.ordered {
            let message = format!("`{}` is not read in key order", self.table.name);
            return Err(Error::new(ErrorKind::Other, "read a range", message));
        }
        let range = range.clone();
        self.run("read a range", move |session, table| read::page(&session.connection, table, &range, budget)).await
    }

    async fn lookup(&mut self, keys: &[Values]) -> Result<Vec<Found>> {
        let keys = keys.to_vec();
        self.run("look records up", move |session, table| read::lookup(&session.connection, table, &keys)).await
    }

    async fn write(&mut self, writes: Vec<Write>) -> Result<Vec<Outcome>> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let has_permit = self.session.as_ref().is_some_and(|session| session.permit.is_some());
        let permit = if has_permit { None } else { Some(self.client.permit().await?) };
        self.run("write records", move |session, table| {
            if let Some(permit) = permit {
                session.permit = Some(permit);
                write::begin(&session.connection)?;
            } else if session.connection.is_autocommit() {
                return Err(Error::new(ErrorKind::Aborted, "write records", "the transaction was rolled back before"));
            }
            write::all(&session.connection, table, &writes, &mut session.written)
        })
        .await
    }

    async fn sums(&mut self, range: &KeyRange, cuts: &[Key]) -> Result<Option<Vec<RangeSum>>> {
        if !self.table.ordered {
            return Ok(None);
        }
        let (range, cuts) = (range.clone(), cuts.to_vec());
        self.run("sum a range", move |session, table| read::sums(&session.connection, table, &range, &cuts).map(Some))
            .await
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        let session = self.take("commit")?;
        let client = self.client.clone();
        blocking("commit", move || {
            if session.permit.is_some() {
                write::commit(&session.connection)?;
            }
            client.give_back(session.connection);
            Ok(())
        })
        .await
    }

    async fn rollback(mut self: Box<Self>) -> Result<()> {
        let Ok(session) = self.take("roll back") else {
            return Ok(());
        };
        let client = self.client.clone();
        blocking("roll back", move || {
            if session.permit.is_some() && !session.connection.is_autocommit() {
                session.connection.execute_batch("ROLLBACK").map_err(super::error::during("roll back"))?;
            }
            client.give_back(session.connection);
            Ok(())
        })
        .await
    }
}
