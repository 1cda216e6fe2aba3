//! The keys that cut a table into ranges.

use pinksync_engine::key::Key;
use pinksync_engine::{Result, Value};

use super::client::Session;
use super::decode::decode;
use super::error::translate;
use super::layout::{Layout, fields};
use super::table::Column;

/// Rows from which on a sample of the table's pages is enough: to number every row of a million takes a sixth of a second
/// in which nothing else can begin.
const SAMPLED_ROWS: u64 = 200_000;
/// Of the pages of a sampled table, one in so many is read.
const SAMPLED_SHARE: u64 = 20;

/// Keys at which about every `rows`th record begins.
pub async fn split(session: &mut Session, layout: &Layout, rows: u64) -> Result<Vec<Key>> {
    let sampled = layout.table.is_stored()
        && layout.estimated_rows.is_some_and(|all| all >= SAMPLED_ROWS)
        && rows >= 10 * SAMPLED_SHARE;
    let statement = match sampled {
        true => statement(
            layout,
            &format!(" TABLESAMPLE SYSTEM ({}) REPEATABLE (0)", 100 / SAMPLED_SHARE),
            rows / SAMPLED_SHARE,
        ),
        false => statement(layout, "", rows.max(1)),
    };
    let found = session.client.query(&statement, &[]).await.map_err(|error| translate("split a table", error))?;
    Ok(found.iter().filter_map(|row| key(layout, row)).collect())
}

/// Takes each `step`th row of the table, or of the part of it that `sample` leaves.
fn statement(layout: &Layout, sample: &str, step: u64) -> String {
    let read: Vec<String> = layout.key_columns().map(Column::read).collect();
    let named: Vec<String> = read.iter().enumerate().map(|(index, key)| format!("{key} AS k{index}")).collect();
    let outer: Vec<String> = (0..read.len()).map(|index| format!("s.k{index}")).collect();
    format!(
        "SELECT {} FROM (SELECT {}, row_number() OVER (ORDER BY {}) AS n FROM {}{sample}{}) s \
         WHERE s.n > 1 AND s.n % {step} = {} ORDER BY s.n",
        outer.join(", "),
        named.join(", "),
        layout.keys.join(", "),
        layout.table.source(),
        layout.condition(Vec::new()),
        1 % step,
    )
}

fn key(layout: &Layout, row: &tokio_postgres::Row) -> Option<Key> {
    let values = layout.key_wires().into_iter().zip(fields(row, 0));
    let native: Option<Vec<Value>> = values.map(|(wire, field)| decode(wire, field?).ok()).collect();
    layout.encoded_key(&native?)
}
