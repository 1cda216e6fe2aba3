//! Every type a column may have: read and written again, its values are the same to the server.

use pinksync_engine::Value;
use pinksync_engine::connector::Guard;

use super::setup::{Place, Table, told};

/// Types that the server prints and does not read: such columns are not written.
const READ_ONLY: [&str; 7] = [
    "gtsvector",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "pg_dependencies",
    "pg_mcv_list",
    "pg_ndistinct",
    "pg_node_tree",
];

/// Values of a type as the server reads them. NULL is tried for every type.
fn samples(name: &str) -> Option<Vec<&'static str>> {
    if READ_ONLY.contains(&name) {
        return Some(Vec::new());
    }
    Some(match name {
        "bool" => vec!["true", "false"],
        "bytea" => vec!["", "\\x00ff0a5c27"],
        "char" => vec!["", "a", " ", "'"],
        "name" => vec!["", "a name", "ünï", "012345678901234567890123456789012345678901234567890123456789012"],
        "int2" => vec!["-32768", "32767", "0"],
        "int4" => vec!["-2147483648", "2147483647", "0"],
        "int8" => vec!["-9223372036854775808", "9223372036854775807", "0"],
        "float4" => vec!["0.1", "-0", "NaN", "Infinity", "-Infinity", "3.4028235e38", "1e-45", "16777217"],
        "float8" => {
            vec!["0.1", "-0", "NaN", "Infinity", "-Infinity", "1.7976931348623157e308", "5e-324", "9007199254740993"]
        }
        "money" => vec!["0", "-92233720368547758.08", "92233720368547758.07", "-0.01"],
        "text" | "varchar" => vec!["", " ", "grüße 😀", "a'b\\c\"d\n\t", "\u{feff}x", "{a,b}", "NULL"],
        "bpchar" => vec!["", "a", "ü", "a b"],
        "json" => vec!["{\"b\": 1.00, \"a\": [true, null],\n \"b\": 2}", "[]", "\"\\u00fc\"", " null ", "1e400"],
        "jsonb" => vec!["{\"b\": 1.00, \"a\": [true, null]}", "[]", "\"\\u00fc\"", "null", "1e400", "-0.0"],
        "jsonpath" => vec!["$.a[*] ? (@.b > 1)", "strict $.\"x y\"", "$"],
        "xml" => {
            vec!["", "text", "<a b=\"c\">ü<!-- d --></a>", "<a/><b/>", "<?xml version=\"1.0\" standalone=\"yes\"?><a/>"]
        }
        "uuid" => vec!["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
        "date" => vec!["infinity", "-infinity", "4714-11-24 BC", "0001-12-31 BC", "2024-02-29", "5874897-12-31"],
        "time" => vec!["00:00:00", "24:00:00", "23:59:59.999999", "12:34:56.1"],
        "timetz" => vec!["00:00:00-15:59", "24:00:00+15:59", "12:34:56.000001+05:30", "12:00:00+05:30:15"],
        "timestamp" | "timestamptz" => {
            vec![
                "infinity",
                "-infinity",
                "4714-11-24 00:00:00 BC",
                "2024-02-29 12:34:56.000001",
                "294276-12-31 23:59:59.999999",
            ]
        }
        "interval" => vec![
            "0",
            "1 mon -1 day +00:00:00.000001",
            "-1 year -2 mons +3 days -04:05:06.7",
            "30 days",
            "1 mon",
            "178956970 years 7 mons 2147483647 days",
            "-178956970 years -8 mons -2147483648 days",
            "2562047788:00:54.775807",
        ],
        _ => return others(name),
    })
}

