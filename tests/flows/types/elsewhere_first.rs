//! Values that begin their way in SQLite or in a CSV file: into PostgreSQL, and out into a second one.

use rusqlite::Connection;

use crate::support::Flow;

/// Declared column, and SQL literals of what SQLite holds in it.
const STORED: &[(&str, &[&str])] = &[
    ("INTEGER", &["-9223372036854775808", "9223372036854775807", "0"]),
    ("REAL", &["0.1", "-1.7976931348623157e308", "5e-324", "9e999", "1.0"]),
    ("TEXT", &["''", "'007'", "'1e5'", "'NULL'", "' padded '", "'ünï 🎈'", "'two' || char(10) || 'lines'"]),
    ("VARCHAR(3)", &["'longer than three'"]),
    ("BLOB", &["x''", "x'00ff10'"]),
    ("BOOLEAN", &["0", "1"]),
    ("DECIMAL(10,2)", &["12.5", "-0.01", "100", "12345678.25"]),
    ("NUMERIC", &["1", "2.5", "1e15"]),
    ("DATE", &["'2024-02-29'", "'not a date'"]),
    ("DATETIME", &["'2024-02-29 01:02:03.123'"]),
    ("JSON", &["'{\"b\": 1.0,  \"a\": [1e3, null]}'", "'\"text\"'"]),
    ("UUID", &["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"]),
    ("", &["'no type'"]),
];

/// Everything in a SQLite file: table and id, how it is stored, and what.
fn content(flow: &Flow, file: &str) -> Vec<(usize, i64, String, String)> {
    let database = Connection::open(flow.path(file)).unwrap();
    let mut all = Vec::new();
    for index in 0..STORED.len() {
        let sql = format!("SELECT id, typeof(v), quote(v) FROM t{index} ORDER BY id");
        let mut statement = database.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| Ok((index, row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        all.extend(rows.map(Result::unwrap));
    }
    all
}

fn datasets(from: &str, to: &str, create: bool) -> String {
    let line =
        |index| format!("  - {{ source: {from}t{index}, target: {to}t{index}, key: [id], create_target: {create} }}\n");
    format!("datasets:\n{}", (0..STORED.len()).map(line).collect::<String>())
}

#[test]
fn what_sqlite_holds_comes_back_through_postgres_as_it_was() {
    let flow = Flow::new();
    for file in ["first.db", "second.db"] {
        let database = Connection::open(flow.path(file)).unwrap();
        for (index, (declared, samples)) in STORED.iter().enumerate() {
            database.execute_batch(&format!("CREATE TABLE t{index} (id INTEGER PRIMARY KEY, v {declared})")).unwrap();
            for (id, sample) in samples.iter().chain(&["NULL"]).enumerate().filter(|_| file == "first.db") {
                database.execute_batch(&format!("INSERT INTO t{index} VALUES ({id}, {sample})")).unwrap();
            }
        }
    }
    let first = content(&flow, "first.db");
    let out = format!("strategy: source_wins\n{}", datasets("", "public.", true));
    flow.write_file("out.yaml", "{ type: sqlite, path: first.db }", &flow.target.side(), &out);
    assert_eq!(flow.session_of("out.yaml", 0).written(), first.len() as u64);
    // A `numeric` may hold more than SQLite's NUMERIC, which planning says; these values do not.
    let back = format!("strategy: source_wins\n{}", datasets("public.", "", false));
    flow.write_file("back.yaml", &flow.target.side(), "{ type: sqlite, path: second.db }", &back);
    let ran = flow.run(&["run", "back.yaml", "--yes"]);
    ran.expect(2);
    assert!(ran.stderr.contains("t7") && ran.stderr.contains("`v`"), "{}", ran.stderr);
    let back = back.replace("target: t7,", "target: t7, fields: { v: { lossy: allow } },");
    flow.write_file("back.yaml", &flow.target.side(), "{ type: sqlite, path: second.db }", &back);
    assert_eq!(flow.session_of("back.yaml", 0).written(), first.len() as u64);
    assert_eq!(content(&flow, "second.db"), first);
    for file in ["out.yaml", "back.yaml"] {
        assert_eq!(flow.session_of(file, 0).written(), 0, "a second session of {file} writes nothing");
    }
}

const FILE: &str = "id,whole,exact,ratio,yes,words,day,moment,tree,raw
1,-9223372036854775808,-0.000000000000000000000000000001,0.1,true,007,0001-01-01,1969-12-31 23:59:59.999999,\"{\"\"b\"\": 1.0,  \"\"a\"\": [1e400, null]}\",\\x00ff
2,9223372036854775807,123456789012345678901234567890.50,1e300,false,\"a, \"\"b\"\"
c\",9999-12-31,2024-02-29 01:02:03,\"\"\"text\"\"\",\\x
3,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N
4,0,1.00,5e-324,true,,2024-02-29,2024-03-31 02:30:00.5,[],\\x00
5,1,0,1e-7,false, NULL ,2024-02-29,2024-10-27 02:30:00,2,\\xff
";

#[test]
fn what_a_csv_file_holds_comes_back_through_postgres_as_it_was() {
    let flow = Flow::new();
    std::fs::write(flow.path("first.csv"), FILE).unwrap();
    let side = |file: &str| format!("{{ type: csv, path: {file}.csv, csv: {{ \"null\": \"\\\\N\" }} }}");
    let types = "types: { id: int, whole: int, exact: decimal, ratio: float, yes: bool, words: text, day: date, \
                 moment: timestamp, tree: json, raw: bytes }";
    let out = format!(
        "strategy: source_wins\ndatasets:\n  - {{ source: first, target: public.t, key: [id], create_target: true, {types} }}\n"
    );
    flow.write_file("out.yaml", &side("first"), &flow.target.side(), &out);
    assert_eq!(flow.session_of("out.yaml", 0).written(), 5);
    let stored = "SELECT string_agg(pg_typeof(v)::text, ' ') FROM (SELECT (SELECT whole FROM t LIMIT 1) v) x";
    assert_eq!(flow.target_value(stored), "bigint");
    assert_eq!(flow.target_value("SELECT exact::text FROM t WHERE id = 2"), "123456789012345678901234567890.50");
    assert_eq!(flow.target_value("SELECT moment::text FROM t WHERE id = 1"), "1969-12-31 23:59:59.999999");
    assert_eq!(flow.target_value("SELECT words IS NULL FROM t WHERE id = 4"), "f");
    let back =
        "strategy: source_wins\ndatasets:\n  - { source: public.t, target: second, key: [id], create_target: true }\n";
    flow.write_file("back.yaml", &flow.target.side(), &side("second"), back);
    assert_eq!(flow.session_of("back.yaml", 0).written(), 5);
    assert_eq!(std::fs::read_to_string(flow.path("second.csv")).unwrap(), FILE);
    for file in ["out.yaml", "back.yaml"] {
        assert_eq!(flow.session_of(file, 0).written(), 0, "a second session of {file} writes nothing");
    }
}
