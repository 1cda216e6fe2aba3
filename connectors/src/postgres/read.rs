//! Reading: pages in key order, and whole scans.

use std::pin::pin;

use futures_util::StreamExt;
use pinksync_engine::connector::{Chunk, Page};
use pinksync_engine::key::{self, Key, KeyRange};
use pinksync_engine::{Error, ErrorKind, Result, Value};
use tokio::sync::mpsc;

use super::client::Session;
use super::copy::CopyReader;
use super::error::translate;
use super::layout::Layout;
use super::sql;

const OPERATION: &str = "read a range";
const SCAN: &str = "read a table";

/// Rows of a chunk of a scan, and its bytes, whichever is reached first.
const CHUNK_ROWS: usize = 2000;
const CHUNK_BYTES: usize = 1 << 20;

/// A page while it is read.
struct Reading {
    page: Page,
    /// The last key that came, also of records that do not pass the filter.
    last: Option<Key>,
    bytes: usize,
}

/// Reads the records of `range` in key order until about `budget` bytes of them are there.
pub async fn page(session: &mut Session, layout: &Layout, range: &KeyRange, budget: usize) -> Result<Page> {
    let page = Page { rows: Vec::new(), unreadable: Vec::new(), cut: None };
    let mut reading = Reading { page, last: None, bytes: 0 };
    loop {
        let limit = layout.rows_for(budget.saturating_sub(reading.bytes)).max(2);
        let conditions = match &reading.last {
            None => conditions(layout, range, false)?,
            Some(last) => {
                let rest = KeyRange { low: Some(last.clone()), high: range.high.clone() };
                self::conditions(layout, &rest, true)?
            }
        };
        let statement = format!(
            "COPY (SELECT {} FROM {}{} ORDER BY {} LIMIT {limit}) TO STDOUT (FORMAT binary)",
            layout.select,
            layout.table.source(),
            layout.condition(conditions),
            layout.keys.join(", "),
        );
        reading.page.rows.reserve(limit);
        let before = (reading.page.rows.len(), reading.bytes, reading.last.clone());
        let received = fill(session, layout, &statement, budget, &mut reading).await?;
        layout.note_width(reading.page.rows.len() - before.0, reading.bytes - before.1);
        if received < limit || reading.page.cut.is_some() {
            return Ok(reading.page);
        }
        if reading.last == before.2 {
            let message = format!("{} has keys that cannot be read", layout.spec.dataset);
            return Err(Error::new(ErrorKind::Data, OPERATION, message));
        }
    }
}

/// Takes one statement's rows; the first beyond the budget is where the page is cut. Gives the number of rows sent.
async fn fill(
    session: &mut Session,
    layout: &Layout,
    statement: &str,
    budget: usize,
    reading: &mut Reading,
) -> Result<usize> {
    let stream = session.client.copy_out(statement).await.map_err(|error| translate(OPERATION, error))?;
    let mut stream = pin!(stream);
    let mut reader = CopyReader::new(layout.spec.columns.len());
    let mut received = 0;
    while let Some(chunk) = stream.next().await {
        reader.feed(chunk.map_err(|error| translate(OPERATION, error))?);
        while let Some(tuple) = reader.next().map_err(|error| damaged(OPERATION, error))? {
            received += 1;
            if reading.page.cut.is_some() {
                continue;
            }
            let full = reading.bytes >= budget && reading.last.is_some();
            match layout.admit(tuple.fields()) {
                Ok(row) if full => reading.page.cut = Some(row.key),
                Ok(row) => {
                    reading.last = Some(row.key.clone());
                    if layout.passes(&row) {
                        reading.bytes += row.size();
                        reading.page.rows.push(row);
                    }
                }
                Err(unreadable) => match (&unreadable.key, full) {
                    (Some(key), true) => reading.page.cut = Some(key.clone()),
                    (key, _) => {
                        reading.last = key.clone().or(reading.last.take());
                        reading.bytes += 64;
                        reading.page.unreadable.push(unreadable);
                    }
                },
            }
        }
    }
    reader.finish().map_err(|error| damaged(OPERATION, error))?;
    Ok(received)
}

fn damaged(operation: &'static str, error: super::copy::Damaged) -> Error {
    Error::new(ErrorKind::Other, operation, error.to_string()).with_source(error)
}

/// What keeps a statement inside `range`; `after`: the low bound itself is not in it.
pub fn conditions(layout: &Layout, range: &KeyRange, after: bool) -> Result<Vec<String>> {
    let mut conditions = Vec::with_capacity(2);
    if let Some(low) = &range.low {
        let compare = if after { ">" } else { ">=" };
        conditions.push(bound(&layout.keys, &decoded(low)?, (compare, ">=", ">")));
    }
    if let Some(high) = &range.high {
        conditions.push(bound(&layout.keys, &decoded(high)?, ("<", "<", "<=")));
    }
    Ok(conditions)
}

