//! Bytes that end early or are of another layout.

use std::sync::Arc;

use super::{chunk, pack};
use crate::home::{Applied, Before, Entry, Held, JournalEntry, Tally};
use crate::key::Key;
use crate::row::Hash;
use crate::value::Value;

#[test]
fn a_journal_chunk_that_is_cut_or_of_another_layout_is_refused() {
    let held = Held { hash: Hash([7; 16]), values: Some(vec![Value::text("ä"), Value::Null].into()) };
    let entries = vec![JournalEntry {
        key: Key::from_bytes(&b"key"[..]),
        target: Some(Arc::new(Applied {
            native_key: [Value::Int(1)].into(),
            before: Before::Image(vec![("name".to_owned(), Value::text("b"))]),
            before_hash: Some(Hash([1; 16])),
            after_hash: None,
        })),
        source: None,
        old: Some(Arc::new(Entry { source: Some(held.clone()), target: Some(held), kept: true })),
        new: None,
        decision: "delete".into(),
        tally: Tally::DELETED_TARGET,
        conflict: None,
    }];
    let stored = chunk::encode(&entries).unwrap();
    assert_eq!(chunk::decode(&stored).unwrap(), entries);
    let plain = pack::decompress(&stored).unwrap();
    for cut in 0..plain.len() {
        assert!(chunk::decode(&pack::compress(&plain[..cut]).unwrap()).is_err(), "cut at {cut}");
    }
    let other = [&[u8::MAX], &plain[1..]].concat();
    assert!(chunk::decode(&pack::compress(&other).unwrap()).is_err());
    assert!(chunk::decode(&pack::compress(&[&plain[..], &[0]].concat()).unwrap()).is_err());
    assert!(chunk::decode(b"junk").is_err());
}
