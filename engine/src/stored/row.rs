//! The body of a staged row: its hash and its values. The key stands beside it.

use super::StoredError;
use crate::codec::{self, DecodeError, Reader};
use crate::key::Key;
use crate::row::{Hash, Row, SideSpec};

/// Bytes at the front of a body that are its hash.
pub const HASH_BYTES: usize = size_of::<Hash>();

/// Appends the body of a row.
pub fn put(out: &mut Vec<u8>, row: &Row) {
    out.extend_from_slice(&row.hash.0);
    codec::put_values(out, &row.native);
}

/// The row of a key and a body.
pub fn take(spec: &SideSpec, key: Key, body: &[u8]) -> Result<Row, StoredError> {
    let mut reader = Reader::new(body);
    let hash = Hash(reader.array()?);
    let native = reader.values()?;
    Row::restore(spec, key, native, hash).map_err(|error| StoredError::Damaged(error.to_string()))
}

/// The hash that a body begins with.
pub fn hash(body: &[u8]) -> Result<Hash, DecodeError> {
    Reader::new(body).array().map(Hash)
}
