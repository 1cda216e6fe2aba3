//! Rows of a staged side that repeat a key.

use crate::error::{Error, ErrorKind, Result};
use crate::json::describe_key;
use crate::key::Key;

/// Keys of a staged side that occur more than once.
#[derive(Debug, Default)]
pub struct Duplicates {
    /// Rows too many.
    rows: u64,
    /// The first few, each once.
    named: Vec<Key>,
}

impl Duplicates {
    /// Keys that an error names.
    const NAMED: usize = 5;

    /// One more row that has the key of another.
    pub fn note(&mut self, key: &[u8]) {
        self.rows += 1;
        if self.named.len() < Self::NAMED && self.named.iter().all(|named| **named != *key) {
            self.named.push(Key::from_bytes(key));
        }
    }

    /// An error that names the keys, unless there are none.
    pub fn check(&self, dataset: &str) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut keys: Vec<String> = self.named.iter().map(describe_key).collect();
        if self.rows > self.named.len() as u64 {
            keys.push("…".to_owned());
        }
        let rows = if self.rows == 1 { "1 row" } else { &format!("{} rows", self.rows) };
        let verb = if self.rows == 1 { "repeats" } else { "repeat" };
        let message = format!("{rows} of {dataset} {verb} a key that another row has: {}", keys.join(", "));
        let remedy = "name a key that is unique in this dataset, or remove the repeated rows";
        Err(Error::new(ErrorKind::Data, "stage a side", message).with_remedy(remedy))
    }
}
