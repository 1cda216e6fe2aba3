//! Joining sorted files into one, and the keys that turned out to occur twice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use pinksync_engine::json::describe_key;
use pinksync_engine::{Error, ErrorKind, Key, Result};

use super::cursor::Cursor;
use super::error::OPERATION;
use super::file::{FileWriter, SortedFile};
use super::folder::Folder;

/// Joins files whose rows are sorted. Of rows with the same key one is kept and the key is noted.
pub(crate) fn merge(files: Vec<SortedFile>, folder: &Arc<Folder>, duplicates: &mut Duplicates) -> Result<SortedFile> {
    let mut cursors = BinaryHeap::with_capacity(files.len());
    for (number, file) in files.into_iter().enumerate() {
        cursors.extend(Cursor::open(file, number)?.map(|cursor| Reverse(Box::new(cursor))));
    }
    let mut merged = FileWriter::create(folder)?;
    while let Some(mut least) = cursors.peek_mut() {
        let Reverse(cursor) = &mut *least;
        if merged.last() == Some(cursor.key()) {
            duplicates.note(cursor.key());
        } else {
            merged.add(cursor.key(), cursor.body())?;
        }
        if !cursor.advance()? {
            PeekMut::pop(least);
        }
    }
    merged.finish()
}

/// Keys that occur more than once.
#[derive(Debug, Default)]
pub(crate) struct Duplicates {
    /// Rows too many.
    rows: u64,
    /// The first few, each once.
    named: Vec<Key>,
}

impl Duplicates {
    const NAMED: usize = 5;

    pub(crate) fn note(&mut self, key: &[u8]) {
        self.rows += 1;
        if self.named.len() < Self::NAMED && self.named.iter().all(|named| **named != *key) {
            self.named.push(Key::from_bytes(key));
        }
    }

    pub(crate) fn check(&self, dataset: &str) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut keys: Vec<String> = self.named.iter().map(describe_key).collect();
        if self.rows > self.named.len() as u64 {
            keys.push("…".to_owned());
        }
        let rows = if self.rows == 1 { "1 row" } else { &format!("{} rows", self.rows) };
        let verb = if self.rows == 1 { "repeats" } else { "repeat" };
        let message = format!("{rows} of {dataset} {verb} a key that another row has: {}", keys.join(", "));
        let remedy = "name a key that is unique in this dataset, or remove the repeated rows";
        Err(Error::new(ErrorKind::Data, OPERATION, message).with_remedy(remedy))
    }
}
