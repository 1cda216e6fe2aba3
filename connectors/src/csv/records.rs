//! Divides a byte stream into records and fields, and knows where each record's bytes lie.
//!
//! The rules are those of the `csv` crate (and tested against it): a quote counts only at a field's start, `\r`, `\n`
//! and `\r\n` end a record, blank lines are no records. Beyond that crate, a record's exact bytes are known, so that
//! a rewritten file keeps every other byte, and a record has a limit, so that a stray quote cannot fill the memory.

use std::io::{self, Read};
use std::ops::Range;

/// Read at a time when a whole file is read.
const READ_BYTES: usize = 256 * 1024;

/// Reads records one after the other.
pub struct Records<R> {
    input: R,
    delimiter: u8,
    quote: u8,
    /// Largest record kept whole, in bytes.
    limit: usize,
    read_bytes: usize,
    buffer: Vec<u8>,
    /// Of the current record in `buffer`.
    start: usize,
    /// Where `buffer[0]` lies in the stream, leaving aside what `dropped` counts.
    base: u64,
    /// Bytes of the current record that were passed over, since it is larger than the limit.
    dropped: u64,
    line: u64,
    at_end: bool,
    fields: Vec<Range<usize>>,
}

/// A record as it stands in the stream.
#[derive(Debug)]
pub struct Record<'a> {
    /// Of its first byte in the stream.
    pub offset: u64,
    /// With its line ending.
    pub length: u64,
    /// 1-based, of its first byte.
    pub line: u64,
    /// Without its line ending. Only the beginning, if it is `oversized`.
    pub body: &'a [u8],
    /// Where the fields lie in `body`, quotes included.
    pub fields: &'a [Range<usize>],
    /// `\n`, `\r\n`, `\r`, or nothing at the end of the stream.
    pub ending: &'a [u8],
    /// Has line breaks between quotes.
    pub several_lines: bool,
    pub oversized: bool,
    /// The stream ended inside quotes.
    pub unclosed: bool,
}

impl Record<'_> {
    /// A field as it stands there; `None` if there are not so many.
    pub fn field(&self, index: usize) -> Option<&[u8]> {
        self.fields.get(index).map(|range| &self.body[range.clone()])
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    FieldStart,
    Bare,
    Quoted,
    /// Behind a quote between quotes: the closing one, or the first half of a doubled one.
    QuoteInQuoted,
}

impl<R: Read> Records<R> {
    pub fn new(input: R, delimiter: u8, quote: u8, limit: usize) -> Self {
        Self {
            input,
            delimiter,
            quote,
            limit,
            read_bytes: READ_BYTES,
            buffer: Vec::new(),
            start: 0,
            base: 0,
            dropped: 0,
            line: 1,
            at_end: false,
            fields: Vec::new(),
        }
    }

    /// Reads so many bytes at a time; for a single record little is enough.
    pub fn reading(mut self, read_bytes: usize) -> Self {
        self.read_bytes = read_bytes;
        self
    }

    /// Gives the input back.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Passes over a byte order mark, if the stream begins with one. To be called before anything else.
    pub fn skip_mark(&mut self, mark: &[u8]) -> io::Result<()> {
        while self.buffer.len() < mark.len() && self.fill()? {}
        if self.buffer.starts_with(mark) {
            self.start = mark.len();
        }
        Ok(())
    }

