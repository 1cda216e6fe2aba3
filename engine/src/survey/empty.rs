//! Stands for a target that a session would create: it holds nothing and is never written.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::connector::{Capabilities, Chunk, Dataset, Found, Guard, Outcome, Page, RangeSum, Transaction, Write};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, KeyRange};
use crate::row::SideSpec;
use crate::value::Values;

pub struct Empty(pub Arc<SideSpec>);

struct Nothing;

#[async_trait]
impl Dataset for Empty {
    fn capabilities(&self) -> Capabilities {
        Capabilities { ordered: true, transactional: true, ..Capabilities::default() }
    }

    fn spec(&self) -> &Arc<SideSpec> {
        &self.0
    }

    async fn split(&self, _: u64) -> Result<Vec<Key>> {
        Ok(Vec::new())
    }

    async fn scan(&self, _: mpsc::Sender<Chunk>) -> Result<()> {
        Ok(())
    }

    async fn begin(&self, _: Guard) -> Result<Box<dyn Transaction>> {
        Ok(Box::new(Nothing))
    }
}

#[async_trait]
impl Transaction for Nothing {
    async fn read(&mut self, _: &KeyRange, _: usize) -> Result<Page> {
        Ok(Page { rows: Vec::new(), unreadable: Vec::new(), cut: None })
    }

    async fn lookup(&mut self, keys: &[Values]) -> Result<Vec<Found>> {
        Ok(keys.iter().map(|_| Found::Absent).collect())
    }

    async fn write(&mut self, _: Vec<Write>) -> Result<Vec<Outcome>> {
        Err(Error::new(ErrorKind::Other, "write", "the dataset does not exist yet"))
    }

    async fn sums(&mut self, _: &KeyRange, _: &[Key]) -> Result<Option<Vec<RangeSum>>> {
        Ok(None)
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
