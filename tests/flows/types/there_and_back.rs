//! PostgreSQL to another kind of system and back into a second table of the same type.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::datasets;
use super::samples::{TYPES, fill};
use crate::support::{Flow, Report};

const SQLITE: &str = "{ type: sqlite, path: there.db }";
const CSV: &str = "{ type: csv, path: there, csv: { null: \"\\\\N\" } }";

/// Type, sample and reason of what a system cannot hold; everything else must arrive.
type Refused<'a> = &'a [(&'a str, &'a str, &'a str)];

/// Rows by (table, id): the value as text.
type Texts = BTreeMap<(usize, i64), Option<String>>;

fn texts(rows: impl Fn(&str) -> Vec<Vec<Option<String>>>) -> Texts {
    let mut all = Texts::new();
    for index in 0..TYPES.len() {
        for row in rows(&format!("SELECT id, v::text FROM t{index}")) {
            all.insert((index, row[0].as_ref().unwrap().parse().unwrap()), row[1].clone());
        }
    }
    all
}

/// What SQLite's or CSV's own content must be: (table, id) → text.
type Content = BTreeMap<(usize, i64), Option<String>>;

/// Takes out what is refused by the list, after comparing the list with what the session rejected.
fn without_refused(flow: &Flow, sync: &str, source: &Texts, refused: Refused<'_>) -> Texts {
    let place = |ty: &str, sample: &str| {
        let index = TYPES.iter().position(|(name, _)| *name == ty).unwrap();
        (index, TYPES[index].1.iter().position(|one| *one == sample).unwrap() as i64)
    };
    let expected: BTreeMap<(usize, i64), &str> =
        refused.iter().map(|(ty, sample, reason)| (place(ty, sample), *reason)).collect();
    let mut found = BTreeSet::new();
    for reject in flow.lines(&["rejects", sync, "-o", "json"]) {
        let dataset = reject["dataset"].as_str().unwrap();
        let index: usize = dataset.rsplit_once(".t").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        let at = (index, reject["key"]["id"].as_i64().unwrap());
        let reason = expected.get(&at).unwrap_or_else(|| panic!("{} {at:?} is refused: {reject}", TYPES[index].0));
        assert!(reject["reason"].as_str().unwrap().contains(reason), "{reject}");
        found.insert(at);
    }
    assert_eq!(found, expected.keys().copied().collect(), "refused");
    source.iter().filter(|(at, _)| !found.contains(at)).map(|(at, text)| (*at, text.clone())).collect()
}

/// Out and back; `content` reads what lies between.
/// `narrow`: types that the way back needs leave for, since the column between holds more than they do.
fn there_and_back(
    flow: &Flow,
    side: &str,
    more: &str,
    refused: Refused<'_>,
    narrow: &[&str],
    content: impl Fn(&Flow) -> Content,
) {
    let out = datasets(0..TYPES.len(), "public.", "", more);
    flow.write_file("out.yaml", &flow.source.side(), side, &format!("strategy: source_wins\n{out}"));
    let code = if refused.is_empty() { 0 } else { 3 };
    let report = flow.session_of("out.yaml", code);
    assert_eq!(report.total("rejected"), refused.len() as u64);
    let source = texts(|sql| flow.source_rows(sql));
    let expected = without_refused(flow, "out.yaml", &source, refused);
    assert_eq!(flow.session_of("out.yaml", code).written(), 0, "a second session writes nothing");
    let between = content(flow);
    assert_eq!(between.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let other =
        expected.iter().filter(|(at, text)| !means_the_same(text.as_deref(), between[*at].as_deref(), TYPES[at.0].0));
    let other: Vec<String> =
        other.map(|(at, text)| format!("{}: {text:?} lies there as {:?}", TYPES[at.0].0, between[at])).collect();
    assert!(other.is_empty(), "{}", other.join("\n"));
    let (narrow, wide): (Vec<_>, Vec<_>) = (0..TYPES.len()).partition(|index| narrow.contains(&TYPES[*index].0));
    let narrow = datasets(narrow.into_iter(), "", "public.", ", fields: { v: { lossy: allow } }");
    let back = datasets(wide.into_iter(), "", "public.", "") + narrow.trim_start_matches("datasets:\n");
    flow.write_file("back.yaml", side, &flow.target.side(), &format!("strategy: source_wins\n{back}"));
    let report: Report = flow.session_of("back.yaml", 0);
    assert_eq!(report.total("to_target.created"), expected.len() as u64);
    let arrived = texts(|sql| flow.target_rows(sql));
    for (at, text) in &expected {
        assert_eq!(arrived.get(at), Some(text), "{} {at:?}", TYPES[at.0].0);
    }
    assert_eq!(arrived.len(), expected.len());
}

/// PostgreSQL's spelling and that of a text column elsewhere, where they differ: years before Christ are counted as
/// astronomers do, instants end in `Z`, SQLite's booleans are numbers.
const SPELLED: &[(&str, &str)] = &[
    ("0044-03-15 BC", "-0043-03-15"),
    ("4713-01-01 00:00:00 BC", "-4712-01-01 00:00:00"),
    ("4714-11-24 00:00:00+00 BC", "-4713-11-24 00:00:00Z"),
    ("2024-10-27 00:30:00.123456+00", "2024-10-27 00:30:00.123456Z"),
    ("294276-12-31 23:59:59.999999+00", "294276-12-31 23:59:59.999999Z"),
    ("true", "1"),
    ("false", "0"),
];

/// Whether a text of another system stands for PostgreSQL's. Only spellings that are listed may differ, and the digits of
/// a float.
fn means_the_same(text: Option<&str>, held: Option<&str>, ty: &str) -> bool {
    let (Some(text), Some(held)) = (text, held) else { return text == held };
    let bits = |text: &str| match (ty, text.parse::<f32>(), text.parse::<f64>()) {
        ("real", Ok(single), _) => Some(u64::from(single.to_bits())),
        ("double precision", _, Ok(double)) => Some(double.to_bits()),
        _ => None,
    };
    text == held || SPELLED.contains(&(text, held)) || bits(text).is_some_and(|number| bits(held) == Some(number))
}

fn sqlite_content(flow: &Flow) -> Content {
    let database = Connection::open(flow.path("there.db")).unwrap();
    let mut all = Content::new();
    for index in 0..TYPES.len() {
        let mut statement = database.prepare(&format!("SELECT id, v FROM t{index}")).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, as_text(row.get(1)?)))).unwrap();
        all.extend(rows.map(Result::unwrap).map(|(id, text)| ((index, id), text)));
    }
    all
}

