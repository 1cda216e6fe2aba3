//! Mappings that would lose or mix something are told while planning; what one field may take, the next may not.

use super::place::{KEY, ONE_WAY, Place, TIME, TWO_WAY};

#[test]
fn two_columns_do_not_go_to_one() {
    let place = Place::with_people(TWO_WAY, &format!("{KEY}\nfields: {{name: city}}"));
    let ran = place.expect(2, &["run", "sync.yaml"]);
    assert!(ran.stderr.contains("`name` and `city` of the source both go to `city`"), "{ran:#?}");
    assert!(place.read("people.csv").contains("\n3,name 3,city 3,"));
    // With the other one left out there is no doubt.
    place.sync(TWO_WAY, &format!("{KEY}\nfields: {{name: city}}\nexclude: [city]"));
    place.expect(3, &["run", "sync.yaml"]);
}

#[test]
fn all_mistakes_of_a_mapping_are_told_at_once() {
    let place = Place::new();
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, price DECIMAL(30,10), raw BLOB, n INTEGER)";
    place.sql("a.db", table);
    place.sql("b.db", &table.replace("DECIMAL(30,10)", "DECIMAL(5,1)").replace("raw BLOB", "raw REAL"));
    let filter =
        "{all: [{field: n, op: like, value: a%}, {field: gone, op: eq, value: 1}, {field: raw, op: eq, value: 1}]}";
    place.write(
        "sync.yaml",
        &format!(
            "direction: one_way\nsource: {{type: sqlite, path: a.db}}\ntarget: {{type: sqlite, path: b.db}}\ndatasets:\n  \
             - {{source: t, target: t, key: [id, other], filter: {filter}}}\n  - {{source: t, target: missing, key: [id]}}\n"
        ),
    );
    let ran = place.expect(2, &["plan", "sync.yaml"]);
    for mistake in [
        "column `price`",
        "lossy: allow",
        "column `raw`: BLOB at the source and REAL at the target have no form in common",
        "key: the source has no column `other`",
        "filter: field `n`: `like` is for text",
        "filter: the field `gone`",
        "no dataset `missing`",
    ] {
        assert!(ran.stderr.contains(mistake), "{mistake}: {ran:#?}");
    }
    assert_eq!(ran.stderr.matches("`raw`").count(), 1, "told once: {ran:#?}");
}

#[test]
fn keys_that_cannot_be_compared_ask_for_another_key() {
    let place = Place::new();
    place.sql("a.db", "CREATE TABLE t (id BLOB PRIMARY KEY NOT NULL, v TEXT)");
    place.sql("b.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    place.write(
        "sync.yaml",
        "source: {type: sqlite, path: a.db}\ntarget: {type: sqlite, path: b.db}\ndatasets:\n  - {source: t, target: t, key: [id]}\n",
    );
    let ran = place.expect(2, &["plan", "sync.yaml"]);
    assert!(ran.stderr.contains("key: `id`: BLOB at the source and INTEGER at the target have no form"), "{ran:#?}");
    assert!(ran.stderr.contains("choose a `key`") && !ran.stderr.contains("exclude"), "{ran:#?}");
}

#[test]
fn the_newest_is_not_told_by_how_its_time_is_spelt() {
    let place = Place::new();
    for (name, time) in [("a.db", "9:59"), ("b.db", "10:30")] {
        place.sql(
            name,
            &format!(
                "CREATE TABLE x (id integer PRIMARY KEY, a text, u text); INSERT INTO x VALUES (1, '{name}', '{time}')"
            ),
        );
    }
    let file = |types: &str| {
        format!(
            "direction: two_way\nstrategy: newest_wins\nsource: {{type: sqlite, path: a.db}}\ntarget: {{type: sqlite, path: b.db}}\n\
             datasets:\n  - {{source: x, target: x, key: [id], modified_at: u{types}}}\n"
        )
    };
    place.write("sync.yaml", &file(""));
    let ran = place.expect(2, &["run", "sync.yaml"]);
    assert!(
        ran.stderr.contains("modified_at: `u` is text") && ran.stderr.contains("types: {u: timestamp}"),
        "{ran:#?}"
    );
    for (name, time) in [("a.db", "2026-01-02 09:59:00"), ("b.db", "2026-01-02 10:30:00")] {
        place.sql(name, &format!("UPDATE x SET u = '{time}'"));
    }
    place.write("sync.yaml", &file(", types: {u: timestamp}"));
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(place.value("a.db", "SELECT a FROM x"), "b.db", "the later one stands");
}

