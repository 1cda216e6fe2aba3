//! Staging a side: rows go into PostgreSQL in portions, sorted each so that the table's index is filled in stretches.

use std::sync::Arc;

use async_trait::async_trait;
use deadpool_postgres::Client;
use pinksync_common::store::{StoreError, staged};
use pinksync_engine::home::{Run, RunWriter};
use pinksync_engine::row::SideSpec;
use pinksync_engine::stored::{self, Duplicates};
use pinksync_engine::{Key, Result, Row};
use pinksync_model::Side;

use super::fault::{self, Fault};
use super::link::Link;
use super::staging_run::{Cuts, StagedRun};
use super::{PgHome, signed};

const OPERATION: &str = "stage a side";

/// Bytes of rows after which a portion is sent.
const PORTION_BYTES: usize = 4 << 20;

impl PgHome {
    pub(super) async fn begin_run(
        &self,
        dataset: &str,
        side: Side,
        spec: Arc<SideSpec>,
    ) -> std::result::Result<Box<dyn RunWriter>, Fault> {
        let mut client = self.client().await?;
        let dataset = self.make_dataset(&mut client, dataset).await?;
        remove(&self.link, &mut client, dataset, side).await?;
        let transaction = self.begin(&mut client).await?;
        let run = staged::begin(&transaction, dataset, side).await?;
        fault::commit(transaction).await?;
        let (portion, duplicates) = (Portion::default(), Duplicates::default());
        Ok(Box::new(Writer { link: self.link.clone(), spec, run, portion, duplicates, rows: 0, checksum: 0 }))
    }
}

/// Removes a run: first who reads it is told, then its rows go in portions, last what is known of it. Where this
/// breaks off, the next removal goes on.
pub(super) async fn remove(
    link: &Link,
    client: &mut Client,
    dataset: i64,
    side: Side,
) -> std::result::Result<(), Fault> {
    let transaction = link.begin(client).await?;
    let earlier = staged::abandon(&transaction, dataset, side).await?;
    fault::commit(transaction).await?;
    let Some(run) = earlier else { return Ok(()) };
    loop {
        let transaction = link.begin(client).await?;
        let more = staged::remove_rows(&transaction, run).await?;
        if !more {
            staged::forget(&transaction, dataset, side).await?;
        }
        fault::commit(transaction).await?;
        if !more {
            return Ok(());
        }
    }
}

/// Rows that are to be sent, encoded one after the other.
#[derive(Default)]
struct Portion {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    start: usize,
    body: usize,
    end: usize,
}

impl Portion {
    fn push(&mut self, row: &Row) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&row.key);
        let body = self.bytes.len();
        stored::row::put(&mut self.bytes, row);
        self.slots.push(Slot { start, body, end: self.bytes.len() });
    }

    fn key(&self, slot: Slot) -> &[u8] {
        &self.bytes[slot.start..slot.body]
    }

    /// Key and body of each row.
    fn rows(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.slots.iter().map(|slot| (self.key(*slot), &self.bytes[slot.body..slot.end]))
    }

    /// Sorts by key, and leaves out rows that repeat one.
    fn sort(&mut self, duplicates: &mut Duplicates) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.sort_unstable_by(|one, other| self.key(*one).cmp(self.key(*other)));
        slots.dedup_by(|one, other| {
            let repeated = self.key(*one) == self.key(*other);
            if repeated {
                duplicates.note(self.key(*one));
            }
            repeated
        });
        self.slots = slots;
    }

    /// Leaves out rows whose keys are these.
    fn leave_out(&mut self, present: &[Vec<u8>], duplicates: &mut Duplicates) {
        let mut slots = std::mem::take(&mut self.slots);
        let present: std::collections::HashSet<&[u8]> = present.iter().map(Vec::as_slice).collect();
        slots.retain(|slot| !present.contains(self.key(*slot)));
        present.into_iter().for_each(|key| duplicates.note(key));
        self.slots = slots;
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
    }
}

struct Writer {
    link: Link,
    spec: Arc<SideSpec>,
    run: i64,
    portion: Portion,
    duplicates: Duplicates,
    rows: u64,
    /// XOR of the rows' fingerprints.
    checksum: u64,
}

impl Writer {
    /// Sends the portion. Keys that the run has already are noted, so that all of them can be named in the end.
    async fn flush(&mut self) -> std::result::Result<(), Fault> {
        if self.portion.slots.is_empty() {
            return Ok(());
        }
        self.portion.sort(&mut self.duplicates);
        let mut client = self.link.client().await?;
        match self.copy(&mut client).await {
            Err(Fault::Store(error)) if error.violated().is_some() => {
                let keys: Vec<&[u8]> = self.portion.rows().map(|(key, _)| key).collect();
                let present = staged::present(&client, self.run, &keys).await?;
                self.portion.leave_out(&present, &mut self.duplicates);
                self.copy(&mut client).await?;
            }
            copied => copied?,
        }
        self.rows += self.portion.slots.len() as u64;
        self.portion.clear();
        Ok(())
    }

    async fn copy(&self, client: &mut Client) -> std::result::Result<(), Fault> {
        let transaction = self.link.begin(client).await?;
        match staged::copy(&transaction, self.run, self.portion.rows()).await {
            Ok(()) => fault::commit(transaction).await,
            Err(error) => {
                transaction.rollback().await.map_err(StoreError::from)?;
                Err(error.into())
            }
        }
    }

    async fn close(mut self) -> std::result::Result<StagedRun, Fault> {
        self.flush().await?;
        self.duplicates.check(&self.spec.dataset).map_err(Fault::Engine)?;
        let every = Cuts::every(self.rows);
        let mut client = self.link.client().await?;
        // It takes long, and nobody is to be kept from the task's row meanwhile: not under the fence.
        let measuring = client.transaction().await.map_err(StoreError::from)?;
        let (rows, keys) = staged::measure(&measuring, self.run, signed(every)?).await?;
        measuring.rollback().await.map_err(StoreError::from)?;
        if rows != signed(self.rows)? {
            return Err(Fault::RunLost);
        }
        let keys = keys.into_iter().map(Key::from_bytes).collect();
        let cuts = Cuts { every, keys }.encode();
        let run = staged::Run { id: self.run, rows, checksum: self.checksum.to_le_bytes().to_vec(), cuts };
        let transaction = self.link.begin(&mut client).await?;
        if !staged::finish(&transaction, &run).await? {
            return Err(Fault::RunLost);
        }
        fault::commit(transaction).await?;
        StagedRun::new(self.link, self.spec, run)
    }
}

#[async_trait]
impl RunWriter for Writer {
    async fn push(&mut self, rows: Vec<Row>) -> Result<()> {
        for row in &rows {
            self.checksum ^= row.fingerprint();
            self.portion.push(row);
            if self.portion.bytes.len() >= PORTION_BYTES {
                self.flush().await.map_err(|fault| fault.into_error(OPERATION))?;
            }
        }
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Arc<dyn Run>> {
        let run = self.close().await.map_err(|fault| fault.into_error(OPERATION))?;
        Ok(Arc::new(run))
    }
}
