//! A record as the merge sees it, and the specification of one side by which it is made.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::key::{self, Key};
use crate::reduce;
use crate::schema::FieldType;
use crate::scratch;
use crate::value::{Value, Values};

/// XXH3 in its 128 bits over the canonical bytes of a record's compared fields in mapping order. It tells versions of a
/// record apart; it is no proof against somebody who makes up two versions with one hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hash(pub [u8; 16]);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Hash {
    /// Names how records are hashed; a base that was taken under another name cannot be compared with.
    pub const FORM: &str = "xxh3-128";

    pub fn of<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        scratch::with(|bytes| {
            values.for_each(|value| value.canonical(bytes));
            Self(xxh3_128(bytes).to_le_bytes())
        })
    }
}

/// One mapped field on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideColumn {
    pub name: String,
    /// The type the column has (or carries) on this side.
    pub native: FieldType,
    /// The type both sides were reduced to.
    pub common: FieldType,
    /// Takes part in comparing and is written. False: read only (`modified_at` under `exclude`).
    pub writable: bool,
    /// One of the two sides cannot tell an empty text from NULL: in common form both are NULL.
    pub empty_is_null: bool,
}

/// What a connector reads and writes of one dataset: the mapped columns, in the same order on both sides.
#[derive(Debug, Clone)]
pub struct SideSpec {
    pub dataset: String,
    pub columns: Vec<SideColumn>,
    /// Indexes into `columns`, in key order.
    pub key: Vec<usize>,
    /// Index into `columns`.
    pub modified_at: Option<usize>,
    /// Over indexes of `columns`, values in common form.
    pub filter: Option<Arc<crate::filter::Filter>>,
    /// Read pages in encoded key order with keyset ranges; otherwise the dataset is scanned and staged.
    pub ordered: bool,
    /// Largest record, in bytes of values; a larger one is a reject.
    pub max_record_bytes: usize,
    /// Most records in one statement or message.
    pub batch_size: usize,
}

/// A record read from a side.
#[derive(Debug, Clone)]
pub struct Row {
    pub key: Key,
    /// As the system gave it, by column of the spec.
    pub native: Values,
    /// In common form where that differs from `native`.
    common: Option<Values>,
    pub hash: Hash,
    /// Bytes of the native values.
    bytes: usize,
}

/// A record that is there and could not be understood: it is left alone, never taken for absent.
#[derive(Debug, Clone)]
pub struct Unreadable {
    pub key: Option<Key>,
    /// 1-based line in a file.
    pub line: Option<u64>,
    /// Stable code: `malformed`, `too_large`, `null_key`, `not_convertible`.
    pub code: &'static str,
    pub reason: String,
}

impl Row {
    /// A row that was made by [`SideSpec::admit`] before and stored by its parts.
    pub fn restore(spec: &SideSpec, key: Key, native: Vec<Value>, hash: Hash) -> Result<Self, reduce::ConversionError> {
        let common = reduce::row(&spec.columns, &native)?.map(Values::from);
        let bytes = size(&native);
        Ok(Self { key, native: native.into(), common, hash, bytes })
    }

    /// The fields in common form.
    pub fn values(&self) -> &Values {
        self.common.as_ref().unwrap_or(&self.native)
    }

    /// Key and hash in 64 well-mixed bits, for content sums of ranges.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.key, self.hash)
    }

    /// Bytes this row takes in memory, about.
    pub fn size(&self) -> usize {
        self.bytes + self.key.len() + 64
    }

    /// The key's own values on the side this row was read from, for lookups and writes there.
    pub fn native_key(&self, spec: &SideSpec) -> Values {
        spec.key.iter().map(|&index| self.native[index].clone()).collect()
    }
}

fn size(values: &[Value]) -> usize {
    values.iter().map(Value::size).sum()
}

/// As [`Row::fingerprint`], of a row's key and hash.
pub fn fingerprint(key: &Key, hash: Hash) -> u64 {
    scratch::with(|bytes| {
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(&hash.0);
        xxh3_64(bytes)
    })
}

impl SideSpec {
    /// Makes a row of native values (one per column of the spec): reduces them to common form, encodes the key, hashes.
    pub fn admit(&self, native: Values) -> Result<Row, Unreadable> {
        debug_assert_eq!(native.len(), self.columns.len());
        let bytes = size(&native);
        let common = reduce::row(&self.columns, &native);
        let key = match &common {
            Ok(common) => key::encode(
                self.key.iter().map(|&i| (&common.as_deref().unwrap_or(&native)[i], &self.columns[i].common)),
            ),
            Err(_) => self.key_of(&native),
        };
        let key = match key {
            Ok(key) => key,
            Err(error) => {
                return Err(Unreadable { key: None, line: None, code: error.code(), reason: error.to_string() });
            }
        };
        if bytes > self.max_record_bytes {
            let reason = format!("the record has {bytes} bytes, more than the limit of {}", self.max_record_bytes);
            return Err(Unreadable { key: Some(key), line: None, code: "too_large", reason });
        }
        match common {
            Ok(common) => {
                let hash = self.hash(common.as_deref().unwrap_or(&native));
                Ok(Row { key, native, common: common.map(Values::from), hash, bytes })
            }
            Err(error) => {
                Err(Unreadable { key: Some(key), line: None, code: "not_convertible", reason: error.to_string() })
            }
        }
    }

    /// The hash of a record in common form: of the fields that are compared. The key is matched by itself.
    pub fn hash(&self, common: &[Value]) -> Hash {
        Hash::of(self.compared().map(|index| &common[index]))
    }

    /// Indexes of the columns that are compared and written: all but the key and what is only read.
    pub fn compared(&self) -> impl Iterator<Item = usize> {
        (0..self.columns.len()).filter(|index| self.columns[*index].writable && !self.key.contains(index))
    }

    /// The encoded key of native values, where only the key can be understood.
    fn key_of(&self, native: &[Value]) -> Result<Key, key::KeyError> {
        let mut parts = Vec::with_capacity(self.key.len());
        for &index in &self.key {
            let column = &self.columns[index];
            let value = reduce::reduce(&native[index], &column.native, &column.common)
                .map_err(|error| key::KeyError::Unreadable(error.to_string()))?;
            parts.push((value, &column.common));
        }
        key::encode(parts.iter().map(|(value, ty)| (value, *ty)))
    }

    /// The key's values as this side would hold them, from an encoded key.
    pub fn native_key(&self, key: &Key) -> Result<Values, key::KeyError> {
        let common = key::decode(key)?;
        self.key
            .iter()
            .zip(&common)
            .map(|(&index, value)| {
                let column = &self.columns[index];
                reduce::expand(value, &column.common, &column.native)
                    .map_err(|error| key::KeyError::Unreadable(error.to_string()))
            })
            .collect()
    }

    /// A whole record as this side would hold it, from common form.
    pub fn expand(&self, common: &Values) -> Result<Values, reduce::ConversionError> {
        if reduce::fits_as_it_is(&self.columns, common) {
            return Ok(Arc::clone(common));
        }
        self.columns
            .iter()
            .zip(common.iter())
            .map(|(column, value)| reduce::expand(value, &column.common, &column.native))
            .collect()
    }
}
