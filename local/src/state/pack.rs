//! Structures as bytes in one column: MessagePack with field names, compressed.

use rmp_serde::config::BytesMode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Fault;

/// zstd's quickest ordinary level: a chunk is read again only after a crash or for an undo.
const LEVEL: i32 = 1;

pub(crate) fn pack<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Fault> {
    let mut compressed = zstd::Encoder::new(Vec::new(), LEVEL).map_err(failed)?;
    let mut serializer = rmp_serde::Serializer::new(&mut compressed).with_struct_map().with_bytes(BytesMode::ForceIterables);
    value.serialize(&mut serializer).map_err(|error| Fault::Refused(format!("could not be packed: {error}")))?;
    compressed.finish().map_err(failed)
}

pub(crate) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let plain = zstd::decode_all(bytes).map_err(|error| Fault::Damaged(error.to_string()))?;
    Ok(rmp_serde::from_slice(&plain)?)
}

fn failed(error: std::io::Error) -> Fault {
    Fault::Refused(format!("could not be compressed: {error}"))
}
