//! A sorted file: frames of some hundred rows, each compressed and with a checksum, and their index in memory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinksync_engine::codec::{self, DecodeError, Reader};
use pinksync_engine::{Key, Result};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::error::{damaged, storage};
use super::folder::Folder;

/// A frame is closed at this many rows or bytes, whichever comes first.
const FRAME_ROWS: u32 = 500;
const FRAME_BYTES: usize = 128 << 10;

/// zstd's quickest ordinary level: with repetitive rows it saves more writing than it costs.
const LEVEL: i32 = 1;

/// Where a frame lies, and what must be found there.
#[derive(Debug)]
pub(crate) struct Frame {
    pub first: Key,
    pub rows: u32,
    offset: u64,
    stored: u32,
    plain: u32,
}

/// A file that is complete. Its rows are sorted by key, and no key occurs twice.
#[derive(Debug)]
pub(crate) struct SortedFile {
    file: File,
    path: PathBuf,
    pub frames: Vec<Frame>,
    count: u64,
    /// Keeps the folder there.
    _folder: Arc<Folder>,
}

/// A file that rows are added to in ascending order.
pub(crate) struct FileWriter {
    sorted: SortedFile,
    compressor: Compressor<'static>,
    end: u64,
    plain: Vec<u8>,
    packed: Vec<u8>,
    open: Option<Frame>,
    last: Vec<u8>,
}

impl FileWriter {
    pub(crate) fn create(folder: &Arc<Folder>) -> Result<Self> {
        let (path, file) = folder.file()?;
        let mut compressor = Compressor::new(LEVEL).map_err(|error| storage(&path, error))?;
        let checked = compressor.set_parameter(CParameter::ChecksumFlag(true));
        checked.map_err(|error| storage(&path, error))?;
        let sorted = SortedFile { file, path, frames: Vec::new(), count: 0, _folder: Arc::clone(folder) };
        Ok(Self { sorted, compressor, end: 0, plain: Vec::new(), packed: Vec::new(), open: None, last: Vec::new() })
    }

    /// The greatest key so far.
    pub(crate) fn last(&self) -> Option<&[u8]> {
        (self.sorted.count > 0).then_some(self.last.as_slice())
    }

    /// Adds a row whose key is greater than the last one's; `body` is its hash and its values.
    pub(crate) fn add(&mut self, key: &[u8], body: &[u8]) -> Result<()> {
        let frame = self.open.get_or_insert_with(|| Frame {
            first: Key::from_bytes(key),
            rows: 0,
            offset: self.end,
            stored: 0,
            plain: 0,
        });
        frame.rows += 1;
        let rows = frame.rows;
        codec::put_bytes(&mut self.plain, key);
        codec::put_bytes(&mut self.plain, body);
        self.last.clear();
        self.last.extend_from_slice(key);
        self.sorted.count += 1;
        if rows >= FRAME_ROWS || self.plain.len() >= FRAME_BYTES {
            self.close_frame()?;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<SortedFile> {
        self.close_frame()?;
        Ok(self.sorted)
    }

    /// Frames are written as they are closed; the file needs no end of its own.
    pub(crate) fn close_frame(&mut self) -> Result<()> {
        let Some(mut frame) = self.open.take() else { return Ok(()) };
        let path = &self.sorted.path;
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(self.plain.len()));
        let packed = self.compressor.compress_to_buffer(&self.plain, &mut self.packed);
        let stored = packed.map_err(|error| storage(path, error))?;
        write_at(&self.sorted.file, &self.packed, self.end).map_err(|error| storage(path, error))?;
        let too_large = |_| damaged(path, "a frame is larger than 4 GB");
        frame.stored = u32::try_from(stored).map_err(too_large)?;
        frame.plain = u32::try_from(self.plain.len()).map_err(too_large)?;
        self.end += stored as u64;
        self.plain.clear();
        self.sorted.frames.push(frame);
        Ok(())
    }
}

impl SortedFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and checks one frame: its checksum, its length, its first key. Its rows are read from the bytes by [`next`].
    pub(crate) fn read(&self, frame: &Frame) -> Result<Vec<u8>> {
        let mut packed = vec![0; frame.stored as usize];
        read_at(&self.file, &mut packed, frame.offset).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged(&self.path, "it ends early"),
            _ => storage(&self.path, error),
        })?;
        let mut decompressor = Decompressor::new().map_err(|error| storage(&self.path, error))?;
        let plain = decompressor.decompress(&packed, frame.plain as usize);
        let plain = plain.map_err(|error| damaged(&self.path, error))?;
        let first = next(&mut Reader::new(&plain)).map_err(|error| damaged(&self.path, error))?;
        if plain.len() != frame.plain as usize || first.is_none_or(|(key, _)| *key != *frame.first) {
            return Err(damaged(&self.path, "a frame is not where it was written"));
        }
        Ok(plain)
    }
}

impl Drop for SortedFile {
    /// Frees the disk at once, also of files that were joined into another; what fails here goes with the folder.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A row as it is stored: its key, and its hash with its values.
type Encoded<'a> = (&'a [u8], &'a [u8]);

/// The next row of a frame: key and body.
pub(crate) fn next<'a>(reader: &mut Reader<'a>) -> Result<Option<Encoded<'a>>, DecodeError> {
    if reader.is_empty() {
        return Ok(None);
    }
    Ok(Some((reader.bytes()?, reader.bytes()?)))
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}
