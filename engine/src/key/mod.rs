//! Encoded keys: bytes whose order is the order of the values, for every type a key may have.
//!
//! Each part is a type tag and the value's order-preserving bytes; variable-length parts escape 0x00 as
//! 0x00 0xFF and end with 0x00 0x00, so that a key is never a prefix of another of the same dataset.

mod decimal;
mod part;
mod set;
#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::schema::FieldType;
use crate::scratch;
use crate::value::Value;

pub use set::{KeySet, SortedKeys};

/// An encoded key. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(Arc<[u8]>);

impl Key {
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A half-open range of keys: `low` is in it, `high` is not; `None` is no bound.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeyRange {
    pub low: Option<Key>,
    pub high: Option<Key>,
}

impl KeyRange {
    pub fn contains(&self, key: &Key) -> bool {
        self.low.as_ref().is_none_or(|low| low <= key) && self.high.as_ref().is_none_or(|high| key < high)
    }

    /// Whether some key may be in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |a: &Self, b: &Self| matches!((&a.high, &b.low), (Some(high), Some(low)) if high <= low);
        !before(self, other) && !before(other, self)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key has a NULL")]
    Null,
    #[error("a {0} cannot be part of a key")]
    Type(&'static str),
    #[error("the key cannot be read: {0}")]
    Unreadable(String),
}

impl KeyError {
    /// The code of the reject it leads to.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Null => "null_key",
            Self::Type(_) | Self::Unreadable(_) => "not_convertible",
        }
    }
}

/// Encodes a key from its parts in common form, each with its type (which says how text is folded).
pub fn encode<'a>(parts: impl Iterator<Item = (&'a Value, &'a FieldType)>) -> Result<Key, KeyError> {
    scratch::with(|bytes| {
        for (value, ty) in parts {
            part::put(bytes, value, ty)?;
        }
        Ok(Key(Arc::from(&bytes[..])))
    })
}

/// The values of an encoded key, in common form (folded text stays folded, decimals are canonical).
pub fn decode(key: &Key) -> Result<Vec<Value>, KeyError> {
    let mut rest = &key[..];
    let mut values = Vec::with_capacity(2);
    while !rest.is_empty() {
        values.push(part::take(&mut rest)?);
    }
    Ok(values)
}
