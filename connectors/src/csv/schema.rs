//! What a file says about itself: the names in its header line, and about how many records it has.

use pinksync_engine::Result;
use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType};
use pinksync_engine::{Error, ErrorKind};

use super::client::{Compression, DataFile};
use super::config::Dialect;
use super::error::reading;
use super::read::{self, HEADER_LIMIT};
use super::records::Records;
use super::types::quote;

/// Records looked at to guess how many there are.
const SAMPLE: u64 = 2000;
/// How many times larger compressed text is, about.
const RATIO: u64 = 5;

/// Reads the header and the first records. Blocks.
pub fn describe(file: &DataFile, dialect: &Dialect, name: &str) -> Result<DatasetSchema> {
    let (input, fingerprint) = file.open()?;
    let mut records = Records::new(input, dialect.delimiter, dialect.quote, HEADER_LIMIT);
    let header = read::header(&mut records, file, dialect)?;
    let (mut sampled, mut end) = (0, 0);
    let rows = loop {
        match records.next().map_err(|error| reading(&file.path, error))? {
            None => break sampled,
            Some(record) if sampled < SAMPLE => {
                sampled += 1;
                end = record.offset + record.length;
            }
            Some(_) => break guess(fingerprint.size, file.compression, sampled, end),
        }
    };
    Ok(schema(name, header.names, rows, dialect))
}

fn guess(size: u64, compression: Compression, sampled: u64, end: u64) -> u64 {
    let size = match compression {
        Compression::None => size,
        Compression::Gzip | Compression::Zstd => size.saturating_mul(RATIO),
    };
    (size / (end / sampled.max(1)).max(1)).max(sampled)
}

/// Of a file whose header line has these names.
pub fn schema(name: &str, names: Vec<String>, rows: u64, dialect: &Dialect) -> DatasetSchema {
    let column = |name: String| ColumnSchema {
        name,
        ty: FieldType::TEXT,
        carrier: Carrier::Text,
        native: "text".to_owned(),
        nullable: true,
        writable: true,
        empty_is_null: dialect.null.is_none(),
        ordered: false,
    };
    DatasetSchema {
        name: name.to_owned(),
        columns: names.into_iter().map(column).collect(),
        primary_key: Vec::new(),
        unique_keys: Vec::new(),
        estimated_rows: Some(rows),
        // An empty text comes back as NULL where nothing else stands for NULL: what is written is read back.
        transforms: dialect.null.is_none(),
        references: Vec::new(),
        writable: true,
    }
}

/// The header line of a new file with a schema's columns.
///
/// # Errors
/// `Definition` where a name cannot be written in the file's encoding.
pub fn header_line(schema: &DatasetSchema, dialect: &Dialect) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    for (index, column) in schema.columns.iter().enumerate() {
        if index > 0 {
            line.push(dialect.delimiter);
        }
        let name = dialect.encode(&column.name).map_err(|reason| {
            Error::new(ErrorKind::Definition, "create the file", format!("column `{}`: {reason}", column.name))
                .with_remedy("set `csv.encoding: utf-8`")
        })?;
        quote(&name, dialect, &mut line);
    }
    line.push(b'\n');
    Ok(line)
}
