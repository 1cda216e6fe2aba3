//! The binary COPY format, both directions: PostgreSQL documentation, "COPY", section "Binary Format".

use bytes::{Bytes, BytesMut};
use pinksync_engine::Value;

use super::encode::{Misfit, encode};
use super::types::Wire;

/// The stream is not what the format says; reading it further would be guessing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's COPY stream is damaged: {0}")]
pub struct Damaged(pub &'static str);

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, length of the header's extension.
const HEADER: usize = 19;
/// Largest field the server can send.
const MAX_FIELD: usize = 1 << 30;

/// Takes chunks of a COPY stream and gives its tuples, wherever the chunks were cut.
#[derive(Debug)]
pub struct CopyReader {
    columns: usize,
    current: Bytes,
    /// What of it was taken.
    taken: usize,
    /// The beginning of a tuple that goes on in the next chunk.
    pending: BytesMut,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Header,
    Tuples,
    Ended,
}

/// One tuple's bytes.
#[derive(Debug)]
pub struct Tuple<'a>(&'a [u8]);

impl CopyReader {
    pub fn new(columns: usize) -> Self {
        Self { columns, current: Bytes::new(), taken: 0, pending: BytesMut::new(), state: State::Header }
    }

    /// Adds a chunk. Every tuple of the one before must have been taken.
    pub fn feed(&mut self, chunk: Bytes) {
        self.taken = 0;
        if self.pending.is_empty() {
            self.current = chunk;
        } else {
            self.pending.extend_from_slice(&chunk);
            self.current = self.pending.split().freeze();
        }
    }

    /// `None`: the chunk is used up.
    pub fn next(&mut self) -> Result<Option<Tuple<'_>>, Damaged> {
        if self.state == State::Header && !self.header()? {
            return Ok(None);
        }
        if self.state == State::Tuples {
            let start = self.taken;
            match self.length()? {
                Some(length) => self.taken += length,
                None => self.put_off(),
            }
            if self.state == State::Tuples {
                return Ok((self.taken > start).then(|| Tuple(&self.current[start + 2..self.taken])));
            }
        }
        if self.rest().is_empty() { Ok(None) } else { Err(Damaged("there is data after its end")) }
    }

    fn rest(&self) -> &[u8] {
        &self.current[self.taken..]
    }

    /// Keeps the beginning of what goes on in the next chunk.
    fn put_off(&mut self) {
        self.pending.extend_from_slice(&self.current[self.taken..]);
        (self.current, self.taken) = (Bytes::new(), 0);
    }

    /// The stream was read to its end mark, and nothing is left over.
    pub fn finish(&self) -> Result<(), Damaged> {
        match self.state == State::Ended && self.rest().is_empty() && self.pending.is_empty() {
            true => Ok(()),
            false => Err(Damaged("it ends early")),
        }
    }

    /// Takes the header off once it is whole.
    fn header(&mut self) -> Result<bool, Damaged> {
        let Some(fixed) = self.rest().get(..HEADER) else {
            self.put_off();
            return Ok(false);
        };
        if &fixed[..11] != SIGNATURE || fixed[11..HEADER] != [0; 8] {
            return Err(Damaged("its header is unknown"));
        }
        self.taken += HEADER;
        self.state = State::Tuples;
        Ok(true)
    }

    /// Bytes of the next tuple if it is whole; sets `Ended` at the end mark.
    fn length(&mut self) -> Result<Option<usize>, Damaged> {
        let bytes = &self.current[self.taken..];
        let Some(count) = bytes.first_chunk::<2>() else { return Ok(None) };
        match i16::from_be_bytes(*count) {
            -1 => {
                self.state = State::Ended;
                return Ok(Some(2));
            }
            count if usize::try_from(count) != Ok(self.columns) => {
                return Err(Damaged("a tuple has another number of fields than was asked for"));
            }
            _ => {}
        }
        let mut at = 2;
        for _ in 0..self.columns {
            let Some(length) = bytes.get(at..at + 4) else { return Ok(None) };
            at += 4;
            match i32::from_be_bytes([length[0], length[1], length[2], length[3]]) {
                -1 => {}
                length => match usize::try_from(length) {
                    Ok(length) if length <= MAX_FIELD => at += length,
                    _ => return Err(Damaged("a field has an impossible length")),
                },
            }
            if at > bytes.len() {
                return Ok(None);
            }
        }
        Ok(Some(at))
    }
}

