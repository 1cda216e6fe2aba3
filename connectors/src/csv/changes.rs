//! Changes collected until they are published: in a temporary file, batch by batch, with little of them in memory.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use pinksync_engine::codec::{self, DecodeError, Reader};
use pinksync_engine::{Key, Result};

use super::error::spilling;

/// What a change does to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A new line, without its ending.
    Append(Vec<u8>),
    /// Another line in the place of the record at `offset`; its line ending stays.
    Replace { offset: u64, body: u64, line: Vec<u8> },
    /// Takes the record at `offset` away, its line ending included.
    Remove { offset: u64, length: u64 },
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    pub key: Key,
    pub edit: Edit,
}

/// The changes of one call, sorted by key, in a stretch of the temporary file.
#[derive(Debug, Clone)]
pub struct Batch {
    pub transaction: u64,
    pub committed: bool,
    low: Key,
    high: Key,
    offset: u64,
    length: usize,
}

/// All changes of a dataset since its file was last written.
#[derive(Debug, Default)]
pub struct Changes {
    file: Option<File>,
    end: u64,
    batches: Vec<Batch>,
    /// They were made for another file than the one that is there now.
    pub stale: bool,
    /// Counts how often the changes were cleared: a transaction begun before has lost its own.
    pub epoch: u64,
}

impl Changes {
    /// Nothing was committed since the last publication.
    pub fn is_empty(&self) -> bool {
        !self.batches.iter().any(|batch| batch.committed)
    }

    /// Adds the changes of one call.
    pub fn add(&mut self, transaction: u64, mut collected: Vec<Collected>) -> Result<()> {
        collected.sort_by(|a, b| a.key.cmp(&b.key));
        let (Some(first), Some(last)) = (collected.first(), collected.last()) else {
            return Ok(());
        };
        let (low, high) = (first.key.clone(), last.key.clone());
        let mut bytes = Vec::new();
        for change in &collected {
            put(&mut bytes, change);
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile().map_err(spilling)?),
        };
        file.write_all_at(&bytes, self.end).map_err(spilling)?;
        let (offset, length) = (self.end, bytes.len());
        self.end += length as u64;
        self.batches.push(Batch { transaction, committed: false, low, high, offset, length });
        Ok(())
    }

    pub fn commit(&mut self, transaction: u64) {
        self.batches
            .iter_mut()
            .filter(|batch| batch.transaction == transaction)
            .for_each(|batch| batch.committed = true);
    }

    pub fn drop_uncommitted(&mut self, transaction: u64) {
        self.batches.retain(|batch| batch.committed || batch.transaction != transaction);
    }

    /// Begins anew and gives what there was.
    pub fn clear(&mut self) -> Self {
        let next = Self { epoch: self.epoch + 1, ..Self::default() };
        std::mem::replace(self, next)
    }

    /// Those of the given keys (sorted) that have a change, whoever made it.
    pub fn claimed(&self, keys: &[&Key]) -> Result<HashSet<Key>> {
        let mut claimed = HashSet::new();
        for batch in self.overlapping(keys) {
            claimed.extend(self.read(batch)?.into_iter().map(|(_, change)| change.key));
        }
        Ok(claimed)
    }

    /// The changes of the given keys (sorted) that `transaction` sees: committed ones and its own.
    pub fn seen(&self, transaction: u64, keys: &[&Key]) -> Result<BTreeMap<Key, Edit>> {
        let mut seen = BTreeMap::new();
        let visible = |batch: &&Batch| batch.committed || batch.transaction == transaction;
        for batch in self.overlapping(keys).filter(visible) {
            seen.extend(self.read(batch)?.into_iter().map(|(_, change)| (change.key, change.edit)));
        }
        seen.retain(|key, _| keys.binary_search(&key).is_ok());
        Ok(seen)
    }

    fn overlapping(&self, keys: &[&Key]) -> impl Iterator<Item = &Batch> {
        let bounds = keys.first().copied().zip(keys.last().copied()).map(|(low, high)| (low.clone(), high.clone()));
        self.batches
            .iter()
            .filter(move |batch| bounds.as_ref().is_some_and(|(low, high)| batch.low <= *high && batch.high >= *low))
    }

    /// Committed batches in the order of their first key.
    pub fn committed(&self) -> Vec<&Batch> {
        let mut batches: Vec<&Batch> = self.batches.iter().filter(|batch| batch.committed).collect();
        batches.sort_by(|a, b| a.low.cmp(&b.low));
        batches
    }

    /// A batch's changes with their places, for [`Changes::read_one`].
    pub fn read(&self, batch: &Batch) -> Result<Vec<(u64, Collected)>> {
        let mut bytes = vec![0; batch.length];
        self.fetch(&mut bytes, batch.offset)?;
        let mut changes = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let (change, length) = take(&bytes[at..]).map_err(damaged)?;
            changes.push((batch.offset + at as u64, change));
            at += length;
        }
        Ok(changes)
    }

    /// The change at a place.
    pub fn read_one(&self, place: u64) -> Result<Edit> {
        let mut length = [0; 4];
        self.fetch(&mut length, place)?;
        let mut bytes = vec![0; 4 + u32::from_le_bytes(length) as usize];
        self.fetch(&mut bytes, place)?;
        take(&bytes).map(|(change, _)| change.edit).map_err(damaged)
    }

    fn fetch(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        match &self.file {
            Some(file) => file.read_exact_at(bytes, offset).map_err(spilling),
            None => Err(damaged(DecodeError("there is no file of changes"))),
        }
    }
}

