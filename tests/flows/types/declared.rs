//! SQLite columns as people declare them: what each makes of PostgreSQL's types.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::datasets;
use super::samples::{TYPES, fill};
use crate::support::Flow;

/// PostgreSQL's types that are tried, in the order of the letters below.
const TRIED: &[&str] = &[
    "smallint",
    "bigint",
    "numeric",
    "numeric(30,10)",
    "real",
    "double precision",
    "text",
    "bytea",
    "boolean",
    "date",
    "timestamptz",
    "uuid",
    "jsonb",
    "int[]",
];

/// Declared column, whether the table is STRICT, and what becomes of each type: `+` all arrives, `-` planning refuses it by
/// the column's name, and a number counts the samples that are refused one by one.
const DECLARED: &[(&str, bool, &str)] = &[
    ("INTEGER", false, "+ + - - - - 7 - + - - - - -"),
    ("REAL", false, "+ - - - 2 2 7 - - - - - - -"),
    ("BLOB", false, "- - - - - - 12 + - - - - - -"),
    ("BOOLEAN", false, "2 2 - - - - 12 - + - - - - -"),
    ("DECIMAL(10,2)", false, "+ + - - 2 2 7 - - - - - - -"),
    ("NUMERIC", false, "+ + - - 2 2 7 - - - - - - -"),
    ("DATE", false, "+ + 1 1 1 1 6 + + + + + + +"),
    ("", false, "+ + + + + + + + + + + + + +"),
    ("INTEGER", true, "+ + - - - - 7 - + - - - - -"),
    ("REAL", true, "+ - - - 2 2 7 - - - - - - -"),
    ("TEXT", true, "+ + + + + + + + + + + + + +"),
    ("BLOB", true, "- - - - - - 12 + - - - - - -"),
    ("ANY", true, "+ + + + + + + + + + + + + +"),
];

#[test]
fn declared_columns_hold_a_value_or_refuse_it() {
    let flow = Flow::new();
    fill(&flow);
    let mut differences = Vec::new();
    for (number, (declared, strict, expected)) in DECLARED.iter().enumerate() {
        let found = outcomes(&flow, &format!("declared{number}.db"), declared, *strict);
        if found != *expected {
            differences.push(format!("(\"{declared}\", {strict}, \"{found}\"), not {expected}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// One outcome a type; whatever SQLite took must come back as it was.
fn outcomes(flow: &Flow, file: &str, declared: &str, strict: bool) -> String {
    let indexes: Vec<usize> = TRIED.iter().map(|ty| TYPES.iter().position(|(name, _)| name == ty).unwrap()).collect();
    let database = Connection::open(flow.path(file)).unwrap();
    let ending = if strict { "STRICT" } else { "" };
    for index in &indexes {
        let sql = format!("CREATE TABLE t{index} (id INTEGER PRIMARY KEY, v {declared}) {ending}");
        database.execute_batch(&sql).unwrap();
        flow.target(&format!("TRUNCATE t{index}"));
    }
    let side = format!("{{ type: sqlite, path: {file} }}");
    let refused = without_refused(flow, &side, &indexes, &format!("{file}.out.yaml"));
    let kept: BTreeSet<usize> = indexes.iter().copied().filter(|index| !refused.contains(index)).collect();
    let rejected = rejected(flow, &format!("{file}.out.yaml"));
    let back = datasets(kept.iter().copied(), "", "public.", ", fields: { v: { lossy: allow } }");
    flow.write_file("back.yaml", &side, &flow.target.side(), &format!("strategy: source_wins\n{back}"));
    let _ = std::fs::remove_file(flow.path("back.state.db"));
    flow.session_of("back.yaml", 0);
    for index in &kept {
        let sql = format!("SELECT id, v::text FROM t{index} ORDER BY id");
        let (source, target) = (flow.source_rows(&sql), flow.target_rows(&sql));
        let out = |row: &Vec<Option<String>>| {
            let id: i64 = row[0].as_ref().unwrap().parse().unwrap();
            !rejected.get(index).is_some_and(|ids| ids.contains(&id))
        };
        let expected: Vec<_> = source.into_iter().filter(out).collect();
        if target.len() != expected.len() {
            eprintln!("ZZ {} in {declared} {ending}", TYPES[*index].0);
        }
        for (target, expected) in target.iter().zip(&expected) {
            let ty = TYPES[*index].0;
            let same = target == expected || same_number(ty, target, expected);
            assert!(same, "{ty} in {declared} {ending}: {expected:?} came back as {target:?}");
        }
    }
    let outcome = |index: &usize| match (refused.contains(index), rejected.get(index)) {
        (true, _) => "-".to_owned(),
        (false, None) => "+".to_owned(),
        (false, Some(ids)) => ids.len().to_string(),
    };
    indexes.iter().map(outcome).collect::<Vec<_>>().join(" ")
}

/// Text in a column of numbers is the number that it stands for: `007` comes back as `7`, and `1.00` as `1`.
fn same_number(ty: &str, one: &[Option<String>], other: &[Option<String>]) -> bool {
    let number = |row: &[Option<String>]| row[1].as_ref().and_then(|text| text.trim().parse::<f64>().ok());
    matches!(ty, "text" | "numeric") && one[0] == other[0] && number(one).is_some() && number(one) == number(other)
}

/// Runs the sync of all tables but those that planning refuses, which it gives.
fn without_refused(flow: &Flow, side: &str, indexes: &[usize], file: &str) -> BTreeSet<usize> {
    let mut refused = BTreeSet::new();
    loop {
        let kept = indexes.iter().copied().filter(|index| !refused.contains(index));
        let text = format!("strategy: source_wins\n{}", datasets(kept, "public.", "", ""));
        flow.write_file(file, &flow.source.side(), side, &text);
        let ran = flow.run(&["run", file, "--yes"]);
        if matches!(ran.code, 0 | 3) {
            return refused;
        }
        ran.expect(2);
        assert!(ran.stderr.contains("`v`") && ran.stderr.contains("help:"), "{}", ran.stderr);
        let named =
            ran.stderr.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.strip_prefix('t')?.parse().ok());
        let before = refused.len();
        refused.extend(named.filter(|index| indexes.contains(index)));
        assert!(refused.len() > before, "no dataset is named: {}", ran.stderr);
    }
}

/// Ids of rejected records by table, each with a reason.
fn rejected(flow: &Flow, file: &str) -> BTreeMap<usize, BTreeSet<i64>> {
    let mut all: BTreeMap<usize, BTreeSet<i64>> = BTreeMap::new();
    for reject in flow.lines(&["rejects", file, "-o", "json"]) {
        assert!(!reject["reason"].as_str().unwrap().is_empty(), "{reject}");
        let dataset = reject["dataset"].as_str().unwrap();
        let index = dataset.rsplit_once(".t").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        all.entry(index).or_default().insert(reject["key"]["id"].as_i64().unwrap());
    }
    all
}