fn others(name: &str) -> Option<Vec<&'static str>> {
    Some(match name {
        "point" => vec!["(1,2)", "(-0,1e-300)", "(Infinity,NaN)", "(0.1,-0.3333333333333333)"],
        "line" => vec!["{1,2,3}", "{0.1,-1,0}", "{-1,0,5}"],
        "lseg" => vec!["[(1,2),(3,4)]", "[(0.1,0),(0.1,0)]"],
        "box" => vec!["(3,4),(1,2)", "(0.1,0.2),(0.1,0.2)"],
        "path" => vec!["((1,2),(3,4))", "[(0,0)]", "[(0.1,1e300),(2,3),(4,5)]"],
        "polygon" => vec!["((1,2),(3,4),(5,0.1))", "((0,0))"],
        "circle" => vec!["<(1,2),3>", "<(0.1,-0.1),0>"],
        "inet" => vec!["10.0.0.1", "10.0.0.1/8", "::", "2001:db8::1/64", "::ffff:1.2.3.4"],
        "cidr" => vec!["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"],
        "macaddr" => vec!["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"],
        "macaddr8" => vec!["08:00:2b:01:02:03:04:05"],
        "bit" => vec!["0", "1"],
        "varbit" => vec!["", "0", "10110011101"],
        "numeric" => vec![
            "0",
            "0.000",
            "-1.50",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e-16383",
            "1e131071",
            "123456789012345678901234567890.12345",
            "99999999999999999999999999999999999999.9999",
            "1e20",
            "0.00001",
        ],
        "int4range" | "int8range" => vec!["empty", "[1,5)", "(,)", "[3,)", "(,-3)"],
        "numrange" => vec!["empty", "(1.50,2.00]", "[NaN,)", "[1.0,1.00]"],
        "daterange" => vec!["empty", "[2024-01-01,infinity)", "[\"0044-03-15 BC\",2024-01-01)"],
        "tsrange" | "tstzrange" => {
            vec!["empty", "[\"2024-01-01 00:00:00.000001\",infinity]", "(,\"0044-03-15 00:00:00 BC\"]"]
        }
        "int4multirange" | "int8multirange" => vec!["{}", "{[1,3),[5,7)}", "{(,)}"],
        "nummultirange" => vec!["{}", "{[1.0,3.00),(5,7]}"],
        "datemultirange" => vec!["{}", "{[2024-01-01,2024-02-01)}"],
        "tsmultirange" | "tstzmultirange" => vec!["{}", "{[\"2024-01-01 00:00:00\",infinity)}"],
        "tsvector" => vec!["", "'a':1A,3 'it''s':2B", "'x y' 'ü'"],
        "tsquery" => vec!["", "'a' & !'b' | 'c' <2> 'd':*A", "'it''s'"],
        "oid" | "xid" | "cid" => vec!["0", "4294967295"],
        "xid8" => vec!["0", "18446744073709551615"],
        "tid" => vec!["(0,1)", "(4294967295,65535)"],
        "pg_lsn" => vec!["0/0", "FFFFFFFF/FFFFFFFF"],
        "txid_snapshot" | "pg_snapshot" => vec!["10:20:10,14,15", "1:1:"],
        "oidvector" | "int2vector" => vec!["", "1 2 3"],
        "refcursor" => vec!["", "c 1"],
        "aclitem" => vec!["postgres=r/postgres", "=r*/postgres"],
        "regproc" => vec!["boolin", "-"],
        "regprocedure" => vec!["boolin(cstring)", "-"],
        "regoper" => vec!["||/", "0"],
        "regoperator" => vec!["+(integer,integer)", "0"],
        "regclass" => vec!["pg_class", "-"],
        "regtype" => vec!["integer", "character varying", "-"],
        "regrole" => vec!["postgres", "-"],
        "regnamespace" => vec!["pg_catalog", "-"],
        "regconfig" => vec!["english", "-"],
        "regdictionary" => vec!["simple", "-"],
        "regcollation" => vec!["\"C\"", "-"],
        _ => return None,
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Reads `a`, writes `b` once by creates and `c` (rows without values) by updates, and asks the server for differences.
async fn travels(place: &Place, name: &str) {
    let (a, b, c) = (place.open("a", &["id"]).await, place.open("b", &["id"]).await, place.open("c", &["id"]).await);
    let rows = a.rows().await;
    assert_eq!(rows.len().to_string(), place.ask("SELECT count(*) FROM a").await[0], "{name}");
    let creates = rows.iter().map(|row| b.create(row.native.to_vec())).collect();
    let outcomes = b.apply(Guard::Snapshot, creates).await;
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, pinksync_engine::connector::Outcome::Written)),
        "{name}: {outcomes:?}"
    );
    update_all(&c, &rows, name).await;
    for copy in ["b", "c"] {
        let different = place
            .ask(&format!(
                "SELECT a.id, a.v::text, x.v::text FROM a JOIN {copy} x USING (id)
                 WHERE a.v::text IS DISTINCT FROM x.v::text OR pg_column_size(a.v) IS DISTINCT FROM pg_column_size(x.v)"
            ))
            .await;
        assert_eq!(different, Vec::<String>::new(), "{name}: by {copy}");
    }
    let again = b.rows().await;
    for (one, other) in rows.iter().zip(&again) {
        assert_eq!(one.hash, other.hash, "{name}: {:?} came back as {:?}", one.native, other.native);
    }
}

