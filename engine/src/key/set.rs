//! Many keys in little memory: for records that are known only by their key.

use super::{Key, KeyRange};

/// Keys to be sorted, one behind the other in one piece of memory. A key takes its bytes and twelve more.
#[derive(Debug, Default)]
pub struct KeySet {
    /// Of each key its length (four bytes) and its bytes.
    bytes: Vec<u8>,
    /// Where each key begins.
    places: Vec<usize>,
}

impl KeySet {
    pub fn push(&mut self, key: &Key) {
        self.places.push(self.bytes.len());
        // A key is part of a record, and records are far below four gigabytes.
        self.bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(key);
    }

    /// In key order, each key once.
    pub fn sorted(mut self) -> SortedKeys {
        let bytes = &self.bytes;
        self.places.sort_unstable_by(|one, other| at(bytes, *one).cmp(at(bytes, *other)));
        self.places.dedup_by(|one, other| at(bytes, *one) == at(bytes, *other));
        SortedKeys(self)
    }
}

/// A set of keys in their order.
#[derive(Debug, Default)]
pub struct SortedKeys(KeySet);

impl SortedKeys {
    pub fn is_empty(&self) -> bool {
        self.0.places.is_empty()
    }

    pub fn contains(&self, key: &Key) -> bool {
        self.0.places.binary_search_by(|place| at(&self.0.bytes, *place).cmp(&key[..])).is_ok()
    }

    /// The keys in a range, in order.
    pub fn within<'a>(&'a self, range: &KeyRange) -> impl Iterator<Item = Key> + use<'a> {
        let below = |bound: &Key| self.0.places.partition_point(|place| at(&self.0.bytes, *place) < &bound[..]);
        let low = range.low.as_ref().map_or(0, below);
        let high = range.high.as_ref().map_or(self.0.places.len(), below);
        let places = &self.0.places[low..high.max(low)];
        places.iter().map(|place| Key::from_bytes(at(&self.0.bytes, *place)))
    }
}

fn at(bytes: &[u8], place: usize) -> &[u8] {
    let (length, rest) = bytes[place..].split_at(4);
    let length = length.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
    &rest[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_order_and_once_and_within_a_range() {
        let key = |text: &str| Key::from_bytes(text.as_bytes());
        let mut set = KeySet::default();
        for text in ["b", "", "ab", "b", "a", "long enough to have another length"] {
            set.push(&key(text));
        }
        let sorted = set.sorted();
        let within = |low: Option<&str>, high: Option<&str>| {
            let range = KeyRange { low: low.map(key), high: high.map(key) };
            sorted.within(&range).map(|key| String::from_utf8(key.to_vec()).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(within(None, None), ["", "a", "ab", "b", "long enough to have another length"]);
        assert_eq!(within(Some("a"), Some("b")), ["a", "ab"]);
        assert!(sorted.contains(&key("ab")) && sorted.contains(&key("")) && !sorted.contains(&key("aa")));
        assert_eq!(within(Some("aa"), None), ["ab", "b", "long enough to have another length"]);
        assert_eq!(within(None, Some("a")), [""]);
        assert!(within(Some("c"), Some("d")).is_empty() && within(Some("z"), Some("a")).is_empty());
        assert!(SortedKeys::default().within(&KeyRange::default()).next().is_none());
    }
}
