//! What the server selects under a filter is what the engine selects.

use pinksync_engine::row::SideSpec;
use proptest::prelude::{BoxedStrategy, Strategy, any};
use tokio::runtime::Runtime;

use super::filters::{self, FIRST_OTHER, cell, quoted, text};
use super::setup::Place;

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, i int, n numeric, m numeric(8,2), f float8, s text, c char(4), \
                     b boolean, d date, z timestamptz, y bytea, u uuid, r int4range, j jsonb, w name, \
                     e text COLLATE \"en-x-icu\")";

/// How each column after the id is filled.
fn columns() -> Vec<BoxedStrategy<String>> {
    let words = |most| text(most).prop_map(|text| quoted(&text));
    let bytes = proptest::collection::vec(any::<u8>(), 0..4).prop_map(|bytes| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("'\\x{digits}'")
    });
    let float = any::<f64>().prop_filter("written as it is", |float| float.is_finite());
    vec![
        cell(&["0", "1", "-5", "2147483647"], any::<i32>().prop_map(|n| n.to_string())),
        cell(
            &["0.00", "1.50", "1.5", "'NaN'", "'Infinity'", "'-Infinity'"],
            (-999_i64..999, 0..5_u32).prop_map(|(n, scale)| format!("{n}e-{scale}")),
        ),
        cell(&["0.00", "1.50", "'NaN'"], (-99_999_i64..99_999).prop_map(|n| format!("{n}e-2"))),
        cell(&["'-0'", "0", "0.5", "'NaN'", "'-Infinity'", "1e300"], float.prop_map(|float| format!("'{float:e}'"))),
        cell(&["''", "'abc'", "'a%c'", "'A_\\'"], words(4)),
        cell(&["''", "'ab'", "'AB'", "' x'"], words(4)),
        cell(&["true", "false"], any::<bool>().prop_map(|value| value.to_string())),
        cell(
            &["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'2024-02-29'"],
            (-40_000..40_000).prop_map(|days| format!("date '2000-01-01' + ({days})")),
        ),
        cell(
            &["'infinity'", "'-infinity'", "'2024-01-01 00:00+00'", "'2024-01-01 00:00:00.000001+00'"],
            any::<i32>().prop_map(|n| format!("timestamptz '2000-01-01 00:00+00' + interval '{n}.000{} s'", n & 7)),
        ),
        cell(&["'\\x'", "'\\x00'", "'\\x0001'", "'\\xff'"], bytes),
        cell(
            &["'00000000-0000-0000-0000-000000000001'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
            any::<u128>().prop_map(|n| format!("'{n:032x}'")),
        ),
        cell(
            &["'empty'", "'(,)'", "'[1,5)'"],
            (-9..9, 0..9).prop_map(|(low, more)| format!("'[{low},{})'", low + more)),
        ),
        cell(&["'{\"a\": 1.0}'", "'{\"a\": 1}'", "'[]'", "'null'"], any::<i16>().prop_map(|n| format!("'[{n}]'"))),
        cell(&["''", "'n'", "'Z'"], words(4)),
        cell(&["'a'", "'B'", "'b'", "'Ä'"], words(4)),
    ]
}

#[test]
fn the_server_selects_what_the_engine_selects() {
    let runtime = Runtime::new().unwrap();
    let place = runtime.block_on(Place::new("pinksync_random_filters", TABLE));
    let schema = runtime.block_on(place.describe("t"));
    let table = runtime.block_on(place.open("t", &["id"]));
    let spec: &SideSpec = table.dataset.spec();
    filters::check(columns(), |case| {
        runtime.block_on(async {
            place.run(&case.insert("t")).await;
            let forget = async || place.run(&format!("DELETE FROM t WHERE id >= {FIRST_OTHER}")).await;
            case.check(&place.system, (spec, &schema), forget).await
        })
    });
}
