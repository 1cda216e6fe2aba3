//! Compression of what is stored by the block: zstd at a quick level, since most of it is never read again.

use std::cell::RefCell;
use std::io;

use zstd::bulk::Compressor;

const LEVEL: i32 = -3;

thread_local! {
    /// Making one takes longer than compressing a block with it.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

pub fn compress(plain: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(plain)
    })
}

pub fn decompress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    zstd::stream::decode_all(bytes)
}
