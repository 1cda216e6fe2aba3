//! Base blocks: a stored key range with its entries, as one compressed blob.
//!
//! Inside a blob the keys are sorted; each shares a counted prefix with the one before. A target that held the same
//! as the source is one flag, so that values stand once where both sides agree.

use std::sync::Arc;

use crate::codec::{self, DecodeError, Reader};
use crate::compression;
use crate::home::{Entry, Held};
use crate::key::Key;
use crate::row::Hash;

/// Entries a block should have; one twice as large is split.
pub const BLOCK_ENTRIES: usize = 1000;

const HAS_SOURCE: u8 = 1;
const HAS_TARGET: u8 = 2;
const TARGET_AS_SOURCE: u8 = 4;
const KEPT: u8 = 8;

/// Base entries in key order.
pub type Entries = Vec<(Key, Arc<Entry>)>;

/// Encodes entries that are sorted by key.
pub fn encode(entries: &[(Key, Arc<Entry>)]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(entries.len() * 32);
    let mut previous: &[u8] = &[];
    for (key, entry) in entries {
        let shared = previous.iter().zip(key.iter()).take_while(|(a, b)| a == b).count();
        codec::put_varint(&mut out, shared as u64);
        codec::put_bytes(&mut out, &key[shared..]);
        previous = key;
        put_entry(&mut out, entry);
    }
    compression::compress(&out)
}

/// Decodes what [`encode`] made.
pub fn decode(blob: &[u8]) -> Result<Entries, DecodeError> {
    let bytes = compression::decompress(blob).map_err(|_| DecodeError("the block cannot be decompressed"))?;
    let mut reader = Reader::new(&bytes);
    let mut entries = Vec::new();
    let mut key: Vec<u8> = Vec::new();
    while !reader.is_empty() {
        let shared = usize::try_from(reader.varint()?).map_err(|_| DecodeError("a prefix is too long"))?;
        if shared > key.len() {
            return Err(DecodeError("a prefix is too long"));
        }
        key.truncate(shared);
        key.extend_from_slice(reader.bytes()?);
        entries.push((Key::from_bytes(key.as_slice()), Arc::new(entry(&mut reader)?)));
    }
    Ok(entries)
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    let same = entry.source.is_some() && entry.source == entry.target;
    let mut flags = 0;
    flags |= if entry.source.is_some() { HAS_SOURCE } else { 0 };
    flags |= if entry.target.is_some() { HAS_TARGET } else { 0 };
    flags |= if same { TARGET_AS_SOURCE } else { 0 };
    flags |= if entry.kept { KEPT } else { 0 };
    out.push(flags);
    if let Some(held) = &entry.source {
        put_held(out, held);
    }
    if let Some(held) = entry.target.as_ref().filter(|_| !same) {
        put_held(out, held);
    }
}

fn put_held(out: &mut Vec<u8>, held: &Held) {
    out.extend_from_slice(&held.hash.0);
    match &held.values {
        None => out.push(0),
        Some(values) => {
            out.push(1);
            codec::put_values(out, values);
        }
    }
}

fn entry(reader: &mut Reader<'_>) -> Result<Entry, DecodeError> {
    let flags = reader.byte()?;
    let source = if flags & HAS_SOURCE != 0 { Some(held(reader)?) } else { None };
    let target = match flags & (HAS_TARGET | TARGET_AS_SOURCE) {
        0 => None,
        HAS_TARGET => Some(held(reader)?),
        _ => source.clone(),
    };
    Ok(Entry { source, target, kept: flags & KEPT != 0 })
}

fn held(reader: &mut Reader<'_>) -> Result<Held, DecodeError> {
    let hash = Hash(reader.array()?);
    let values = match reader.byte()? {
        0 => None,
        _ => Some(Arc::from(reader.values()?)),
    };
    Ok(Held { hash, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_block_reads_back_as_it_was_written() {
        let held = |n: u8| Held { hash: Hash([n; 16]), values: Some(vec![Value::Int(n.into()), Value::Null].into()) };
        let bare = |n: u8| Held { hash: Hash([n; 16]), values: None };
        let entries: Entries = [
            Entry { source: Some(held(1)), target: Some(held(1)), kept: false },
            Entry { source: Some(held(1)), target: Some(bare(2)), kept: true },
            Entry { source: None, target: Some(held(3)), kept: true },
            Entry { source: Some(bare(4)), target: None, kept: false },
        ]
        .into_iter()
        .enumerate()
        .map(|(index, entry)| (Key::from_bytes(format!("key{index}").into_bytes()), Arc::new(entry)))
        .collect();
        assert_eq!(decode(&encode(&entries).unwrap()).unwrap(), entries);
        assert_eq!(decode(&encode(&[]).unwrap()).unwrap(), []);
        assert!(decode(b"junk").is_err());
    }
}
