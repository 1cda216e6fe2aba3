//! Block sums: count and combined hash of rows by range, without reading a row.
//!
//! The hash is over what says where a row is and who wrote it (`xmin`, `ctid`, `tableoid`): any write to a row changes
//! it, and a transaction that has ended writes no more rows. It is seeded with the server's identity and timeline, so
//! that sums taken elsewhere, or before a restore, never fit.

use pinksync_engine::connector::RangeSum;
use pinksync_engine::key::{Key, KeyRange};
use pinksync_engine::{Result, Value};

use super::catalog::get;
use super::client::{Session, as_parameters};
use super::encode::{ArrayParameter, Arrays};
use super::error::translate;
use super::layout::Layout;
use super::read::{conditions, decoded};
use super::sql;
use super::types::Wire;

const OPERATION: &str = "sum a range";

/// `None` where the table offers none, or a cut is at a value that this server cannot hold.
pub async fn sums(
    session: &mut Session,
    layout: &Layout,
    range: &KeyRange,
    cuts: &[Key],
) -> Result<Option<Vec<RangeSum>>> {
    if !layout.table.is_stored() || !layout.ordered {
        return Ok(None);
    }
    let bounds: Vec<Vec<Value>> = cuts.iter().map(decoded).collect::<Result<_>>()?;
    if bounds.iter().flatten().any(|value| sql::literal(value).is_none()) {
        return Ok(None);
    }
    let seed = seed(session).await?;
    // A whole table is read in the order of its pages, a piece of it by the index.
    let is_whole = range.low.is_none() && range.high.is_none();
    match cuts.is_empty() || (is_whole && layout.keys.len() == 1) {
        true => by_bucket(session, layout, range, &bounds, seed).await,
        false => by_range(session, layout, range, cuts, &bounds, seed).await,
    }
}

/// The row's hash, to be combined by `bit_xor`. There is no cast from a transaction's number to an integer; ages, which
/// are told relative to one number all through a transaction, stand in for it.
fn row_hash(seed: i64) -> String {
    let writer = "(age('3'::xid)::int8 - age(t.xmin)) & 4294967295";
    format!("hashtidextended(t.ctid, '{seed}'::int8 # ((t.tableoid::int8 << 32) | ({writer})))")
}

/// One pass over the range; the part of each row by binary search in an array of the cuts.
async fn by_bucket(
    session: &mut Session,
    layout: &Layout,
    range: &KeyRange,
    bounds: &[Vec<Value>],
    seed: i64,
) -> Result<Option<Vec<RangeSum>>> {
    let wires = cut_wires(layout);
    let (part, parameters) = match bounds.is_empty() {
        true => ("0".to_owned(), Vec::new()),
        false => match arrays(&wires, bounds.iter().map(|values| values.iter())) {
            Some(parameters) => {
                (format!("width_bucket({}, $1::{}[])", layout.keys[0], wires[0].parameter().0), parameters)
            }
            None => return Ok(None),
        },
    };
    let statement = format!(
        "SELECT s.part::int8 AS part, count(*) AS count, coalesce(bit_xor(s.hash), 0) AS hash \
         FROM (SELECT {part} AS part, {} AS hash FROM {}{}) s GROUP BY s.part",
        row_hash(seed),
        layout.table.source(),
        layout.condition(conditions(layout, range, false)?),
    );
    collect(session, &statement, parameters, bounds.len() + 1).await.map(Some)
}