async fn update_all(table: &Table, rows: &[pinksync_engine::Row], name: &str) {
    let there = table.rows().await;
    let updates = there.iter().zip(rows).map(|(old, new)| table.update(old, &[("v", new.native[1].clone())])).collect();
    let outcomes = table.apply(Guard::Compare, updates).await;
    assert!(told(&outcomes).iter().all(|outcome| *outcome == "written"), "{name}: {outcomes:?}");
}

async fn make(place: &Place, ty: &str, values: &[String]) {
    let statement = format!(
        "DROP TABLE IF EXISTS a, b, c; CREATE TABLE a (id int PRIMARY KEY, v {ty}); CREATE TABLE b (LIKE a INCLUDING ALL);
         CREATE TABLE c (LIKE a INCLUDING ALL); INSERT INTO a VALUES (0, NULL)"
    );
    place.run(&statement).await;
    for (id, value) in values.iter().enumerate() {
        place.run(&format!("INSERT INTO a VALUES ({}, {value})", id + 1)).await;
    }
    place.run("INSERT INTO c SELECT id FROM a").await;
}

#[tokio::test]
async fn every_type_of_the_server_travels_without_a_change() {
    let place = Place::new("pinksync_types", "").await;
    let types = place
        .ask(
            "SELECT t.typname FROM pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace
             AND t.typtype IN ('b', 'r', 'm', 'e') AND t.typcategory <> 'A' ORDER BY 1",
        )
        .await;
    assert!(types.len() > 70, "{types:?}");
    let mut read_only = Vec::new();
    for name in &types {
        let Some(samples) = samples(name) else { panic!("no values are given for type {name}: add some") };
        let values: Vec<String> = samples.iter().map(|sample| format!("{}::\"{name}\"", quoted(sample))).collect();
        make(&place, &format!("pg_catalog.\"{name}\""), &values).await;
        match place.describe("a").await.columns[1].writable {
            true => travels(&place, name).await,
            false => read_only.push(name.as_str()),
        }
    }
    let expected: Vec<&str> = READ_ONLY.into_iter().filter(|name| types.iter().any(|ty| ty == name)).collect();
    assert_eq!(read_only, expected);
}

