//! A staged side, read in key order by any worker.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_common::store::staged::{self, Part, StagedRow};
use pinksync_common::store::{StoreError, Transaction};
use pinksync_engine::codec::{Reader, put_bytes, put_varint};
use pinksync_engine::connector::RangeSum;
use pinksync_engine::home::Run;
use pinksync_engine::row::{SideSpec, fingerprint};
use pinksync_engine::stored::{self, base};
use pinksync_engine::{Key, KeyRange, Result, Row};
use tokio_postgres::Portal;

use super::fault::Fault;
use super::link::Link;

const OPERATION: &str = "read a staged side";

/// Rows that are fetched at a time.
const FETCHED: i32 = 1000;

/// A run has at most about so many cuts, and none closer than so many rows.
const MOST_CUTS: u64 = 10_000;
const LEAST_ROWS: u64 = 500;

/// Keys that stand behind every so many rows of a run.
#[derive(Debug)]
pub(super) struct Cuts {
    pub every: u64,
    pub keys: Vec<Key>,
}

impl Cuts {
    /// Rows between two cuts of a run.
    pub(super) fn every(rows: u64) -> u64 {
        rows.div_ceil(MOST_CUTS).max(LEAST_ROWS)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, self.every);
        self.keys.iter().for_each(|key| put_bytes(&mut bytes, key));
        bytes
    }

    fn decode(bytes: &[u8]) -> std::result::Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let every = reader.varint()?.max(1);
        let mut keys = Vec::new();
        while !reader.is_empty() {
            keys.push(Key::from_bytes(reader.bytes()?));
        }
        Ok(Self { every, keys })
    }
}

pub(super) struct StagedRun {
    link: Link,
    spec: Arc<SideSpec>,
    id: i64,
    /// Of all rows.
    total: RangeSum,
    cuts: Cuts,
}

impl StagedRun {
    pub(super) fn new(link: Link, spec: Arc<SideSpec>, run: staged::Run) -> std::result::Result<Self, Fault> {
        let damaged = |_| Fault::Damaged("the checksum of a staged side is cut".to_owned());
        let hash = u64::from_le_bytes(run.checksum.try_into().map_err(damaged)?);
        let total = RangeSum { count: run.rows.unsigned_abs(), hash };
        Ok(Self { link, spec, id: run.id, total, cuts: Cuts::decode(&run.cuts)? })
    }

    /// Calls `each` with the rows of a range, until it answers `false`; then makes sure that they were all there.
    async fn walk(
        &self,
        range: &KeyRange,
        part: Part,
        mut each: impl FnMut(&StagedRow) -> std::result::Result<bool, Fault>,
    ) -> std::result::Result<(), Fault> {
        let mut client = self.link.client().await?;
        let transaction = client.transaction().await.map_err(StoreError::from)?;
        let portal = staged::open(&transaction, self.id, base::low(range), range.high.as_deref(), part).await?;
        while self.fetch(&transaction, &portal, &mut each).await? {}
        if !staged::is_whole(&transaction, self.id).await? {
            return Err(Fault::RunLost);
        }
        transaction.rollback().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Whether there is more to fetch.
    async fn fetch(
        &self,
        transaction: &Transaction<'_>,
        portal: &Portal,
        each: &mut impl FnMut(&StagedRow) -> std::result::Result<bool, Fault>,
    ) -> std::result::Result<bool, Fault> {
        let rows = staged::next(transaction, portal, FETCHED).await?;
        for row in &rows {
            if !each(row)? {
                return Ok(false);
            }
        }
        Ok(rows.len() as u64 == u64::from(FETCHED.unsigned_abs()))
    }

    async fn page(&self, range: &KeyRange, budget: usize) -> std::result::Result<(Vec<Row>, Option<Key>), Fault> {
        let (mut rows, mut cut, mut size) = (Vec::new(), None, 0);
        self.walk(range, Part::Body, |found| {
            let key = Key::from_bytes(found.key());
            if size >= budget && !rows.is_empty() {
                cut = Some(key);
                return Ok(false);
            }
            let row = stored::row::take(&self.spec, key, found.body())?;
            size += row.size();
            rows.push(row);
            Ok(true)
        })
        .await?;
        Ok((rows, cut))
    }

    async fn range_sums(&self, range: &KeyRange, cuts: &[Key]) -> std::result::Result<Vec<RangeSum>, Fault> {
        let mut sums = vec![RangeSum::default(); cuts.len() + 1];
        let mut part = 0;
        let front = i32::try_from(stored::row::HASH_BYTES).unwrap_or(i32::MAX);
        self.walk(range, Part::Front(front), |found| {
            let key = Key::from_bytes(found.key());
            while cuts.get(part).is_some_and(|cut| *cut <= key) {
                part += 1;
            }
            sums[part].count += 1;
            sums[part].hash ^= fingerprint(&key, stored::row::hash(found.body())?);
            Ok(true)
        })
        .await?;
        let all = *range == KeyRange::default();
        if all && join(&sums) != self.total {
            return Err(Fault::RunLost);
        }
        Ok(sums)
    }
}

fn join(sums: &[RangeSum]) -> RangeSum {
    let join =
        |total: RangeSum, part: &RangeSum| RangeSum { count: total.count + part.count, hash: total.hash ^ part.hash };
    sums.iter().fold(RangeSum::default(), join)
}

#[async_trait]
impl Run for StagedRun {
    async fn read(&self, range: &KeyRange, budget: usize) -> Result<(Vec<Row>, Option<Key>)> {
        self.page(range, budget).await.map_err(|fault| fault.into_error(OPERATION))
    }

    fn split(&self, rows: u64) -> Vec<Key> {
        let step = usize::try_from(rows.div_ceil(self.cuts.every).max(1)).unwrap_or(usize::MAX);
        self.cuts.keys.iter().skip(step - 1).step_by(step).cloned().collect()
    }

    async fn sums(&self, range: &KeyRange, cuts: &[Key]) -> Result<Vec<RangeSum>> {
        self.range_sums(range, cuts).await.map_err(|fault| fault.into_error(OPERATION))
    }
}