impl Batch {
    pub fn low(&self) -> &Key {
        &self.low
    }
}

fn damaged(error: DecodeError) -> pinksync_engine::Error {
    spilling(io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The length of what follows in four bytes, then key, kind, numbers and line.
fn put(out: &mut Vec<u8>, change: &Collected) {
    let start = out.len();
    out.extend([0; 4]);
    codec::put_bytes(out, &change.key);
    match &change.edit {
        Edit::Append(line) => {
            out.push(0);
            codec::put_bytes(out, line);
        }
        Edit::Replace { offset, body, line } => {
            out.push(1);
            codec::put_varint(out, *offset);
            codec::put_varint(out, *body);
            codec::put_bytes(out, line);
        }
        Edit::Remove { offset, length } => {
            out.push(2);
            codec::put_varint(out, *offset);
            codec::put_varint(out, *length);
        }
    }
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// A change and how many bytes it takes.
fn take(bytes: &[u8]) -> std::result::Result<(Collected, usize), DecodeError> {
    let mut reader = Reader::new(bytes);
    let length = u32::from_le_bytes(reader.array()?) as usize;
    let mut reader = Reader::new(reader.take(length)?);
    let key = Key::from_bytes(reader.bytes()?);
    let edit = match reader.byte()? {
        0 => Edit::Append(reader.bytes()?.to_vec()),
        1 => Edit::Replace { offset: reader.varint()?, body: reader.varint()?, line: reader.bytes()?.to_vec() },
        2 => Edit::Remove { offset: reader.varint()?, length: reader.varint()? },
        _ => return Err(DecodeError("unknown kind of change")),
    };
    Ok((Collected { key, edit }, 4 + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        Key::from_bytes(vec![number])
    }

    fn append(number: u8) -> Collected {
        Collected { key: key(number), edit: Edit::Append(vec![b'a'; usize::from(number)]) }
    }

    #[test]
    fn changes_are_kept_by_transaction() {
        let mut changes = Changes::default();
        changes.add(1, vec![append(5), append(3)]).unwrap();
        changes.add(2, vec![append(9)]).unwrap();
        assert!(changes.is_empty());
        assert_eq!(changes.claimed(&[&key(3), &key(4)]).unwrap(), [key(3), key(5)].into());
        assert!(changes.seen(2, &[&key(3)]).unwrap().is_empty());
        assert_eq!(changes.seen(1, &[&key(3)]).unwrap().get(&key(3)), Some(&append(3).edit));
        changes.commit(1);
        changes.drop_uncommitted(1);
        changes.drop_uncommitted(2);
        assert!(!changes.is_empty());
        assert!(changes.seen(2, &[&key(3)]).unwrap().contains_key(&key(3)));
        assert!(changes.claimed(&[&key(9)]).unwrap().is_empty());
        changes.clear();
        assert!(changes.is_empty() && changes.epoch == 1);
    }

    #[test]
    fn every_kind_of_change_reads_back() {
        let mut changes = Changes::default();
        let all = vec![
            append(1),
            Collected { key: key(2), edit: Edit::Replace { offset: 1 << 40, body: 300, line: b"x".to_vec() } },
            Collected { key: key(3), edit: Edit::Remove { offset: 0, length: 7 } },
        ];
        changes.add(1, vec![append(200)]).unwrap();
        changes.add(1, all.clone()).unwrap();
        changes.commit(1);
        let batches = changes.committed();
        assert_eq!(batches[0].low(), &key(1));
        let read = changes.read(batches[0]).unwrap();
        assert_eq!(read.iter().map(|(_, change)| change.clone()).collect::<Vec<_>>(), all);
        for (place, change) in read {
            assert_eq!(changes.read_one(place).unwrap(), change.edit);
        }
    }
}
