//! Keys of every type that may be one, also where the two sides order them differently.

use rusqlite::Connection;

use super::pair::sqlite_rows;
use super::support::{Cells, Flow};

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

/// The other end of a round: its content by key as text, and edits in its own way.
enum Other {
    Sqlite,
    Csv,
}

impl Other {
    fn side(&self) -> &'static str {
        match self {
            Self::Sqlite => "{ type: sqlite, path: other.db }",
            Self::Csv => "{ type: csv, path: other }",
        }
    }

    fn create(&self, flow: &Flow, key: &[&str], rows: &[Cells]) {
        match self {
            Self::Sqlite => {
                let columns: String = key.iter().map(|name| format!("{name} TEXT NOT NULL, ")).collect();
                let database = Connection::open(flow.path("other.db")).unwrap();
                database
                    .execute_batch(&format!("CREATE TABLE t ({columns}a TEXT, PRIMARY KEY ({}))", key.join(", ")))
                    .unwrap();
                let marks = vec!["?"; key.len() + 1].join(", ");
                for row in rows {
                    database
                        .execute(&format!("INSERT INTO t VALUES ({marks})"), rusqlite::params_from_iter(row))
                        .unwrap();
                }
            }
            Self::Csv => {
                std::fs::create_dir(flow.path("other")).unwrap();
                self.put(flow, &format!("{},a", key.join(",")), rows);
            }
        }
    }

    /// Rewrites the file; none of these fields needs quotes.
    fn put(&self, flow: &Flow, header: &str, rows: &[Cells]) {
        let line = |row: &Cells| row.iter().map(|cell| cell.clone().unwrap()).collect::<Vec<_>>().join(",") + "\n";
        let lines: String = rows.iter().map(line).collect();
        std::fs::write(flow.path("other/t.csv"), format!("{header}\n{lines}")).unwrap();
    }

    fn rows(&self, flow: &Flow) -> Vec<Cells> {
        let mut rows = match self {
            Self::Sqlite => sqlite_rows(&Connection::open(flow.path("other.db")).unwrap(), "SELECT * FROM t"),
            Self::Csv => {
                let text = std::fs::read_to_string(flow.path("other/t.csv")).unwrap();
                text.lines().skip(1).map(|line| line.split(',').map(|cell| Some(cell.to_owned())).collect()).collect()
            }
        };
        rows.sort();
        rows
    }

    /// Changes the record with one `a` and deletes that with another.
    fn edit(&self, flow: &Flow, changed: &str, deleted: &str) {
        let mut rows = self.rows(flow);
        rows.retain(|row| row.last().unwrap().as_deref() != Some(deleted));
        match self {
            Self::Sqlite => {
                let sql = format!(
                    "UPDATE t SET a = 'changed there' WHERE a = '{changed}'; DELETE FROM t WHERE a = '{deleted}'"
                );
                Connection::open(flow.path("other.db")).unwrap().execute_batch(&sql).unwrap();
            }
            Self::Csv => {
                let hit = |row: &&mut Cells| row.last().unwrap().as_deref() == Some(changed);
                *rows.iter_mut().find(hit).unwrap().last_mut().unwrap() = Some("changed there".to_owned());
                let text = std::fs::read_to_string(flow.path("other/t.csv")).unwrap();
                self.put(flow, text.lines().next().unwrap(), &rows);
            }
        }
    }
}

