//! Structures as bytes in one column: MessagePack with field names, compressed.

use rmp_serde::config::BytesMode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoredError;
use crate::compression;

/// A structure as bytes, compressed.
pub fn pack<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StoredError> {
    compress(&plain(value)?)
}

/// The structure that [`pack`] was given.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoredError> {
    Ok(rmp_serde::from_slice(&decompress(bytes)?)?)
}

/// Field names, because some structures leave fields out; bytes as bytes, because a block has many.
pub(super) fn plain<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StoredError> {
    let mut bytes = Vec::new();
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_bytes(BytesMode::ForceIterables);
    value.serialize(&mut serializer).map_err(|error| StoredError::Refused(format!("could not be packed: {error}")))?;
    Ok(bytes)
}

pub(super) fn compress(plain: &[u8]) -> Result<Vec<u8>, StoredError> {
    compression::compress(plain).map_err(|error| StoredError::Refused(format!("could not be compressed: {error}")))
}

pub(super) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, StoredError> {
    compression::decompress(bytes).map_err(|error| StoredError::Damaged(error.to_string()))
}