impl Tuple<'_> {
    /// The fields in order; `None` is NULL.
    pub fn fields(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first_chunk::<4>()?;
            match usize::try_from(i32::from_be_bytes(*length)) {
                Ok(length) => {
                    let (field, tail) = tail.split_at_checked(length)?;
                    rest = tail;
                    Some(Some(field))
                }
                Err(_) => {
                    rest = tail;
                    Some(None)
                }
            }
        })
    }
}

/// Builds a COPY stream.
#[derive(Debug)]
pub struct CopyWriter {
    wires: Vec<Wire>,
    bytes: Vec<u8>,
    tuples: usize,
}

impl CopyWriter {
    pub fn new(wires: Vec<Wire>) -> Self {
        let mut bytes = Vec::with_capacity(64 * 1024);
        bytes.extend_from_slice(SIGNATURE);
        bytes.extend_from_slice(&[0; 8]);
        Self { wires, bytes, tuples: 0 }
    }

    /// Adds a tuple of one value per column. On an error nothing was added.
    pub fn push<'a>(&mut self, values: impl Iterator<Item = &'a Value>) -> Result<(), Misfit> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&(self.wires.len() as i16).to_be_bytes());
        for (wire, value) in self.wires.iter().zip(values) {
            if let Err(misfit) = encode(*wire, value, &mut self.bytes) {
                self.bytes.truncate(start);
                return Err(misfit);
            }
        }
        self.tuples += 1;
        Ok(())
    }

    pub fn tuples(&self) -> usize {
        self.tuples
    }

    /// What was added since the last time, to be sent.
    pub fn take(&mut self) -> Bytes {
        let next = Vec::with_capacity(self.bytes.len());
        std::mem::replace(&mut self.bytes, next).into()
    }

    /// The end of the stream.
    pub fn finish(mut self) -> Bytes {
        self.bytes.extend_from_slice(&(-1i16).to_be_bytes());
        self.bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRES: [Wire; 3] = [Wire::Int4, Wire::Text, Wire::Bytea];

    fn sample() -> (Vec<[Value; 3]>, Bytes) {
        let rows = vec![
            [Value::Int(1), Value::text("one"), Value::Null],
            [Value::Null, Value::text(""), Value::Bytes([].into())],
            [Value::Int(-3), Value::Null, Value::Bytes([1; 300].into())],
        ];
        let mut writer = CopyWriter::new(WIRES.to_vec());
        for row in &rows {
            writer.push(row.iter()).unwrap();
        }
        assert_eq!(writer.tuples(), 3);
        (rows, writer.finish())
    }

    fn read(chunks: impl Iterator<Item = Bytes>) -> Result<Vec<Vec<Value>>, Damaged> {
        let mut reader = CopyReader::new(3);
        let mut rows = Vec::new();
        for chunk in chunks {
            reader.feed(chunk);
            while let Some(tuple) = reader.next()? {
                let decode = |(wire, field): (&Wire, Option<&[u8]>)| match field {
                    Some(bytes) => crate::postgres::decode::decode(*wire, bytes).unwrap(),
                    None => Value::Null,
                };
                rows.push(WIRES.iter().zip(tuple.fields()).map(decode).collect());
            }
        }
        reader.finish().map(|()| rows)
    }

    #[test]
    fn tuples_are_read_wherever_the_stream_is_cut() {
        let (rows, bytes) = sample();
        for size in 1..bytes.len() + 1 {
            let chunks = (0..bytes.len()).step_by(size).map(|at| bytes.slice(at..bytes.len().min(at + size)));
            assert_eq!(read(chunks).unwrap(), rows, "in chunks of {size}");
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_damaged() {
        let (_, bytes) = sample();
        for end in 0..bytes.len() {
            assert!(read([bytes.slice(..end)].into_iter()).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn changed_bytes_never_panic() {
        let (_, bytes) = sample();
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] = value;
                let mut reader = CopyReader::new(3);
                reader.feed(changed.into());
                while let Ok(Some(tuple)) = reader.next() {
                    assert!(tuple.fields().count() <= 3);
                }
            }
        }
    }
}
