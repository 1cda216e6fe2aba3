//! Staged runs in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pinksync_model::Side;

use crate::connector::RangeSum;
use crate::error::{Error, ErrorKind, Result};
use crate::home::{Run, RunWriter};
use crate::key::{self, Key, KeyRange};
use crate::row::{Row, SideSpec};

/// Duplicate keys that an error names.
const NAMED_KEYS: usize = 5;

/// Collects rows until they are sorted.
pub(super) struct Sorter {
    spec: Arc<SideSpec>,
    rows: Vec<Row>,
    runs: Runs,
    of: (String, Side),
}

/// Finished runs by dataset and side.
pub(super) type Runs = Arc<Mutex<HashMap<(String, Side), Arc<[Row]>>>>;

impl Sorter {
    /// What is sorted stands in `runs` under the name `of`.
    pub fn new(spec: Arc<SideSpec>, runs: Runs, of: (String, Side)) -> Self {
        Self { spec, rows: Vec::new(), runs, of }
    }
}

/// The finished run of that name.
pub(super) fn open(runs: &Runs, of: &(String, Side)) -> Option<Arc<dyn Run>> {
    let rows = runs.lock().unwrap_or_else(PoisonError::into_inner).get(of).cloned()?;
    Some(Arc::new(Sorted { rows }))
}

#[async_trait]
impl RunWriter for Sorter {
    async fn push(&mut self, mut rows: Vec<Row>) -> Result<()> {
        self.rows.append(&mut rows);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Arc<dyn Run>> {
        self.rows.sort_by(|one, other| one.key.cmp(&other.key));
        let mut twice: Vec<&Key> =
            self.rows.windows(2).filter(|pair| pair[0].key == pair[1].key).map(|pair| &pair[0].key).collect();
        twice.dedup();
        if !twice.is_empty() {
            let named: Vec<String> = twice.iter().take(NAMED_KEYS).map(|key| shown(key)).collect();
            let message =
                format!("{} keys of \"{}\" stand there twice: {}", twice.len(), self.spec.dataset, named.join(", "));
            return Err(Error::new(ErrorKind::Data, "stage a dataset", message)
                .with_remedy("make the keys unique, or name further fields in `key:`"));
        }
        let rows: Arc<[Row]> = self.rows.into();
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(self.of, Arc::clone(&rows));
        Ok(Arc::new(Sorted { rows }))
    }
}

fn shown(key: &Key) -> String {
    key::decode(key).map_or_else(|error| error.to_string(), |values| format!("{values:?}"))
}

/// Rows in key order.
struct Sorted {
    rows: Arc<[Row]>,
}

impl Sorted {
    fn range(&self, range: &KeyRange) -> &[Row] {
        let position = |bound: &Option<Key>, open: usize| {
            bound.as_ref().map_or(open, |key| self.rows.partition_point(|row| row.key < *key))
        };
        let low = position(&range.low, 0);
        &self.rows[low..position(&range.high, self.rows.len()).max(low)]
    }
}

#[async_trait]
impl Run for Sorted {
    async fn read(&self, range: &KeyRange, budget: usize) -> Result<(Vec<Row>, Option<Key>)> {
        let rows = self.range(range);
        let mut size = 0;
        let fitting = rows.iter().position(|row| {
            let full = size > 0 && size >= budget;
            size += row.size();
            full
        });
        let taken = fitting.unwrap_or(rows.len());
        Ok((rows[..taken].to_vec(), rows.get(taken).map(|row| row.key.clone())))
    }

    fn split(&self, rows: u64) -> Vec<Key> {
        let every = usize::try_from(rows.max(1)).unwrap_or(usize::MAX);
        self.rows.iter().skip(every).step_by(every).map(|row| row.key.clone()).collect()
    }

    async fn sums(&self, range: &KeyRange, cuts: &[Key]) -> Result<Vec<RangeSum>> {
        let mut sums = vec![RangeSum::default(); cuts.len() + 1];
        let mut part = 0;
        for row in self.range(range) {
            while cuts.get(part).is_some_and(|cut| *cut <= row.key) {
                part += 1;
            }
            sums[part].count += 1;
            sums[part].hash ^= row.fingerprint();
        }
        Ok(sums)
    }
}
