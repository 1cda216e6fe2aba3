//! Reading a file once from beginning to end, and single records of it again by their place. All of it blocks.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use encoding_rs::UTF_8;
use pinksync_engine::connector::Chunk;
use pinksync_engine::row::{Row, SideSpec, Unreadable};
use pinksync_engine::{Error, ErrorKind, Key, Result, Value};

use super::client::{Compression, DataFile, Fingerprint};
use super::config::Dialect;
use super::error::{moved, reading, spilling};
use super::pairs::Pairs;
use super::records::{Record, Records};
use super::types::unquoted;
use crate::native_key;

const CHUNK_ROWS: usize = 1000;
const CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// Largest header line, in bytes.
pub const HEADER_LIMIT: usize = 1024 * 1024;
/// Read at a time when a single record is looked up.
const LOOKUP_BYTES: usize = 4096;
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// A dataset's file under a mapping.
#[derive(Debug)]
pub struct Source {
    pub file: DataFile,
    pub dialect: Dialect,
    pub spec: Arc<SideSpec>,
}

/// The header line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub names: Vec<String>,
    /// The line ending of the header, used for new records.
    pub ending: Vec<u8>,
}

/// What a complete read of the file came to know.
#[derive(Debug)]
pub struct Scanned {
    pub fingerprint: Fingerprint,
    /// Of the raw bytes.
    pub content: u64,
    pub layout: Layout,
    /// Hash of an encoded key → offset of its record in the decompressed file.
    index: Pairs,
    /// The decompressed file, open for reading at any place.
    plain: Mutex<Option<Arc<File>>>,
}

/// Which field of a record is which column of the spec.
#[derive(Debug)]
pub struct Layout {
    pub header: Header,
    /// Field of each column of the spec.
    pub positions: Vec<usize>,
    /// The key's columns are the first fields, so that a line with too many or too few still tells its key.
    key_is_first: bool,
}

/// Reads the header line. The reader is at the file's beginning.
///
/// # Errors
/// `Definition` if there is none, or if two columns have the same name.
pub fn header<R: Read>(records: &mut Records<R>, file: &DataFile, dialect: &Dialect) -> Result<Header> {
    let mistake = |message: String, remedy: &str| {
        Error::new(ErrorKind::Definition, "read the header line", format!("{}: {message}", file.path.display()))
            .with_remedy(remedy)
    };
    if dialect.encoding == UTF_8 {
        records.skip_mark(UTF8_MARK).map_err(|error| reading(&file.path, error))?;
    }
    let Some(record) = records.next().map_err(|error| reading(&file.path, error))? else {
        return Err(mistake("the file has no header line".to_owned(), "let the first line name the columns"));
    };
    if record.oversized || record.unclosed {
        return Err(mistake("the header line has no end".to_owned(), "check the quotes of the first line"));
    }
    let mut names: Vec<String> = Vec::with_capacity(record.fields.len());
    for index in 0..record.fields.len() {
        let field = unquoted(record.field(index).unwrap_or_default(), dialect.quote);
        let Some(name) = dialect.decode(&field) else {
            let message = format!("the name of column {} is not {}", index + 1, dialect.encoding.name());
            return Err(mistake(message, "set `csv.encoding` to the file's encoding"));
        };
        if names.iter().any(|other| *other == name) {
            return Err(mistake(format!("two columns are named `{name}`"), "give every column a name of its own"));
        }
        names.push(name.into_owned());
    }
    let ending = if record.ending.is_empty() { b"\n".to_vec() } else { record.ending.to_vec() };
    Ok(Header { names, ending })
}

impl Layout {
    fn new(source: &Source, header: Header) -> Result<Self> {
        let spec = &source.spec;
        let position = |name: &String| {
            header.names.iter().position(|other| other == name).ok_or_else(|| {
                let message = format!("{} has no column `{name}`", source.file.path.display());
                Error::new(ErrorKind::Definition, "read the header line", message)
                    .with_remedy("compare the dataset in the sync file with the file's first line")
            })
        };
        let positions = spec.columns.iter().map(|column| position(&column.name)).collect::<Result<Vec<usize>>>()?;
        let key_is_first = spec.key.iter().all(|&index| positions[index] < spec.key.len());
        Ok(Self { header, positions, key_is_first })
    }
}