fn as_text(value: rusqlite::types::Value) -> Option<String> {
    use rusqlite::types::Value;
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Text(text) => Some(text),
        Value::Blob(bytes) => Some(bytes.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"))),
    }
}

fn csv_content(flow: &Flow) -> Content {
    let mut all = Content::new();
    for index in 0..TYPES.len() {
        let text = std::fs::read_to_string(flow.path(&format!("there/t{index}.csv"))).unwrap();
        for record in records(&text).into_iter().skip(1) {
            let value = (record[1] != "\\N").then(|| record[1].clone());
            all.insert((index, record[0].parse().unwrap()), value);
        }
    }
    all
}

/// The records of a CSV file, read by another reader than the product's.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quoted) {
            ('"', true) if characters.next_if_eq(&'"').is_some() => field.push('"'),
            ('"', _) => quoted = !quoted,
            (',', false) => record.push(std::mem::take(&mut field)),
            ('\r', false) => {}
            ('\n', false) => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            (other, _) => field.push(other),
        }
    }
    records
}

#[test]
fn every_type_survives_sqlite_text() {
    let flow = Flow::new();
    fill(&flow);
    let database = Connection::open(flow.path("there.db")).unwrap();
    for index in 0..TYPES.len() {
        database.execute_batch(&format!("CREATE TABLE t{index} (id INTEGER PRIMARY KEY, v TEXT)")).unwrap();
    }
    drop(database);
    there_and_back(&flow, SQLITE, "", &[], &[], sqlite_content);
}

