//! Structures as bytes in one column: MessagePack with field names, compressed.

use rmp_serde::config::BytesMode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Fault;

/// zstd's quickest ordinary level: what is packed is read again only after a crash or for an undo.
const LEVEL: i32 = 1;

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
    zstd::bulk::compress(plain, LEVEL).map_err(|error| Fault::Refused(format!("could not be compressed: {error}")))
}

pub(crate) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    zstd::decode_all(bytes).map_err(|error| Fault::Damaged(error.to_string()))
}