#[tokio::test]
async fn arrays_of_every_type_travel_without_a_change() {
    let place = Place::new("pinksync_arrays", "").await;
    let types = place
        .ask(
            "SELECT t.typname FROM pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace
             AND t.typtype IN ('b', 'r', 'm', 'e') AND t.typcategory <> 'A' AND t.typarray <> 0 ORDER BY 1",
        )
        .await;
    for name in types.iter().filter(|name| !READ_ONLY.contains(&name.as_str())) {
        let Some(samples) = samples(name) else { panic!("no values are given for type {name}: add some") };
        let ty = format!("pg_catalog.\"{name}\"");
        let all: Vec<String> = samples.iter().map(|sample| format!("{}::{ty}", quoted(sample))).collect();
        let one = &all[0];
        let values = [
            format!("ARRAY[{}, NULL]::{ty}[]", all.join(", ")),
            format!("ARRAY[]::{ty}[]"),
            format!("ARRAY[[{one}, NULL], [{one}, {one}]]::{ty}[]"),
            format!("array_fill({one}, ARRAY[2], ARRAY[-1])"),
        ];
        make(&place, &format!("{ty}[]"), &values).await;
        travels(&place, name).await;
    }
}

#[tokio::test]
async fn types_of_the_users_own_travel_without_a_change() {
    let place = Place::new(
        "pinksync_own_types",
        "CREATE TYPE mood AS ENUM ('sad', 'it''s \"so\"', 'Ünï'); CREATE TYPE pair AS (a int, b text);
         CREATE DOMAIN email AS varchar(20) CHECK (VALUE LIKE '%@%'); CREATE DOMAIN moods AS mood[]; CREATE DOMAIN small AS int;
         CREATE TYPE span AS RANGE (subtype = float8)",
    )
    .await;
    for (ty, values) in [
        ("mood", vec!["'sad'", "'it''s \"so\"'", "'Ünï'"]),
        ("pair", vec!["ROW(1, 'x,\"y\"')", "ROW(NULL, NULL)", "ROW(NULL, '')"]),
        ("pair[]", vec!["ARRAY[ROW(1, 'a'), NULL]::pair[]"]),
        ("email", vec!["'a@b'"]),
        ("moods", vec!["ARRAY['sad', NULL]::mood[]"]),
        ("small", vec!["-5"]),
        ("span", vec!["'[0.1,Infinity)'", "'empty'"]),
        ("varchar(3)[]", vec!["ARRAY['abc', 'x']"]),
        ("char(5)", vec!["'abc'", "'  b'", "''"]),
        ("numeric(20,3)", vec!["1", "12345678901234567.891", "'NaN'"]),
        ("numeric(3,-2)", vec!["1200", "99900"]),
        ("timestamp(3)", vec!["'2024-01-01 00:00:00.123'"]),
        ("timestamptz(0)", vec!["'2024-01-01 00:00:00+02'"]),
        ("interval(2)", vec!["'1.25 s'"]),
        ("bit(5)", vec!["B'10101'"]),
        ("text COLLATE \"C\"", vec!["'x'"]),
    ] {
        let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
        make(&place, ty, &values).await;
        travels(&place, ty).await;
    }
}

#[tokio::test]
async fn a_longer_text_is_refused_and_not_cut() {
    let place = Place::new(
        "pinksync_cut",
        "CREATE TABLE t (id int PRIMARY KEY, a varchar(3), b varchar(3)[], c char(3), d bit(3), e name)",
    )
    .await;
    let table = place.open("t", &["id"]).await;
    let row = |id: i64, column: usize, value: &str| {
        let mut values = vec![Value::Int(id), Value::Null, Value::Null, Value::Null, Value::Null, Value::Null];
        values[column] = Value::text(value);
        values
    };
    let long = "x".repeat(64);
    let writes = vec![
        table.create(row(1, 1, "abcd")),
        table.create(row(2, 2, "{abcd}")),
        table.create(row(3, 3, "abcd")),
        table.create(row(4, 4, "1010")),
        table.create(row(5, 5, &long)),
        table.create(row(6, 3, "ab")),
    ];
    let outcomes = table.apply(Guard::Snapshot, writes).await;
    assert_eq!(told(&outcomes), ["too_large", "too_large", "too_large", "type", "too_large", "written"]);
    assert_eq!(place.ask("SELECT id, c::text FROM t").await, ["6|ab"]);
}
