//! What was sorted and written so far: files of growing level, joined when there are many.

use std::sync::Arc;

use pinksync_engine::Result;
use pinksync_engine::stored::Duplicates;

use super::arena::Arena;
use super::file::{FileWriter, SortedFile};
use super::folder::Folder;
use super::merge::merge;

/// Files joined at a time. Each costs a frame in memory while joining.
const FAN: usize = 64;

pub(crate) struct Spill {
    folder: Arc<Folder>,
    /// The file that the last arena was written to. It grows for as long as what comes sorts after it, so that rows
    /// in order end in one file that needs no joining.
    open: Option<FileWriter>,
    /// Complete files by level; one of a level holds as many arenas as the `FAN` files below it did.
    levels: Vec<Vec<SortedFile>>,
    duplicates: Duplicates,
}

impl Spill {
    pub(crate) fn new(folder: Arc<Folder>) -> Self {
        Self { folder, open: None, levels: Vec::new(), duplicates: Duplicates::default() }
    }

    /// Sorts an arena and writes it out.
    pub(crate) fn write(&mut self, arena: &mut Arena) -> Result<()> {
        arena.sort();
        let mut rows = arena.rows().peekable();
        let Some((first, _)) = rows.peek() else { return Ok(()) };
        let mut file = match self.open.take() {
            Some(open) if open.last().is_none_or(|last| last < *first) => open,
            other => {
                self.close(other)?;
                FileWriter::create(&self.folder)?
            }
        };
        for (key, body) in rows {
            if file.last() == Some(key) {
                self.duplicates.note(key);
            } else {
                file.add(key, body)?;
            }
        }
        self.open = Some(file);
        arena.clear();
        Ok(())
    }

    /// One sorted file of everything. Repeated keys are an error that names `dataset`.
    pub(crate) fn finish(mut self, dataset: &str) -> Result<SortedFile> {
        let open = match self.open.take() {
            Some(open) => open.finish()?,
            None => FileWriter::create(&self.folder)?.finish()?,
        };
        let mut files: Vec<SortedFile> = self.levels.drain(..).flatten().collect();
        let file = if files.is_empty() {
            open
        } else {
            files.push(open);
            merge(files, &self.folder, &mut self.duplicates)?
        };
        self.duplicates.check(dataset)?;
        Ok(file)
    }

    fn close(&mut self, file: Option<FileWriter>) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        let mut file = file.finish()?;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(FAN));
            }
            self.levels[level].push(file);
            if self.levels[level].len() < FAN {
                break;
            }
            file = merge(std::mem::take(&mut self.levels[level]), &self.folder, &mut self.duplicates)?;
        }
        Ok(())
    }
}
