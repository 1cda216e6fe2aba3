//! Every type of PostgreSQL's own list that a column may have, with its edge cases.

use crate::support::Flow;

/// Type, and SQL literals of samples.
pub const TYPES: &[(&str, &[&str])] = &[
    ("smallint", &["'-32768'", "'32767'", "'0'"]),
    ("integer", &["'-2147483648'", "'2147483647'"]),
    ("bigint", &["'-9223372036854775808'", "'9223372036854775807'"]),
    (
        "numeric",
        &[
            "'0'",
            "'1.00'",
            "'-0.000000000000000000000000000001'",
            "'123456789012345678901234567890.123456789'",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
        ],
    ),
    ("numeric(30,10)", &["'12345678901234567890.0123456789'"]),
    ("numeric(3,-2)", &["'12300'"]),
    ("real", &["'3.4028235e38'", "'1e-45'", "'0.1'", "'0.125'", "'-0'", "'NaN'", "'Infinity'"]),
    ("double precision", &["'1.7976931348623157e308'", "'5e-324'", "'0.1'", "'0.125'", "'-0'", "'NaN'", "'-Infinity'"]),
    ("money", &["'12.34'", "'-92233720368547758.08'"]),
    (
        "text",
        &[
            "''",
            "'NULL'",
            "E'tab\\t newline\\n quote\" comma, back\\\\slash'",
            "'ünïcödé 日本語 🎈'",
            "' padded '",
            "'007'",
            "'1e5'",
            "'0x1F'",
            "' 12 '",
            "'12.0'",
            "'-0'",
            "'9223372036854775808'",
        ],
    ),
    ("varchar(20)", &["''", "'abc  '"]),
    ("char(5)", &["'ab'", "'abcde'", "''"]),
    ("\"char\"", &["'x'"]),
    ("name", &["'a_name'"]),
    ("bytea", &["''", "'\\x00ff10'"]),
    ("boolean", &["true", "false"]),
    ("date", &["'2024-02-29'", "'0044-03-15 BC'", "'5874897-12-31'", "'infinity'", "'-infinity'"]),
    ("time", &["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"]),
    ("time(3)", &["'12:34:56.789'"]),
    ("timetz", &["'12:34:56.789+05:30'", "'00:00:00-15:59:59'"]),
    ("timestamp", &["'2024-03-31 02:30:00.123456'", "'4713-01-01 BC'", "'294276-12-31 23:59:59.999999'", "'infinity'"]),
    (
        "timestamptz",
        &[
            "'2024-10-27 02:30:00.123456+02'",
            "'4714-11-24 00:00:00+00 BC'",
            "'294276-12-31 23:59:59.999999+00'",
            "'-infinity'",
        ],
    ),
    ("interval", &["'1 year 2 mons 3 days 04:05:06.789'", "'-178000000 years'", "'30 days'", "'1 mon'"]),
    ("uuid", &["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"]),
    ("json", &["'{\"b\": 1.0,  \"a\": [1e400, null]}'", "'\"text\"'"]),
    ("jsonb", &["'{\"b\": 1.00, \"a\": 12345678901234567890.123456789}'", "'null'"]),
    ("xml", &["'<a b=\"c\">d</a>'"]),
    ("bit(5)", &["B'10101'"]),
    ("varbit", &["B'1'", "B''"]),
    ("inet", &["'192.168.1.1/24'", "'::1'"]),
    ("cidr", &["'10.0.0.0/8'"]),
    ("macaddr", &["'08:00:2b:01:02:03'"]),
    ("macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
    ("point", &["'(0.1,-1e300)'"]),
    ("line", &["'{1,2,3}'"]),
    ("lseg", &["'[(0,0),(1,1)]'"]),
    ("box", &["'(1,1),(0,0)'"]),
    ("path", &["'((0,0),(1,1))'", "'[(0,0),(1,1)]'"]),
    ("polygon", &["'((0,0),(1,1),(1,0))'"]),
    ("circle", &["'<(0,0),1.5>'"]),
    ("int[]", &["'{1,NULL,3}'", "'{}'", "'[2:3]={1,2}'"]),
    ("text[]", &["'{a,\"b,c\",NULL,\"NULL\",\"\"}'"]),
    ("numeric[]", &["'{{1.0,2.50},{3,NaN}}'"]),
    ("int4range", &["'[1,5)'", "'empty'", "'(,5)'"]),
    ("numrange", &["'[1.0,2.50]'"]),
    ("tstzrange", &["'[2024-01-01 00:00:00+00,infinity)'"]),
    ("int8multirange", &["'{[1,3),[5,9)}'"]),
    ("tsvector", &["'a:1 fat:2A cat:3'"]),
    ("tsquery", &["'fat & (rat | cat)'"]),
    ("oid", &["'4294967295'"]),
    ("xid8", &["'18446744073709551615'"]),
    ("pg_lsn", &["'16/B374D848'"]),
    ("jsonpath", &["'$.\"a\"[*]?(@ > 1)'"]),
    ("pg_snapshot", &["'10:20:10,14'"]),
    ("mood", &["'sad'", "'very happy'"]),
    ("positive", &["'7'"]),
    ("pair", &["'(1,\"two, three\")'", "'(,)'"]),
];

pub const OWN_TYPES: &str = "CREATE TYPE mood AS ENUM ('sad', 'very happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0); \
                         CREATE TYPE pair AS (one int, two text)";

/// One table a type in the source, `t0` and so on, with NULL among the samples.
pub fn fill(flow: &Flow) {
    flow.both(OWN_TYPES);
    for (index, (ty, samples)) in TYPES.iter().enumerate() {
        let rows: Vec<String> =
            samples.iter().enumerate().map(|(n, sample)| format!("({n}, {sample}::{ty})")).collect();
        flow.source(&format!(
            "CREATE TABLE t{index} (id int PRIMARY KEY, v {ty}); INSERT INTO t{index} VALUES {}, (1000, NULL)",
            rows.join(", ")
        ));
        flow.target(&format!("CREATE TABLE t{index} (id int PRIMARY KEY, v {ty})"));
    }
}
