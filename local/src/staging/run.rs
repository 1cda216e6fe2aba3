//! A staged run, read in key order by several tasks at once.

use std::sync::Arc;

use async_trait::async_trait;
use pinksync_engine::codec::Reader;
use pinksync_engine::connector::RangeSum;
use pinksync_engine::home::Run;
use pinksync_engine::row::{SideSpec, fingerprint};
use pinksync_engine::{Error, ErrorKind, Key, KeyRange, Result, Row, stored};
use tokio::task::spawn_blocking;

use super::error::{OPERATION, damaged};
use super::file::{SortedFile, next};

#[derive(Debug, Clone)]
pub(crate) struct StagedRun {
    spec: Arc<SideSpec>,
    file: Arc<SortedFile>,
}

impl StagedRun {
    pub(crate) fn new(spec: Arc<SideSpec>, file: SortedFile) -> Self {
        Self { spec, file: Arc::new(file) }
    }

    /// Runs `work` where it may block.
    async fn blocking<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T> + Send + 'static,
    {
        let run = self.clone();
        let done = spawn_blocking(move || work(&run)).await;
        done.map_err(|error| Error::new(ErrorKind::Other, OPERATION, "reading was broken off").with_source(error))?
    }

    /// The frame in which `key` would be.
    fn frame_of(&self, key: &[u8]) -> usize {
        self.file.frames.partition_point(|frame| *frame.first <= *key).saturating_sub(1)
    }

    /// Calls `each` with key and body of the rows of a frame, until it answers `false`; gives its last answer.
    fn visit(&self, frame: usize, mut each: impl FnMut(&[u8], &[u8]) -> Result<bool>) -> Result<bool> {
        let frame = &self.file.frames[frame];
        let plain = self.file.read(frame)?;
        let mut reader = Reader::new(&plain);
        let mut rows = 0;
        while let Some((key, body)) = next(&mut reader).map_err(|error| damaged(self.file.path(), error))? {
            if !each(key, body)? {
                return Ok(false);
            }
            rows += 1;
        }
        if rows != frame.rows {
            return Err(damaged(self.file.path(), format!("{rows} rows where {} were written", frame.rows)));
        }
        Ok(true)
    }

    fn row(&self, key: &[u8], body: &[u8]) -> Result<Row> {
        let row = stored::row::take(&self.spec, Key::from_bytes(key), body);
        row.map_err(|error| damaged(self.file.path(), error))
    }

    /// Calls `each` with the rows of a range, until it answers `false`.
    fn walk(&self, range: &KeyRange, mut each: impl FnMut(&[u8], &[u8]) -> Result<bool>) -> Result<()> {
        let low = range.low.as_deref().unwrap_or_default();
        for frame in self.frame_of(low)..self.file.frames.len() {
            let on = self.visit(frame, |key, body| match range.high.as_deref() {
                Some(high) if key >= high => Ok(false),
                _ if key < low => Ok(true),
                _ => each(key, body),
            })?;
            if !on {
                break;
            }
        }
        Ok(())
    }

    fn page(&self, range: &KeyRange, budget: usize) -> Result<(Vec<Row>, Option<Key>)> {
        let (mut rows, mut cut, mut size) = (Vec::new(), None, 0);
        self.walk(range, |key, body| {
            if size >= budget && !rows.is_empty() {
                cut = Some(Key::from_bytes(key));
                return Ok(false);
            }
            let row = self.row(key, body)?;
            size += row.size();
            rows.push(row);
            Ok(true)
        })?;
        Ok((rows, cut))
    }

    fn range_sums(&self, range: &KeyRange, cuts: &[Key]) -> Result<Vec<RangeSum>> {
        let mut sums = vec![RangeSum::default(); cuts.len() + 1];
        let mut part = 0;
        self.walk(range, |key, body| {
            let hash = stored::row::hash(body).map_err(|error| damaged(self.file.path(), error))?;
            while cuts.get(part).is_some_and(|cut| **cut <= *key) {
                part += 1;
            }
            sums[part].count += 1;
            sums[part].hash ^= fingerprint(&Key::from_bytes(key), hash);
            Ok(true)
        })?;
        Ok(sums)
    }
}

#[async_trait]
impl Run for StagedRun {
    async fn read(&self, range: &KeyRange, budget: usize) -> Result<(Vec<Row>, Option<Key>)> {
        let range = range.clone();
        self.blocking(move |run| run.page(&range, budget)).await
    }

    fn split(&self, rows: u64) -> Vec<Key> {
        let mut cuts = Vec::new();
        let mut since = 0;
        for frame in &self.file.frames {
            if since >= rows.max(1) {
                cuts.push(frame.first.clone());
                since = 0;
            }
            since += u64::from(frame.rows);
        }
        cuts
    }

    async fn sums(&self, range: &KeyRange, cuts: &[Key]) -> Result<Vec<RangeSum>> {
        let (range, cuts) = (range.clone(), cuts.to_vec());
        self.blocking(move |run| run.range_sums(&range, &cuts)).await
    }
}