/// The values of a key, in common form, which for ordered keys is the server's own.
pub fn decoded(key: &Key) -> Result<Vec<Value>> {
    key::decode(key).map_err(|error| Error::new(ErrorKind::Data, OPERATION, error.to_string()).with_source(error))
}

/// Compares the key to a bound with the first operator. A part that this server cannot hold is replaced by the next
/// one above or below that it can, and compared with the second operator or the third; later parts then do not matter.
fn bound(keys: &[String], values: &[Value], (exact, above, below): (&str, &str, &str)) -> String {
    let mut operator = exact;
    let mut literals = Vec::with_capacity(values.len());
    for value in values {
        if let Some(literal) = sql::literal(value) {
            literals.push(literal);
            continue;
        }
        let (nearest, is_above) = sql::nearest(value);
        operator = if is_above { above } else { below };
        literals.push(nearest);
        break;
    }
    match &literals[..] {
        [one] => format!("{} {operator} {one}", keys[0]),
        many => format!("({}) {operator} ({})", keys[..many.len()].join(", "), many.join(", ")),
    }
}

/// Sends every record that passes the filter.
pub async fn scan(session: &mut Session, layout: &Layout, rows: &mpsc::Sender<Chunk>) -> Result<()> {
    let statement = format!(
        "COPY (SELECT {} FROM {}{}) TO STDOUT (FORMAT binary)",
        layout.select,
        layout.table.source(),
        layout.condition(Vec::new()),
    );
    let stream = session.client.copy_out(&statement).await.map_err(|error| translate(SCAN, error))?;
    let mut stream = pin!(stream);
    let mut reader = CopyReader::new(layout.spec.columns.len());
    let (mut chunk, mut bytes) = (Chunk::default(), 0);
    while let Some(part) = stream.next().await {
        reader.feed(part.map_err(|error| translate(SCAN, error))?);
        while let Some(tuple) = reader.next().map_err(|error| damaged(SCAN, error))? {
            match layout.admit(tuple.fields()) {
                Ok(row) if layout.passes(&row) => {
                    bytes += row.size();
                    chunk.rows.push(row);
                }
                Ok(_) => {}
                Err(unreadable) => {
                    bytes += 64;
                    chunk.unreadable.push(unreadable);
                }
            }
            if chunk.rows.len() + chunk.unreadable.len() >= CHUNK_ROWS || bytes >= CHUNK_BYTES {
                bytes = 0;
                send(rows, std::mem::take(&mut chunk)).await?;
            }
        }
    }
    reader.finish().map_err(|error| damaged(SCAN, error))?;
    send(rows, chunk).await
}

async fn send(rows: &mpsc::Sender<Chunk>, chunk: Chunk) -> Result<()> {
    if chunk.rows.is_empty() && chunk.unreadable.is_empty() {
        return Ok(());
    }
    rows.send(chunk).await.map_err(|_| Error::new(ErrorKind::Interrupted, SCAN, "nobody reads it any more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: (&str, &str, &str) = (">=", ">=", ">");
    const HIGH: (&str, &str, &str) = ("<", "<", "<=");

    fn keys() -> Vec<String> {
        vec!["t.\"a\"".to_owned(), "t.\"b\"".to_owned()]
    }

    #[test]
    fn a_bound_is_a_row_comparison() {
        assert_eq!(bound(&keys()[..1], &[Value::Int(5)], LOW), "t.\"a\" >= '5'::int8");
        let values = [Value::text("x'"), Value::Int(5)];
        assert_eq!(bound(&keys(), &values, HIGH), "(t.\"a\", t.\"b\") < ('x'''::text, '5'::int8)");
    }

    #[test]
    fn a_bound_that_the_server_cannot_hold_is_moved_to_the_next_it_can() {
        let zero = [Value::text("a\0b"), Value::Int(5)];
        assert_eq!(bound(&keys(), &zero, LOW), "t.\"a\" > 'a'::text");
        assert_eq!(bound(&keys(), &zero, HIGH), "t.\"a\" <= 'a'::text");
        let late = [Value::Int(1), Value::Timestamp(i64::MAX - 1)];
        assert_eq!(bound(&keys(), &late, LOW), "(t.\"a\", t.\"b\") >= ('1'::int8, 'infinity'::timestamp)");
        let early = [Value::Date(i32::MIN + 1)];
        assert_eq!(bound(&keys()[..1], &early, HIGH), "t.\"a\" < '4714-11-24 BC'::date");
    }
}
