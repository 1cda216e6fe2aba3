//! A buffer of each thread for bytes that are made for every record and kept of none.

use std::cell::Cell;

/// Capacity that a thread keeps; a larger record's buffer is given back.
const KEPT: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Calls `work` with an empty buffer. Inside of `work` another call gets a buffer of its own.
pub fn with<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut bytes = BUFFER.take();
    bytes.clear();
    let result = work(&mut bytes);
    if bytes.capacity() <= KEPT {
        BUFFER.set(bytes);
    }
    result
}
