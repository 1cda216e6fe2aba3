//! What the other side's dataset is called where the sync file does not say.

use super::place::{Place, people};

fn sync(place: &Place, source: &str, target: &str, datasets: &str) {
    place.write("sync.yaml", &format!("source: {source}\ntarget: {target}\ndatasets:\n{datasets}"));
}

#[test]
fn a_file_becomes_a_table_without_its_ending_and_a_table_a_file_with_one() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    std::fs::create_dir(place.path("out")).unwrap();
    place.write("in/people.v2.csv", &people(3));
    let made = "  - {source: people.v2.csv, key: [id], create_target: true}\n";
    for (source, target) in
        [("{type: csv, path: in}", "{type: sqlite, path: new.db}"), ("{type: csv, path: in}", "{type: csv, path: out}")]
    {
        sync(&place, source, target, made);
        place.expect(0, &["run", "sync.yaml"]);
        // The second session finds what the first one made.
        let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
        assert_eq!(
            (report["datasets"][0]["unchanged"].as_u64(), report["datasets"][0]["adopted"].as_u64()),
            (Some(3), Some(0))
        );
        std::fs::remove_file(place.path("sync.state.db")).unwrap();
    }
    assert_eq!(place.value("new.db", "SELECT count(*) FROM \"people.v2\""), "3");
    assert_eq!(place.read("out/people.v2.csv").lines().count(), 4);
    let back = "  - {source: people.v2, key: [id], create_target: true}\n";
    std::fs::create_dir(place.path("back")).unwrap();
    sync(&place, "{type: sqlite, path: new.db}", "{type: csv, path: back}", back);
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(place.read("back/people.v2.csv").lines().count(), 4);
}

#[test]
fn one_target_for_two_datasets_is_refused_with_both_names() {
    let place = Place::new();
    for folder in ["a", "b"] {
        std::fs::create_dir(place.path(folder)).unwrap();
        place.write(&format!("{folder}/people.csv"), &people(3));
    }
    let twice = "  - {source: a/people.csv, key: [id], create_target: true}\n  - {source: b/people.csv, key: [id], create_target: true}\n";
    sync(&place, "{type: csv, path: .}", "{type: sqlite, path: new.db}", twice);
    let ran = place.expect(2, &["run", "sync.yaml"]);
    for part in ["`a/people.csv`", "`b/people.csv`", "`people`", "{source: b/people.csv, target: NAME}"] {
        assert!(ran.stderr.contains(part), "{part}: {ran:#?}");
    }
    assert!(!place.path("new.db").exists());
    place.edit("sync.yaml", "{source: b/people.csv,", "{source: b/people.csv, target: others,");
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(place.value("new.db", "SELECT count(*) FROM others"), "3");
}

#[test]
fn one_table_under_two_spellings_is_refused() {
    let place = Place::with_people("", "key: [id]");
    place.write("more.csv", &people(3));
    sync(
        &place,
        "{type: csv, path: .}",
        "{type: sqlite, path: shop.db}",
        "  - {source: people.csv, key: [id]}\n  - {source: more.csv, target: PEOPLE, key: [id]}\n",
    );
    let ran = place.expect(2, &["run", "sync.yaml"]);
    assert!(ran.stderr.contains("`people.csv` and `more.csv`"), "{ran:#?}");
}

#[test]
fn one_file_with_and_without_its_ending_is_refused() {
    let place = Place::with_people("", "key: [id]");
    place.sql("shop.db", "CREATE TABLE more (id INTEGER PRIMARY KEY, name TEXT)");
    std::fs::create_dir(place.path("out")).unwrap();
    for ending in [".csv", ".csv.gz", ".csv.zst"] {
        let datasets = format!(
            "  - {{source: people, target: people, create_target: true}}\n  - {{source: more, target: people{ending}, create_target: true}}\n"
        );
        sync(&place, "{type: sqlite, path: shop.db}", "{type: csv, path: out}", &datasets);
        let ran = place.expect(2, &["run", "sync.yaml"]);
        assert!(ran.stderr.contains("`people` and `more`"), "{ran:#?}");
        assert_eq!(std::fs::read_dir(place.path("out")).unwrap().count(), 0);
    }
}

#[test]
fn a_table_made_from_a_file_has_the_declared_types() {
    let place = Place::new();
    place.write("people.csv", &people(3));
    let dataset = "  - {source: people.csv, key: [id], create_target: true, types: {id: int, updated_at: timestamp}}\n";
    sync(&place, "{type: csv, path: .}", "{type: sqlite, path: new.db}", dataset);
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(place.value("new.db", "SELECT group_concat(DISTINCT typeof(id)) FROM people"), "integer");
}
