//! Rows in memory, encoded one after the other, with an index that is sorted instead of them.

use pinksync_engine::Row;
use pinksync_engine::stored;

/// Bytes of rows and index after which an arena is sorted and spilled. Two are in use at a time: one is filled
/// while the other is written.
const LIMIT: usize = 32 << 20;

#[derive(Debug)]
pub(crate) struct Arena {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    limit: usize,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The key's first sixteen bytes as a number: decides nearly all comparisons.
    prefix: u128,
    start: u32,
    key: u32,
    body: u32,
}

impl Default for Arena {
    fn default() -> Self {
        Self::with_limit(LIMIT)
    }
}

impl Arena {
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self { bytes: Vec::new(), slots: Vec::new(), limit }
    }

    pub(crate) fn push(&mut self, row: &Row) {
        if self.bytes.is_empty() {
            // Taken at once: doubling would copy, and hold both for a moment.
            self.bytes.reserve(self.limit);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&row.key);
        stored::row::put(&mut self.bytes, row);
        let body = self.bytes.len() - start - row.key.len();
        let slot = Slot { prefix: prefix(&row.key), start: start as u32, key: row.key.len() as u32, body: body as u32 };
        self.slots.push(slot);
    }

    /// Whether it is time to spill. Far below what the index can address, also with a record of the largest size on top.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() + self.slots.len() * size_of::<Slot>() >= self.limit
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
    }

    pub(crate) fn sort(&mut self) {
        let Self { bytes, slots, .. } = self;
        let order = |a: &Slot, b: &Slot| a.prefix.cmp(&b.prefix).then_with(|| a.key(bytes).cmp(b.key(bytes)));
        if !slots.is_sorted_by(|a, b| order(a, b).is_le()) {
            slots.sort_unstable_by(order);
        }
    }

    /// Key and body (hash and values) of every row, in the order of the index.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.slots.iter().map(|slot| (slot.key(&self.bytes), slot.body(&self.bytes)))
    }
}

impl Slot {
    fn key<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start as usize..][..self.key as usize]
    }

    fn body<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start as usize + self.key as usize..][..self.body as usize]
    }
}

/// Keys whose prefixes differ sort as these do.
pub(crate) fn prefix(key: &[u8]) -> u128 {
    let mut first = [0; 16];
    let length = key.len().min(16);
    first[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(first)
}