impl Source {
    /// Largest record kept whole: quotes and encodings may make it larger in the file than its values are.
    fn record_limit(&self) -> usize {
        self.spec.max_record_bytes.saturating_mul(2).saturating_add(64 * 1024)
    }

    pub fn records<R: Read>(&self, input: R) -> Records<R> {
        Records::new(input, self.dialect.delimiter, self.dialect.quote, self.record_limit())
    }

    /// Reads the whole file; chunks of rows that pass the filter go to `sink`, if there is one.
    ///
    /// # Errors
    /// `Data` if the file is broken so that records might be missed, `Moved` if it changed meanwhile.
    pub fn scan(&self, mut sink: Option<&mut dyn FnMut(Chunk) -> Result<()>>) -> Result<Scanned> {
        let (input, fingerprint) = self.file.open()?;
        let failed = |error| reading(&self.file.path, error);
        let mut records = self.records(input);
        let layout = Layout::new(self, header(&mut records, &self.file, &self.dialect)?)?;
        let mut index = Pairs::default();
        let (mut chunk, mut bytes) = (Chunk::default(), 0);
        while let Some(record) = records.next().map_err(failed)? {
            if record.unclosed {
                return Err(self.unclosed(record.line));
            }
            let admitted = self.admit(&layout, &record);
            if let Some(key) = key_of(&admitted) {
                index.push(hash(key), record.offset).map_err(spilling)?;
            }
            let Some(sink) = &mut sink else { continue };
            match admitted {
                Ok(row) if self.spec.filter.as_ref().is_none_or(|filter| filter.matches(row.values())) => {
                    bytes += row.size();
                    chunk.rows.push(row);
                }
                Ok(_) => {}
                Err(unreadable) => chunk.unreadable.push(unreadable),
            }
            if chunk.rows.len() + chunk.unreadable.len() >= CHUNK_ROWS || bytes >= CHUNK_BYTES {
                bytes = 0;
                sink(std::mem::take(&mut chunk))?;
            }
        }
        let content = records.into_inner().finish().map_err(failed)?;
        if self.file.fingerprint() != Some(fingerprint) {
            return Err(moved(&self.file.path));
        }
        if let Some(sink) = sink {
            sink(chunk)?;
        }
        index.sort().map_err(spilling)?;
        Ok(Scanned { fingerprint, content, layout, index, plain: Mutex::default() })
    }

    fn unclosed(&self, line: u64) -> Error {
        let message = format!("{}: a quote in line {line} is never closed", self.file.path.display());
        Error::new(ErrorKind::Data, "read the file", message)
            .with_remedy("close the quote, or set `csv.quote`: the records behind it cannot be told apart")
    }

    /// The record as a row, or why it cannot be one.
    pub fn admit(&self, layout: &Layout, record: &Record<'_>) -> std::result::Result<Row, Unreadable> {
        let unreadable = |key, code, reason| Unreadable { key, line: Some(record.line), code, reason };
        if record.oversized {
            let reason = format!("the record has {} bytes, more than is read", record.length);
            return Err(unreadable(self.first_fields_key(layout, record), "too_large", reason));
        }
        let (there, expected) = (record.fields.len(), layout.header.names.len());
        if there != expected {
            let reason = format!("the record has {there} fields, the header line {expected}");
            // A record over several lines may have swallowed others, one without an end may be cut off.
            let whole = !record.several_lines && !record.ending.is_empty();
            let key = if whole { self.first_fields_key(layout, record) } else { None };
            return Err(unreadable(key, "malformed", reason));
        }
        let mut native = Vec::with_capacity(layout.positions.len());
        for (column, &position) in self.spec.columns.iter().zip(&layout.positions) {
            let Some(value) = self.value(record, position) else {
                let reason = format!("`{}` is not {}", column.name, self.dialect.encoding.name());
                return Err(unreadable(self.decoded_key(layout, record), "malformed", reason));
            };
            native.push(value);
        }
        self.spec.admit(native.into()).map_err(|found| Unreadable { line: Some(record.line), ..found })
    }