/// Loads both ways, then a change and a delete each way. The key's columns are text on the other side.
fn round_with(other: &Other, columns: &str, key: &[&str], expression: &str) {
    let flow = Flow::new();
    let names = key.join(", ");
    flow.source(&format!("CREATE TABLE t ({columns}, a text, PRIMARY KEY ({names}))"));
    let texts: Vec<String> = key.iter().map(|name| format!("{name}::text")).collect();
    let all = format!("SELECT {}, a FROM t", texts.join(", "));
    flow.source(&format!("INSERT INTO t SELECT {expression}, 'o' || n FROM generate_series(301, 330) n"));
    other.create(&flow, key, &flow.source_rows(&all));
    flow.source(&format!("DELETE FROM t; INSERT INTO t SELECT {expression}, 'p' || n FROM generate_series(1, 300) n"));
    let dataset = format!("datasets:\n  - {{ source: public.t, target: t, key: [{names}] }}\n");
    flow.sync_to(other.side(), &format!("direction: two_way\nstrategy: source_wins\n{dataset}"));
    let same = |count: usize| {
        let mut rows = flow.source_rows(&all);
        rows.sort();
        assert_eq!(other.rows(&flow), rows, "{columns}");
        assert_eq!(rows.len(), count, "{columns}");
    };
    flow.session(0).counts(&[("to_target.created", 300), ("to_source.created", 30)]);
    same(330);
    flow.source("UPDATE t SET a = 'changed here' WHERE a = 'p7'; DELETE FROM t WHERE a = 'o311'");
    other.edit(&flow, "o305", "p9");
    flow.session(0).counts(&[
        ("to_target.updated", 1),
        ("to_target.deleted", 1),
        ("to_source.updated", 1),
        ("to_source.deleted", 1),
    ]);
    same(328);
    assert_eq!(flow.source_value("SELECT count(*) FROM t WHERE a LIKE 'changed%'"), "2");
    assert_eq!(flow.session(0).written(), 0, "{columns}");
}

/// Keys that are text elsewhere.
fn rounds_with(other: &Other) {
    round_with(other, "id uuid", &["id"], "md5(n::text)::uuid");
    round_with(other, "id timestamp", &["id"], "timestamp '1969-12-31 23:59:59.9' + n * interval '1 millisecond'");
    round_with(other, "id numeric", &["id"], "(n - 150) * 0.37 + n * power(10::numeric, 25) * (n % 2)");
    round_with(
        other,
        "x int, y text COLLATE \"C\", z date",
        &["x", "y", "z"],
        "n % 10, 'k' || n, date '2020-01-01' + n",
    );
    round_with(
        other,
        "id text COLLATE \"en-x-icu\"",
        &["id"],
        "CASE WHEN n % 2 = 0 THEN upper(md5(n::text)) ELSE 'é' || md5(n::text) END",
    );
}

#[test]
fn keys_of_every_type_meet_text_in_sqlite() {
    rounds_with(&Other::Sqlite);
}

#[test]
fn keys_of_every_type_meet_text_in_csv() {
    rounds_with(&Other::Csv);
}

/// Both spellings are one key on one of the sides: an error that names it, and nothing is written.
fn collides(source: &str, target: &str, both_at_source: bool) {
    let flow = Flow::new();
    flow.source(source);
    let shop = Connection::open(flow.path("other.db")).unwrap();
    shop.execute_batch(target).unwrap();
    let rows = "INSERT INTO t VALUES ('Bob', 'x'), ('bob', 'y'), ('ann', 'z')";
    if both_at_source {
        flow.source(rows)
    } else {
        shop.execute_batch(rows).unwrap()
    }
    for direction in ["one_way", "two_way"] {
        let dataset = "datasets:\n  - { source: public.t, target: t, key: [id] }\n";
        flow.sync_to(
            "{ type: sqlite, path: other.db }",
            &format!("direction: {direction}\nstrategy: source_wins\n{dataset}"),
        );
        let _ = std::fs::remove_file(flow.path("sync.state.db"));
        let ran = flow.run(&["run", "sync.yaml", "--yes"]);
        assert_eq!(ran.code, 1, "{direction}: {}\n{}", ran.stdout, ran.stderr);
        assert!(
            ran.stderr.contains("a key that another row has") && ran.stderr.to_lowercase().contains("\"bob\""),
            "{}",
            ran.stderr
        );
        assert_eq!(flow.source_rows("SELECT 1 FROM t").len(), if both_at_source { 3 } else { 0 });
        assert_eq!(sqlite_rows(&shop, "SELECT 1 FROM t").len(), if both_at_source { 0 } else { 3 });
    }
}

#[test]
fn keys_that_differ_in_case_only_are_named_where_a_side_does_not_tell_them_apart() {
    let plain = "CREATE TABLE t (id text COLLATE \"C\" PRIMARY KEY, a text)";
    collides(plain, "CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE, a TEXT)", true);
    let folded = "CREATE EXTENSION citext; CREATE TABLE t (id citext PRIMARY KEY, a text)";
    collides(folded, "CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT)", false);
}
