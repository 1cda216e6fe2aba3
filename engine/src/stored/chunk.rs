//! A journal chunk's entries as bytes. Every written record passes through here, so it is written by hand;
//! what is rare in an entry (a conflict) is MessagePack inside.

use std::sync::Arc;

use pinksync_model::Side;

use super::{StoredError, pack};
use crate::codec::{DecodeError, Reader, put_bytes, put_value, put_values, put_varint};
use crate::connector::RowImage;
use crate::home::{Applied, Before, Entry, Held, JournalEntry, Tally};
use crate::key::Key;
use crate::row::Hash;

/// The first byte; another layout takes another number.
const LAYOUT: u8 = 2;

/// A chunk's entries ready to be stored.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The smallest key, and the largest.
    pub low: Option<Key>,
    pub high: Option<Key>,
    /// Records written on either side.
    pub writes: u64,
    pub entries: Vec<u8>,
}

impl Packed {
    /// Packs entries; the slow part of storing them.
    pub fn of(entries: &[JournalEntry]) -> Result<Self, StoredError> {
        let wrote = |entry: &&JournalEntry| entry.source.is_some() || entry.target.is_some();
        let keys = || entries.iter().map(|entry| &entry.key);
        Ok(Self {
            low: keys().min().cloned(),
            high: keys().max().cloned(),
            writes: entries.iter().filter(wrote).count() as u64,
            entries: encode(entries)?,
        })
    }
}

/// Entries as bytes, compressed.
pub fn encode(entries: &[JournalEntry]) -> Result<Vec<u8>, StoredError> {
    let mut out = Vec::with_capacity(entries.len() * 80 + 16);
    out.push(LAYOUT);
    put_varint(&mut out, entries.len() as u64);
    entries.iter().try_for_each(|entry| put_entry(&mut out, entry))?;
    pack::compress(&out)
}

/// The entries that [`encode`] was given.
pub fn decode(bytes: &[u8]) -> Result<Vec<JournalEntry>, StoredError> {
    let plain = pack::decompress(bytes)?;
    let mut reader = Reader::new(&plain);
    if reader.byte()? != LAYOUT {
        return Err(StoredError::Damaged("a journal chunk has a layout that this version does not know".to_owned()));
    }
    let count = reader.varint()?;
    let entries = (0..count).map(|_| take_entry(&mut reader)).collect::<Result<_, _>>()?;
    if reader.is_empty() { Ok(entries) } else { Err(DecodeError("a journal chunk is too long").into()) }
}

/// Naming every field makes a new one an error here, not a loss.
fn put_entry(out: &mut Vec<u8>, entry: &JournalEntry) -> Result<(), StoredError> {
    let JournalEntry { key, target, source, old, new, decision, tally, conflict } = entry;
    put_bytes(out, key);
    put_option(out, old.as_deref(), put_base);
    put_option(out, new.as_deref(), put_base);
    put_applied(out, target.as_deref(), (held_of(old, Side::Target), held_of(new, Side::Target)));
    put_applied(out, source.as_deref(), (held_of(old, Side::Source), held_of(new, Side::Source)));
    put_bytes(out, decision.as_bytes());
    put_varint(out, tally.0.into());
    let conflict = conflict.as_ref().map(pack::plain).transpose()?;
    put_option(out, conflict.as_deref(), put_bytes);
    Ok(())
}

fn take_entry(reader: &mut Reader<'_>) -> Result<JournalEntry, StoredError> {
    let key = Key::from_bytes(reader.bytes()?);
    let old = take_option(reader, take_base)?.map(Arc::new);
    let new = take_option(reader, take_base)?.map(Arc::new);
    Ok(JournalEntry {
        key,
        target: take_applied(reader, (held_of(&old, Side::Target), held_of(&new, Side::Target)))?,
        source: take_applied(reader, (held_of(&old, Side::Source), held_of(&new, Side::Source)))?,
        old,
        new,
        decision: take_text(reader)?.into(),
        tally: Tally(u32::try_from(reader.varint()?).map_err(|_| DecodeError("a tally is too large"))?),
        conflict: take_option(reader, |reader| reader.bytes())?.map(rmp_serde::from_slice).transpose()?,
    })
}

/// What a base entry holds of a side: mostly what was there before a write, and what was there after it.
fn held_of(entry: &Option<Arc<Entry>>, side: Side) -> Option<Hash> {
    let entry = entry.as_deref()?;
    let held = match side {
        Side::Source => &entry.source,
        Side::Target => &entry.target,
    };
    held.as_ref().map(|held| held.hash)
}

