//! What is read under a filter is what the engine selects.

use pinksync_engine::row::SideSpec;
use proptest::prelude::{BoxedStrategy, Strategy, any};
use tokio::runtime::Runtime;

use super::filters::{self, FIRST_OTHER, cell, quoted, text};
use super::setup::Database;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, n DECIMAL(8,2), f REAL, s TEXT, e TEXT COLLATE NOCASE, \
                     b BOOLEAN, d DATE, y BLOB)";

/// How each column after the id is filled.
fn columns() -> Vec<BoxedStrategy<String>> {
    let words = || text(4).prop_map(|text| quoted(&text));
    let bytes = proptest::collection::vec(any::<u8>(), 0..4).prop_map(|bytes| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("x'{digits}'")
    });
    vec![
        cell(&["0", "1", "-5", "9223372036854775807"], any::<i64>().prop_map(|n| (n / 2).to_string())),
        cell(&["0", "1.5", "-0.25"], (-9_999_i32..9_999).prop_map(|n| format!("{}.{:02}", n / 100, n.abs() % 100))),
        cell(&["0.0", "-0.0", "0.5", "1e300"], (-9_999..9_999).prop_map(|n| format!("{n} / 64.0"))),
        cell(&["''", "'abc'", "'a%c'", "'A_\\'"], words()),
        cell(&["'a'", "'B'", "'b'", "'Ä'"], words()),
        cell(&["0", "1"], any::<bool>().prop_map(|value| value.to_string())),
        cell(&["'2024-02-29'", "'0001-01-01'"], (1..29).prop_map(|day| format!("'2024-01-{day:02}'"))),
        cell(&["x''", "x'00'", "x'0001'", "x'ff'"], bytes),
    ]
}

#[test]
fn a_filter_selects_what_the_engine_selects() {
    let runtime = Runtime::new().unwrap();
    let database = Database::new(TABLE);
    let schema = runtime.block_on(database.system.describe("t")).unwrap().unwrap();
    let table = runtime.block_on(database.table("t", &["id"]));
    let spec: &SideSpec = table.dataset.spec();
    filters::check(columns(), |case| {
        runtime.block_on(async {
            database.other.execute_batch(&case.insert("t")).unwrap();
            let forget = async || {
                database.other.execute_batch(&format!("DELETE FROM t WHERE id >= {FIRST_OTHER}")).unwrap();
            };
            case.check(&database.system, (spec, &schema), forget).await
        })
    });
}
