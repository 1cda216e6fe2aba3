//! A new file being written, through its compression.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::client::Compression;

const BUFFER_BYTES: usize = 256 * 1024;
/// Compressed as the tools do by themselves.
const ZSTD_LEVEL: i32 = 3;

pub fn is_ending(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The new file.
pub struct Output<'a> {
    encoder: Encoder<'a>,
    /// The ending of the last line, which waits until something follows, or the end.
    ending: Vec<u8>,
    is_at_line_start: bool,
}

enum Encoder<'a> {
    Plain(BufWriter<&'a File>),
    Gzip(flate2::write::GzEncoder<BufWriter<&'a File>>),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<&'a File>>),
}

impl<'a> Output<'a> {
    pub fn new(file: &'a File, compression: Compression) -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        let encoder = match compression {
            Compression::None => Encoder::Plain(file),
            Compression::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default())),
            Compression::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(file, ZSTD_LEVEL)?),
        };
        Ok(Self { encoder, ending: Vec::new(), is_at_line_start: true })
    }

    /// Nothing was written yet, or a line ending last.
    pub fn is_at_line_start(&self) -> bool {
        self.is_at_line_start
    }

    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(&last) = bytes.last() else { return Ok(()) };
        self.is_at_line_start = is_ending(last);
        if (&self.ending[..], bytes) == (b"\r", b"\n") {
            self.ending.push(b'\n');
            return Ok(());
        }
        let held = match bytes {
            [.., b'\r', b'\n'] => 2,
            [.., b'\n' | b'\r'] => 1,
            _ => 0,
        };
        let (line, ending) = bytes.split_at(bytes.len() - held);
        let before = std::mem::replace(&mut self.ending, ending.to_vec());
        self.encoder.writer().write_all(&before)?;
        self.encoder.writer().write_all(line)
    }

    /// Ends the file, with the ending of its last line or without.
    pub fn finish(mut self, ended: bool) -> io::Result<()> {
        if ended {
            self.encoder.writer().write_all(&self.ending)?;
        }
        match self.encoder {
            Encoder::Plain(file) => file,
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
        }
        .flush()
    }
}

impl Encoder<'_> {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Plain(file) => file,
            Self::Gzip(encoder) => encoder,
            Self::Zstd(encoder) => encoder,
        }
    }
}
