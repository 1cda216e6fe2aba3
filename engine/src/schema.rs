//! What a connector tells about a dataset: its columns with their types, its key, what it would do to a write.

use serde::{Deserialize, Serialize};

/// The type a column has on its system, or the type both sides of a field were reduced to.
/// Text-only systems (CSV, untyped SQLite columns) use the type they are told to carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldType {
    Bool,
    /// Signed integer of 16, 32 or 64 bits.
    Int {
        bits: u8,
    },
    /// IEEE float of 32 or 64 bits. A 32-bit value is held as the `f64` that equals it.
    Float {
        bits: u8,
    },
    /// `None`: no limit. `scale` digits after the point.
    Decimal {
        precision: Option<u16>,
        scale: Option<i16>,
    },
    /// `max_chars: None`: no limit. `fold`: which differences the system's own comparison does not see.
    Text {
        max_chars: Option<u32>,
        fold: Fold,
    },
    Bytes,
    Date,
    /// Time of day; `precision`: digits of a second, 0 ..= 6.
    Time {
        precision: u8,
    },
    /// Date and time without a zone.
    Timestamp {
        precision: u8,
    },
    /// An instant (with a zone, kept as UTC).
    Instant {
        precision: u8,
    },
    Uuid,
    Json,
    /// A type of one system, carried as that system's text under pinned settings (`inet`, `int4range`, `mood`).
    Native {
        name: String,
    },
}

/// Differences in text that a column's comparison does not see; keys are encoded after folding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fold {
    None,
    /// ASCII letters' case (SQLite `NOCASE`).
    AsciiCase,
    /// Spaces at the end (SQLite `RTRIM`, SQL `char(n)`).
    TrailingSpace,
}

impl FieldType {
    /// Text without limit and folding.
    pub const TEXT: Self = Self::Text { max_chars: None, fold: Fold::None };
}

/// How faithfully a column holds what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Carrier {
    /// The column has the type that [`ColumnSchema::ty`] says.
    Typed,
    /// The column holds text and takes the type of its partner (CSV column, SQLite column of text affinity).
    /// A partner's type is written in its canonical text.
    Text,
    /// The column holds numbers as 64-bit floats or integers whatever is declared (SQLite numeric affinity):
    /// decimals of more than 15 digits would be changed.
    Float64,
}

/// One column of a table, header of a file, field of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSchema {
    pub name: String,
    pub ty: FieldType,
    pub carrier: Carrier,
    /// The type as the system calls it, for messages and for `create_target` on the same system.
    pub native: String,
    pub nullable: bool,
    /// Can be written (false: generated column).
    pub writable: bool,
    /// Nothing tells an empty text from NULL here: an empty one that is written reads back as NULL.
    pub empty_is_null: bool,
    /// Reading in the order of this column is the byte order of encoded keys, and cheap.
    pub ordered: bool,
}

/// One dataset of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetSchema {
    pub name: String,
    pub columns: Vec<ColumnSchema>,
    /// The declared primary key; empty where there is none.
    pub primary_key: Vec<String>,
    /// Column sets under which a row is unique and never NULL (primary key among them).
    pub unique_keys: Vec<Vec<String>>,
    pub estimated_rows: Option<u64>,
    /// Something may change what is written or add to it (triggers, rules): writes are read back.
    pub transforms: bool,
    /// Datasets that this one references by foreign keys.
    pub references: Vec<String>,
    pub writable: bool,
}

impl DatasetSchema {
    pub fn column(&self, name: &str) -> Option<&ColumnSchema> {
        self.columns.iter().find(|column| column.name == name)
    }
}
