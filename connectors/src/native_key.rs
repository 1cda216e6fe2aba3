//! Encoded keys from a key's values as one side holds them.

use pinksync_engine::key::{self, Key};
use pinksync_engine::row::SideSpec;
use pinksync_engine::{Value, reduce};

/// The encoded key; `None` where the values are no key (a NULL, or not of the column's type).
pub fn encode(spec: &SideSpec, native_key: &[Value]) -> Option<Key> {
    let columns = || spec.key.iter().map(|&index| &spec.columns[index]);
    let common: Option<Vec<Value>> = native_key
        .iter()
        .zip(columns())
        .map(|(value, column)| reduce::reduce(value, &column.native, &column.common).ok())
        .collect();
    key::encode(common?.iter().zip(columns().map(|column| &column.common))).ok()
}