/// An index range per part, in which nothing has to be assigned to its part. (Comparing whole composite keys with an
/// array of them is ten times slower.)
async fn by_range(
    session: &mut Session,
    layout: &Layout,
    range: &KeyRange,
    cuts: &[Key],
    bounds: &[Vec<Value>],
    seed: i64,
) -> Result<Option<Vec<RangeSum>>> {
    let wires = cut_wires(layout);
    let both = [wires.clone(), wires.clone()].concat();
    let source = layout.table.source();
    let select = format!("count(*) AS count, coalesce(bit_xor({}), 0) AS hash", row_hash(seed));
    let first = KeyRange { low: range.low.clone(), high: cuts.first().cloned() };
    let last = KeyRange { low: cuts.last().cloned(), high: range.high.clone() };
    let mut statement = format!(
        "SELECT 0::int8 AS part, {select} FROM {source}{} UNION ALL SELECT {}::int8, {select} FROM {source}{}",
        layout.condition(conditions(layout, &first, false)?),
        cuts.len(),
        layout.condition(conditions(layout, &last, false)?),
    );
    let mut parameters = Vec::new();
    if bounds.len() > 1 {
        let between = bounds.windows(2).map(|two| two[0].iter().chain(&two[1]));
        let Some(arrays) = arrays(&both, between) else { return Ok(None) };
        parameters = arrays;
        let row = |from: usize| {
            let names: Vec<String> = (from..from + wires.len()).map(|index| format!("u.c{index}")).collect();
            format!("({})", names.join(", "))
        };
        let keys = format!("({})", layout.keys.join(", "));
        let inside = vec![format!("{keys} >= {}", row(0)), format!("{keys} < {}", row(wires.len()))];
        statement.push_str(&format!(
            " UNION ALL SELECT u.n, s.count, s.hash FROM {} CROSS JOIN LATERAL (SELECT {select} FROM {source}{}) s",
            Arrays::source(&both),
            layout.condition(inside),
        ));
    }
    if layout.keys.len() == 1 {
        return collect(session, &statement, parameters, cuts.len() + 1).await.map(Some);
    }
    // The planner takes a range between two unknown composite keys for a ninth of the table; a scan of it for each part
    // would be the end of us.
    session.batch("SET LOCAL enable_seqscan = off").await.map_err(|error| translate(OPERATION, error))?;
    let sums = collect(session, &statement, parameters, cuts.len() + 1).await?;
    session.batch("RESET enable_seqscan").await.map_err(|error| translate(OPERATION, error))?;
    Ok(Some(sums))
}

/// Cuts come from either side: whole numbers may be wider than the column.
fn cut_wires(layout: &Layout) -> Vec<Wire> {
    let widened = |wire| match wire {
        Wire::Int2 | Wire::Int4 => Wire::Int8,
        wire => wire,
    };
    layout.key_wires().into_iter().map(widened).collect()
}

fn arrays<'a>(
    wires: &[Wire],
    rows: impl Iterator<Item = impl Iterator<Item = &'a Value>>,
) -> Option<Vec<ArrayParameter>> {
    let mut arrays = Arrays::new(wires.to_vec());
    for row in rows {
        arrays.push(row).ok()?;
    }
    Some(arrays.finish())
}

async fn collect(
    session: &mut Session,
    statement: &str,
    parameters: Vec<ArrayParameter>,
    parts: usize,
) -> Result<Vec<RangeSum>> {
    let rows = session
        .client
        .query(statement, &as_parameters(&parameters))
        .await
        .map_err(|error| translate(OPERATION, error))?;
    let mut sums = vec![RangeSum::default(); parts];
    for row in &rows {
        let part = usize::try_from(get::<i64>(row, "part")?).unwrap_or(usize::MAX);
        if let Some(sum) = sums.get_mut(part) {
            sum.count = get::<i64>(row, "count")?.cast_unsigned();
            sum.hash = get::<i64>(row, "hash")?.cast_unsigned();
        }
    }
    Ok(sums)
}

/// The server's own number, its timeline and the database, hashed; what the user may not ask for is left out.
async fn seed(session: &mut Session) -> Result<i64> {
    if let Some(seed) = session.seed {
        return Ok(seed);
    }
    let allowed = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS system,
        has_function_privilege('pg_current_wal_lsn()', 'EXECUTE') AND has_function_privilege('pg_walfile_name(pg_lsn)', 'EXECUTE')
        AND NOT pg_is_in_recovery() AS timeline, has_function_privilege('pg_control_checkpoint()', 'EXECUTE') AS checkpoint";
    let row = session.client.query_one(allowed, &[]).await.map_err(|error| translate(OPERATION, error))?;
    let system = match get(&row, "system")? {
        true => "(SELECT system_identifier::text FROM pg_control_system())",
        false => "''",
    };
    // The checkpoint's timeline lags behind after a promotion, the one being written does not.
    let timeline = match (get::<bool>(&row, "timeline")?, get::<bool>(&row, "checkpoint")?) {
        (true, _) => "left(pg_walfile_name(pg_current_wal_lsn()), 8)",
        (false, true) => "(SELECT lpad(upper(to_hex(timeline_id)), 8, '0') FROM pg_control_checkpoint())",
        (false, false) => "''",
    };
    let statement = format!(
        "SELECT hashtextextended(concat_ws('/', {system}, {timeline}, oid), 0) AS seed \
         FROM pg_database WHERE datname = current_database()"
    );
    let row = session.client.query_one(&statement, &[]).await.map_err(|error| translate(OPERATION, error))?;
    let seed = get(&row, "seed")?;
    session.seed = Some(seed);
    Ok(seed)
}