    /// The next record; `None` at the end of the stream.
    pub fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        if !self.skip_blank_lines()? {
            return Ok(None);
        }
        self.fields.clear();
        let (offset, line) = (self.base + self.start as u64, self.line);
        let mut state = State::FieldStart;
        let (mut at, mut field) = (0, 0);
        let mut breaks = 0;
        let ended = loop {
            let Some(byte) = self.byte(&mut at, &mut field)? else {
                break false;
            };
            state = match state {
                State::Quoted if byte == self.quote => State::QuoteInQuoted,
                State::Quoted => {
                    breaks += u64::from(byte == b'\n');
                    State::Quoted
                }
                State::QuoteInQuoted if byte == self.quote => State::Quoted,
                State::FieldStart if byte == self.quote => State::Quoted,
                State::FieldStart | State::Bare | State::QuoteInQuoted => {
                    if byte == b'\n' || byte == b'\r' {
                        break true;
                    }
                    if byte == self.delimiter {
                        self.fields.push(field..at);
                        field = at + 1;
                        State::FieldStart
                    } else {
                        State::Bare
                    }
                }
            };
            at += 1;
            at += self.run(at, state, &mut breaks);
        };
        self.fields.push(field..at);
        let ending = if ended { self.ending(at)? } else { 0 };
        self.line += breaks + u64::from(ended);
        Ok(Some(self.finished(offset, line, at, ending, breaks > 0, state == State::Quoted)))
    }

    /// How many of the bytes at hand say nothing: they are passed over without looking at each.
    fn run(&self, at: usize, state: State, breaks: &mut u64) -> usize {
        let rest = self.buffer.get(self.start + at..).unwrap_or_default();
        let up_to = |found: Option<usize>| found.unwrap_or(rest.len());
        match state {
            State::Bare => {
                let delimiter = self.delimiter;
                up_to(rest.iter().position(|&byte| byte == delimiter || byte == b'\n' || byte == b'\r'))
            }
            State::Quoted => {
                let length = up_to(rest.iter().position(|&byte| byte == self.quote));
                *breaks += rest[..length].iter().filter(|&&byte| byte == b'\n').count() as u64;
                length
            }
            State::FieldStart | State::QuoteInQuoted => 0,
        }
    }

    /// Bytes of the line ending at `at`.
    fn ending(&mut self, at: usize) -> io::Result<usize> {
        let place = self.start + at;
        if self.buffer[place] == b'\n' {
            return Ok(1);
        }
        if place + 1 == self.buffer.len() {
            self.compact();
            self.fill()?;
        }
        Ok(1 + usize::from(self.buffer.get(self.start + at + 1) == Some(&b'\n')))
    }

    fn finished(
        &mut self,
        offset: u64,
        line: u64,
        body: usize,
        ending: usize,
        several_lines: bool,
        unclosed: bool,
    ) -> Record<'_> {
        let from = self.start;
        self.start += body + ending;
        let oversized = self.dropped > 0 || body > self.limit;
        let length = (body + ending) as u64 + self.dropped;
        self.base += std::mem::take(&mut self.dropped);
        let (body, ending) = self.buffer[from..self.start].split_at(body);
        Record { offset, length, line, body, fields: &self.fields, ending, several_lines, oversized, unclosed }
    }

    /// Whether there is anything behind the blank lines.
    fn skip_blank_lines(&mut self) -> io::Result<bool> {
        loop {
            match self.buffer.get(self.start) {
                Some(b'\n') => {
                    self.line += 1;
                    self.start += 1;
                }
                Some(b'\r') => {
                    let ending = self.ending(0)?;
                    self.line += 1;
                    self.start += ending;
                }
                Some(_) => return Ok(true),
                None => {
                    self.compact();
                    if !self.fill()? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// The byte at `at` of the current record; `None` at the end of the stream. A record beyond the limit loses its
    /// bytes behind it, and the fields there with them.
    fn byte(&mut self, at: &mut usize, field: &mut usize) -> io::Result<Option<u8>> {
        if let Some(&byte) = self.buffer.get(self.start + *at) {
            return Ok(Some(byte));
        }
        self.compact();
        if *at > self.limit {
            self.dropped += (*at - self.limit) as u64;
            self.buffer.truncate(self.limit);
            *at = self.limit;
            *field = self.limit;
        }
        if !self.fill()? {
            return Ok(None);
        }
        Ok(self.buffer.get(*at).copied())
    }

    /// Moves the current record to the buffer's beginning.
    fn compact(&mut self) {
        self.buffer.drain(..self.start);
        self.base += self.start as u64;
        self.start = 0;
    }

    /// Reads on; `false` at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        let held = self.buffer.len();
        self.buffer.resize(held + self.read_bytes, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.truncate(held);
                    return Err(error);
                }
                Ok(read) => break read,
            }
        };
        self.buffer.truncate(held + read);
        self.at_end = read == 0;
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests;
