//! The bytes in which homes keep what they do not take apart: journal chunks, prepared settlements, sums, rows.

pub mod base;
pub mod chunk;
mod duplicates;
pub mod pack;
pub mod row;
pub mod sums;
#[cfg(test)]
mod tests;

use crate::codec::DecodeError;

pub use duplicates::Duplicates;

/// Why something could not be brought into bytes, or read back from them.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    #[error("what is stored cannot be read: {0}")]
    Damaged(String),
    /// A caller's mistake that must not be stored.
    #[error("{0}")]
    Refused(String),
}

impl From<DecodeError> for StoredError {
    fn from(error: DecodeError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<rmp_serde::decode::Error> for StoredError {
    fn from(error: rmp_serde::decode::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}
