//! Joining sorted files into one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use pinksync_engine::Result;
use pinksync_engine::stored::Duplicates;

use super::cursor::Cursor;
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