    /// The value of a field; `None` if there is no such field or it cannot be decoded.
    pub fn value(&self, record: &Record<'_>, position: usize) -> Option<Value> {
        self.dialect.value(&unquoted(record.field(position)?, self.dialect.quote))
    }

    fn decoded_key(&self, layout: &Layout, record: &Record<'_>) -> Option<Key> {
        let values = self.spec.key.iter().map(|&index| self.value(record, layout.positions[index]));
        native_key::encode(&self.spec, &values.collect::<Option<Vec<Value>>>()?)
    }

    /// The key of a record, as [`Source::admit`] finds it; `None` where it is not known.
    pub fn known_key(&self, layout: &Layout, record: &Record<'_>) -> Option<Key> {
        match self.admit(layout, record) {
            Ok(row) => Some(row.key),
            Err(unreadable) => unreadable.key,
        }
    }

    /// The key of a record whose later fields are not to be trusted.
    fn first_fields_key(&self, layout: &Layout, record: &Record<'_>) -> Option<Key> {
        let last = record.fields.get(self.spec.key.len().checked_sub(1)?)?;
        let whole = !record.oversized || last.end < self.record_limit();
        if layout.key_is_first && whole { self.decoded_key(layout, record) } else { None }
    }

    /// Reads one record again.
    pub fn with_record<T>(&self, plain: &File, offset: u64, take: impl FnOnce(&Record<'_>) -> T) -> Result<T> {
        let mut records = self.records(At { file: plain, offset }).reading(LOOKUP_BYTES);
        match records.next().map_err(|error| reading(&self.file.path, error))? {
            Some(record) => Ok(take(&record)),
            None => Err(moved(&self.file.path)),
        }
    }
}

fn key_of(admitted: &std::result::Result<Row, Unreadable>) -> Option<&Key> {
    match admitted {
        Ok(row) => Some(&row.key),
        Err(unreadable) => unreadable.key.as_ref(),
    }
}

fn hash(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
}

impl Scanned {
    /// Offsets of the records that may have this key.
    pub fn places(&self, key: &Key) -> Result<Vec<u64>> {
        self.index.find(hash(key)).map_err(spilling)
    }

    /// The decompressed file. A compressed one is unpacked into a temporary file when this is first asked for.
    ///
    /// # Errors
    /// `Moved` if the file is not the one that was scanned.
    pub fn plain(&self, file: &DataFile) -> Result<Arc<File>> {
        let mut plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        if file.fingerprint() != Some(self.fingerprint) {
            return Err(moved(&file.path));
        }
        if let Some(plain) = &*plain {
            return Ok(plain.clone());
        }
        let opened = match file.compression {
            Compression::None => {
                let opened = File::open(&file.path).map_err(|error| reading(&file.path, error))?;
                let metadata = opened.metadata().map_err(|error| reading(&file.path, error))?;
                if Fingerprint::of(&metadata) != self.fingerprint {
                    return Err(moved(&file.path));
                }
                opened
            }
            Compression::Gzip | Compression::Zstd => {
                let mut unpacked = tempfile::tempfile().map_err(spilling)?;
                let (mut input, _) = file.open()?;
                io::copy(&mut input, &mut unpacked).map_err(spilling)?;
                unpacked.rewind().map_err(spilling)?;
                if input.finish().map_err(|error| reading(&file.path, error))? != self.content {
                    return Err(moved(&file.path));
                }
                unpacked
            }
        };
        Ok(plain.insert(Arc::new(opened)).clone())
    }
}

/// A file from some place on, without moving its cursor.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(out, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