#[test]
fn a_record_put_together_has_the_later_time() {
    let place = Place::with_people(&format!("{TWO_WAY}\nmerge: field"), KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", &format!("\n6,name 6,city 6,{TIME}"), "\n6,name 6,city 6,2026-05-05 00:00:00");
    place.sql("shop.db", "UPDATE people SET city = 'moved', updated_at = '2026-02-02 00:00:00' WHERE id = 6");
    place.expect(0, &["run", "sync.yaml"]);
    let both =
        (place.value("shop.db", "SELECT city || ' ' || updated_at FROM people WHERE id = 6"), place.read("people.csv"));
    assert!(both.0 == "moved 2026-05-05 00:00:00" && both.1.contains("\n6,name 6,moved,2026-05-05"), "{both:?}");
}

#[test]
fn fields_are_not_combined_by_hashes() {
    let place = Place::with_people(&format!("{TWO_WAY}\nmerge: field\noptions: {{base: hashes}}"), KEY);
    let ran = place.expect(2, &["plan", "sync.yaml", "--check"]);
    assert!(ran.stderr.contains("options.base") && ran.stderr.contains("base: values"), "{ran:#?}");
}

#[test]
fn a_key_that_a_file_would_read_as_null_is_a_reject() {
    let place = Place::new();
    place
        .sql("shop.db", "CREATE TABLE t (k text PRIMARY KEY, v text); INSERT INTO t VALUES ('', 'none'), ('a', 'one')");
    place.write(
        "sync.yaml",
        &format!(
            "{ONE_WAY}\nsource: {{type: sqlite, path: shop.db}}\ntarget: {{type: csv, path: .}}\n\
             datasets:\n  - {{source: t, target: t.csv, key: [k], create_target: true}}\n"
        ),
    );
    for value in ["none", "changed", "again"] {
        place.sql("shop.db", &format!("UPDATE t SET v = '{value}' WHERE k = ''"));
        place.expect(3, &["run", "sync.yaml"]);
        assert_eq!(place.read("t.csv"), "k,v\na,one\n");
    }
    let rejects = place.expect(0, &["rejects", "sync.yaml", "-o", "json"]).lines();
    assert_eq!((rejects.len(), &rejects[0]["code"]), (1, &serde_json::json!("null_key")), "{rejects:#?}");
}

#[test]
fn reports_and_plans_take_no_other_files_place() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    for name in ["sync.yaml", "shop.db", "sync.state.db", "people.csv"] {
        let before = std::fs::read(place.path(name)).unwrap();
        for arguments in [["plan", "sync.yaml", "--save", name], ["run", "sync.yaml", "--report", name]] {
            let ran = place.expect(1, &arguments);
            assert!(ran.stderr.contains("another kind of file is there") && ran.stderr.contains("help: "), "{ran:#?}");
        }
        assert!(name == "sync.state.db" || std::fs::read(place.path(name)).unwrap() == before, "{name}");
    }
    for _ in 0..2 {
        place.expect(0, &["plan", "sync.yaml", "--save", "changes.plan"]);
        place.expect(0, &["run", "sync.yaml", "--report", "report.json"]);
    }
}

#[test]
fn a_refused_decision_does_not_stand_for_the_last_run() {
    let place = Place::with_people("direction: two_way\nstrategy: manual", KEY);
    place.edit("people.csv", "7,name 7,city 7,", "7,seven,city 7,");
    place.edit("people.csv", "9,name 9,city 9,", "9,too,many,fields,here,");
    place.expect(3, &["run", "sync.yaml"]);
    let before = place.expect(0, &["rejects", "sync.yaml", "-o", "json"]).stdout;
    let report = place.expect(0, &["report", "sync.yaml", "-o", "json"]).stdout;
    assert!(before.contains("malformed"), "{before}");
    place.expect(2, &["conflicts", "resolve", "sync.yaml", "c1", "--value", "{\"typo\": 1}"]);
    for _ in 0..2 {
        assert_eq!(place.expect(0, &["rejects", "sync.yaml", "-o", "json"]).stdout, before);
        assert_eq!(place.expect(0, &["report", "sync.yaml", "-o", "json"]).stdout, report);
        place.pinksync(&["conflicts", "resolve", "sync.yaml", "c1", "--take", "source"]);
    }
}
