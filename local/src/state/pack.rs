//! Structures as bytes in one column: MessagePack with field names, compressed.

use pinksync_engine::compression;
use rmp_serde::config::BytesMode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Fault;

pub(crate) fn pack<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Fault> {
    compress(&plain(value)?)
}

pub(crate) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    Ok(rmp_serde::from_slice(&decompress(bytes)?)?)
}

/// Field names, because some structures leave fields out; bytes as bytes, because a block has many.
pub(crate) fn plain<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_bytes(BytesMode::ForceIterables);
    value.serialize(&mut serializer).map_err(|error| Fault::Refused(format!("could not be packed: {error}")))?;
    Ok(bytes)
}

pub(crate) fn compress(plain: &[u8]) -> Result<Vec<u8>, Fault> {
    compression::compress(plain).map_err(|error| Fault::Refused(format!("could not be compressed: {error}")))
}

pub(crate) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    compression::decompress(bytes).map_err(|error| Fault::Damaged(error.to_string()))
}