#[test]
fn every_type_survives_tables_that_the_sync_makes_in_sqlite() {
    let flow = Flow::new();
    fill(&flow);
    let refused: Refused<'_> = &[
        ("real", "'-0'", "-0.0 as 0"),
        ("real", "'NaN'", "NaN"),
        ("double precision", "'-0'", "-0.0 as 0"),
        ("double precision", "'NaN'", "NaN"),
    ];
    there_and_back(&flow, SQLITE, ", create_target: true", refused, &["real"], sqlite_content);
}

#[test]
fn every_type_survives_csv() {
    let flow = Flow::new();
    fill(&flow);
    std::fs::create_dir_all(flow.path("there")).unwrap();
    for index in 0..TYPES.len() {
        std::fs::write(flow.path(&format!("there/t{index}.csv")), "id,v\n").unwrap();
    }
    there_and_back(&flow, CSV, "", &[], &[], csv_content);
}

#[test]
fn every_type_survives_files_that_the_sync_makes() {
    let flow = Flow::new();
    fill(&flow);
    std::fs::create_dir_all(flow.path("there")).unwrap();
    there_and_back(&flow, CSV, ", create_target: true", &[], &[], csv_content);
}

/// Two-way: PostgreSQL's rows go there, copies made there come back, and nothing moves after that.
fn copies_come_back(flow: &Flow, side: &str, copy: impl Fn(usize)) {
    let all = datasets(0..TYPES.len(), "public.", "", "");
    flow.write_file(
        "both.yaml",
        &flow.source.side(),
        side,
        &format!("direction: two_way\nstrategy: source_wins\n{all}"),
    );
    flow.session_of("both.yaml", 0);
    let first = texts(|sql| flow.source_rows(sql));
    (0..TYPES.len()).for_each(copy);
    let report = flow.session_of("both.yaml", 0);
    assert_eq!((report.written(), report.total("to_source.created")), (first.len() as u64, first.len() as u64));
    let copies = first.iter().map(|((index, id), text)| ((*index, id + 10_000), text.clone()));
    let expected: Texts = first.clone().into_iter().chain(copies).collect();
    let now = texts(|sql| flow.source_rows(sql));
    for (at, text) in &expected {
        assert_eq!(now.get(at), Some(text), "{} {at:?}", TYPES[at.0].0);
    }
    assert_eq!(flow.session_of("both.yaml", 0).written(), 0);
}

#[test]
fn two_way_with_sqlite_brings_back_what_was_copied_there() {
    let flow = Flow::new();
    fill(&flow);
    let database = Connection::open(flow.path("there.db")).unwrap();
    for index in 0..TYPES.len() {
        database.execute_batch(&format!("CREATE TABLE t{index} (id INTEGER PRIMARY KEY, v TEXT)")).unwrap();
    }
    copies_come_back(&flow, SQLITE, |index| {
        database.execute_batch(&format!("INSERT INTO t{index} SELECT id + 10000, v FROM t{index}")).unwrap();
    });
}

#[test]
fn two_way_with_csv_brings_back_what_was_copied_there() {
    let flow = Flow::new();
    fill(&flow);
    std::fs::create_dir_all(flow.path("there")).unwrap();
    let path = |index| flow.path(&format!("there/t{index}.csv"));
    for index in 0..TYPES.len() {
        std::fs::write(path(index), "id,v\n").unwrap();
    }
    copies_come_back(&flow, CSV, |index| {
        let text = std::fs::read_to_string(path(index)).unwrap();
        let field = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
        let copy =
            |record: &Vec<String>| format!("{},{}\n", record[0].parse::<i64>().unwrap() + 10_000, field(&record[1]));
        let copies: String = records(&text).iter().skip(1).map(copy).collect();
        std::fs::write(path(index), text + &copies).unwrap();
    });
}