fn put_applied(out: &mut Vec<u8>, applied: Option<&Applied>, (old, new): (Option<Hash>, Option<Hash>)) {
    out.push(u8::from(applied.is_some()));
    let Some(Applied { native_key, before, before_hash, after_hash }) = applied else { return };
    put_values(out, native_key);
    match before {
        Before::Absent => out.push(0),
        Before::Fields(values) => {
            out.push(1);
            put_values(out, values);
        }
        Before::Image(image) => {
            out.push(2);
            put_image(out, image);
        }
    }
    put_known_hash(out, *before_hash, old);
    put_known_hash(out, *after_hash, new);
}

fn take_applied(
    reader: &mut Reader<'_>,
    (old, new): (Option<Hash>, Option<Hash>),
) -> Result<Option<Arc<Applied>>, DecodeError> {
    if reader.byte()? == 0 {
        return Ok(None);
    }
    Ok(Some(Arc::new(Applied {
        native_key: reader.values()?.into(),
        before: match reader.byte()? {
            0 => Before::Absent,
            1 => Before::Fields(reader.values()?.into()),
            2 => Before::Image(take_image(reader)?),
            _ => return Err(DecodeError("unknown kind of before-image")),
        },
        before_hash: take_known_hash(reader, old)?,
        after_hash: take_known_hash(reader, new)?,
    })))
}

/// A hash that is mostly the `known` one: 0 none, 1 another, 2 that one.
fn put_known_hash(out: &mut Vec<u8>, hash: Option<Hash>, known: Option<Hash>) {
    match hash {
        None => out.push(0),
        Some(_) if hash == known => out.push(2),
        Some(hash) => {
            out.push(1);
            put_hash(out, &hash);
        }
    }
}

fn take_known_hash(reader: &mut Reader<'_>, known: Option<Hash>) -> Result<Option<Hash>, DecodeError> {
    match reader.byte()? {
        0 => Ok(None),
        1 => take_hash(reader).map(Some),
        2 => known.map(Some).ok_or(DecodeError("a hash is told by an entry that is not there")),
        _ => Err(DecodeError("unknown kind of hash")),
    }
}

fn put_image(out: &mut Vec<u8>, image: &RowImage) {
    put_varint(out, image.len() as u64);
    for (name, value) in image {
        put_bytes(out, name.as_bytes());
        put_value(out, value);
    }
}

fn take_image(reader: &mut Reader<'_>) -> Result<RowImage, DecodeError> {
    let count = reader.varint()?;
    (0..count).map(|_| Ok((take_text(reader)?, reader.value()?))).collect()
}

/// A target that holds the same as the source is stored once.
fn put_base(out: &mut Vec<u8>, entry: &Entry) {
    let Entry { source, target, kept } = entry;
    out.push(u8::from(*kept));
    put_option(out, source.as_ref(), put_held);
    let same = source.is_some() && source == target;
    out.push(u8::from(same));
    if !same {
        put_option(out, target.as_ref(), put_held);
    }
}

fn take_base(reader: &mut Reader<'_>) -> Result<Entry, DecodeError> {
    let kept = reader.byte()? != 0;
    let source = take_option(reader, take_held)?;
    let same = reader.byte()? != 0;
    let target = if same { source.clone() } else { take_option(reader, take_held)? };
    Ok(Entry { source, target, kept })
}

fn put_held(out: &mut Vec<u8>, held: &Held) {
    let Held { hash, values } = held;
    put_hash(out, hash);
    put_option(out, values.as_deref(), put_values);
}

fn take_held(reader: &mut Reader<'_>) -> Result<Held, DecodeError> {
    Ok(Held { hash: take_hash(reader)?, values: take_option(reader, |reader| reader.values())?.map(Arc::from) })
}

fn put_hash(out: &mut Vec<u8>, hash: &Hash) {
    out.extend_from_slice(&hash.0);
}

fn take_hash(reader: &mut Reader<'_>) -> Result<Hash, DecodeError> {
    reader.array().map(Hash)
}

fn take_text(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    String::from_utf8(reader.bytes()?.to_vec()).map_err(|_| DecodeError("text is not UTF-8"))
}

fn put_option<T: ?Sized>(out: &mut Vec<u8>, value: Option<&T>, put: fn(&mut Vec<u8>, &T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

fn take_option<'a, T>(
    reader: &mut Reader<'a>,
    take: fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Option<T>, DecodeError> {
    match reader.byte()? {
        0 => Ok(None),
        _ => take(reader).map(Some),
    }
}
