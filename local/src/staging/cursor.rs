//! One sorted file read from front to back, ordered among others by the row it stands at.

use std::cmp::Ordering;

use pinksync_engine::Result;
use pinksync_engine::codec::Reader;

use super::arena::prefix;
use super::error::damaged;
use super::file::{SortedFile, next};

/// Stands at a row. Cursors compare by key, those at the same key by their number.
pub(crate) struct Cursor {
    file: SortedFile,
    number: usize,
    /// The frame that is read next.
    frame: usize,
    plain: Vec<u8>,
    /// Where the row after this one begins in `plain`.
    at: usize,
    prefix: u128,
    key: std::ops::Range<usize>,
    body: std::ops::Range<usize>,
}

impl Cursor {
    /// `None` for a file without rows.
    pub(crate) fn open(file: SortedFile, number: usize) -> Result<Option<Self>> {
        let mut cursor = Self { file, number, frame: 0, plain: Vec::new(), at: 0, prefix: 0, key: 0..0, body: 0..0 };
        Ok(cursor.advance()?.then_some(cursor))
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.plain[self.key.clone()]
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.plain[self.body.clone()]
    }

    /// Moves to the next row; `false` at the end.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        if self.at == self.plain.len() {
            let Some(frame) = self.file.frames.get(self.frame) else { return Ok(false) };
            self.plain = self.file.read(frame)?;
            self.frame += 1;
            self.at = 0;
        }
        let mut reader = Reader::new(&self.plain[self.at..]);
        let (key, body) = match next(&mut reader) {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(false),
            Err(error) => return Err(damaged(self.file.path(), error)),
        };
        let place = |part: &[u8]| {
            let start = part.as_ptr().addr() - self.plain.as_ptr().addr();
            start..start + part.len()
        };
        (self.prefix, self.key, self.body) = (prefix(key), place(key), place(body));
        self.at = self.body.end;
        Ok(true)
    }
}

impl Ord for Cursor {
    fn cmp(&self, other: &Self) -> Ordering {
        self.prefix
            .cmp(&other.prefix)
            .then_with(|| self.key().cmp(other.key()))
            .then_with(|| self.number.cmp(&other.number))
    }
}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Cursor {}
