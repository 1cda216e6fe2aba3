//! The same records and fields as the `csv` crate finds, and bytes that add up to the stream.

use super::super::types::unquoted;
use super::*;

/// Gives at most `step` bytes at a time.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(out.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn ours(text: &[u8], step: usize) -> Vec<Vec<Vec<u8>>> {
    let mut records = Records::new(Slow(text, step), b',', b'"', 1 << 20);
    let mut found = Vec::new();
    let mut end = 0;
    while let Some(record) = records.next().unwrap() {
        let from = usize::try_from(record.offset).unwrap();
        assert!(text[end..from].iter().all(|byte| b"\r\n".contains(byte)), "blank lines only between records");
        assert_eq!(&text[from..from + record.body.len()], record.body);
        end = from + usize::try_from(record.length).unwrap();
        assert_eq!(record.length as usize, record.body.len() + record.ending.len());
        let fields = (0..record.fields.len()).map(|index| unquoted(record.field(index).unwrap(), b'"').into_owned());
        found.push(fields.collect());
    }
    found
}

fn theirs(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect()
}

#[test]
fn records_are_those_of_the_csv_crate() {
    // A small generator with a fixed seed: every text of quotes, delimiters, breaks and letters is worth a try.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    for round in 0..20_000 {
        let length = next(24);
        let text: Vec<u8> = (0..length).map(|_| b"ab,,\"\"\"\r\n\n"[next(10) as usize]).collect();
        let step = 1 + next(5) as usize;
        assert_eq!(ours(&text, step), theirs(&text), "round {round}: {:?}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn lines_offsets_and_endings_are_known() {
    let text = b"id,name\r\n\r\n1,\"a\nb\"\r\n2,c\n3,d";
    let mut records = Records::new(&text[..], b',', b'"', 1 << 20);
    let mut found = Vec::new();
    while let Some(record) = records.next().unwrap() {
        found.push((record.offset, record.line, record.ending.to_vec(), record.several_lines));
    }
    assert_eq!(
        found,
        [
            (0, 1, b"\r\n".to_vec(), false),
            (11, 3, b"\r\n".to_vec(), true),
            (20, 5, b"\n".to_vec(), false),
            (24, 6, Vec::new(), false),
        ]
    );
}

#[test]
fn an_oversized_record_is_passed_over_in_bounded_memory() {
    let mut text = b"id,name\n1,".to_vec();
    text.extend(std::iter::repeat_n(b'x', 3_000_000));
    text.extend(b",y\n2,z\n");
    let mut records = Records::new(&text[..], b',', b'"', 1000);
    assert!(!records.next().unwrap().unwrap().oversized);
    let large = records.next().unwrap().unwrap();
    assert!(large.oversized && large.body.len() < 1000 + 2 * READ_BYTES);
    assert_eq!((large.field(0), large.offset, large.length), (Some(&b"1"[..]), 8, 3_000_005));
    let after = records.next().unwrap().unwrap();
    assert_eq!((after.offset, after.line, after.body), (3_000_013, 3, &b"2,z"[..]));
    assert!(records.next().unwrap().is_none());
    assert!(records.buffer.capacity() < 4 * READ_BYTES);
}

#[test]
fn a_quote_that_is_never_closed_is_told() {
    let mut records = Records::new(&b"a,b\n1,\"x\n2,y\n"[..], b',', b'"', 1 << 20);
    assert!(!records.next().unwrap().unwrap().unclosed);
    let last = records.next().unwrap().unwrap();
    assert!(last.unclosed && last.several_lines && last.ending.is_empty());
}

#[test]
fn a_byte_order_mark_belongs_to_no_field() {
    let mark = b"\xef\xbb\xbf";
    let mut records = Records::new(Slow(b"\xef\xbb\xbf\"id\"\n", 1), b',', b'"', 1 << 20);
    records.skip_mark(mark).unwrap();
    let header = records.next().unwrap().unwrap();
    assert_eq!((header.offset, header.body), (3, &b"\"id\""[..]));
    let mut without = Records::new(&b"id\n"[..], b',', b'"', 1 << 20);
    without.skip_mark(mark).unwrap();
    assert_eq!(without.next().unwrap().unwrap().offset, 0);
}
