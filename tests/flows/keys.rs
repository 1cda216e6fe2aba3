//! Keys of every type that may be one, also where the two sides order them differently.

use super::support::Flow;

/// Loads 3000 rows whose key is made by an expression of `n`, changes some on both sides, and expects agreement.
fn round(columns: &str, key: &str, expression: &str) {
    let flow = Flow::new();
    flow.both(&format!("CREATE TABLE t ({columns}, a text, PRIMARY KEY ({key}))"));
    flow.source(&format!("INSERT INTO t SELECT {expression}, 'a' || n FROM generate_series(1, 3000) n"));
    flow.target(&format!("INSERT INTO t SELECT {expression}, 'b' || n FROM generate_series(3001, 3300) n"));
    flow.sync("direction: two_way\nstrategy: source_wins\ndatasets:\n  - { source: public.t }\n");
    flow.session(0).counts(&[("to_target.created", 3000), ("to_source.created", 300)]);
    assert_eq!(flow.assert_same("t"), 3300);
    flow.source("UPDATE t SET a = 'changed at the source' WHERE a LIKE 'a%7'");
    flow.target("DELETE FROM t WHERE a LIKE 'b%1'");
    flow.session(0).counts(&[("to_target.updated", 300), ("to_source.deleted", 30)]);
    assert_eq!(flow.assert_same("t"), 3270);
    flow.session(0).counts(&[("to_target.updated", 0), ("to_source.deleted", 0), ("to_target.created", 0)]);
}

#[test]
fn integer_keys() {
    round("id bigint", "id", "n * 7 - 9000");
    round("id smallint", "id", "n - 1500");
}

#[test]
fn uuid_keys() {
    round("id uuid", "id", "md5(n::text)::uuid");
}

#[test]
fn text_keys_in_byte_order() {
    round("id text COLLATE \"C\"", "id", "md5(n::text)");
}

#[test]
fn text_keys_under_another_collation_are_staged() {
    round(
        "id text COLLATE \"en-x-icu\"",
        "id",
        "CASE WHEN n % 2 = 0 THEN upper(md5(n::text)) ELSE 'é' || md5(n::text) END",
    );
}

#[test]
fn composite_keys() {
    round("a1 int, b1 text COLLATE \"C\", c1 date", "a1, b1, c1", "n % 10, 'k' || n % 300, date '2020-01-01' + n");
    round("b1 text COLLATE \"en-x-icu\", a1 int", "b1, a1", "'k' || n % 300, n");
}

#[test]
fn timestamp_keys() {
    round("id timestamptz", "id", "timestamptz '1999-12-31 23:59:59.999999+02' + n * interval '1 microsecond'");
    round("id timestamp(3)", "id", "timestamp '1969-12-31' + n * interval '1 millisecond'");
}

#[test]
fn numeric_keys() {
    round("id numeric", "id", "(n - 1500) * 0.37 + n * power(10::numeric, 25) * (n % 2)");
    round("id numeric(12,4)", "id", "(n - 1500) * 0.37");
}

#[test]
fn keys_that_have_no_exact_order_are_refused_by_name() {
    let flow = Flow::new();
    flow.both("CREATE TABLE t (ratio double precision PRIMARY KEY, a text)");
    flow.sync("datasets:\n  - { source: public.t }\n");
    let ran = flow.run(&["run", "sync.yaml", "--yes"]);
    ran.expect(2);
    assert!(ran.stderr.contains("ratio"), "{}", ran.stderr);
}
