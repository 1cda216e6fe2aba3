//! Guards stop a session with exit code 4, before the first delete, and can be overridden by name.

use super::place::{KEY, ONE_WAY, Place, TWO_WAY, people};

/// Runs into a guard, and says so in the report.
fn stopped_by(place: &Place, guard: &str) {
    let ran = place.expect(4, &["run", "sync.yaml", "-o", "json"]);
    let report = ran.json();
    assert_eq!(report["session"]["status"], "failed");
    assert_eq!(report["session"]["reason"]["code"], format!("guard:{guard}"));
    let tripped =
        report["guards"].as_array().unwrap().iter().any(|found| found["name"] == guard && found["tripped"] == true);
    assert!(tripped, "{report:#}");
    let plan = place.expect(4, &["plan", "sync.yaml"]);
    assert!(plan.stdout.contains(&format!("guard {guard} tripped")), "{plan:#?}");
    let text = place.expect(4, &["run", "sync.yaml"]);
    assert!(text.stdout.contains(&format!("--allow {guard}")), "{text:#?}");
    assert!(!text.stdout.contains('{'), "a sentence, not the state's own form: {text:#?}");
}

#[test]
fn all_guards_are_told_with_one_command_and_what_was_written_before() {
    let place = Place::with_people(TWO_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.write("people.csv", &people(0));
    place.sql("shop.db", "INSERT INTO people VALUES (100, 'new', 'here', '2026-02-02 00:00:00')");
    let both = "pinksync run sync.yaml --allow empty_side --allow max_delete_percent";
    for command in ["plan", "run"] {
        let ran = place.expect(4, &[command, "sync.yaml"]);
        for guard in ["empty_side", "max_delete_percent"] {
            assert!(ran.stdout.contains(&format!("guard {guard} tripped")), "{ran:#?}");
        }
        assert_eq!(ran.stdout.matches("--allow empty").count(), 1, "{ran:#?}");
        assert!(ran.stdout.contains(both), "{ran:#?}");
        if command == "run" {
            let written = "written before the guard stopped the session: 1 created at the source; nothing was deleted";
            assert!(ran.stdout.contains("stopped by 2 guards") && ran.stdout.contains(written), "{ran:#?}");
        }
    }
    assert!(place.read("people.csv").contains("100,new"));
    place.sync(TWO_WAY, &format!("{KEY}\nexclude: [city]"));
    let ran = place.expect(4, &["run", "sync.yaml"]);
    assert!(ran.stdout.contains("nothing was written") && ran.stdout.contains("`city` is excluded now"), "{ran:#?}");
}

#[test]
fn a_source_that_is_suddenly_empty_deletes_nothing() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.write("people.csv", &people(0));
    stopped_by(&place, "empty_side");
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "25");
    let allow = ["run", "sync.yaml", "--allow", "empty_side", "--allow", "max_delete_percent", "-o", "json"];
    let report = place.expect(0, &allow).json();
    assert_eq!(report["datasets"][0]["to_target"]["deleted"], 25);
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "0");
}

#[test]
fn too_many_deletes_stop_before_the_first() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.write("people.csv", &people(5));
    stopped_by(&place, "max_delete_percent");
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "25");
    place.expect(0, &["run", "sync.yaml", "--allow", "max_delete_percent"]);
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "5");
}

#[test]
fn a_target_that_was_restored_empty_does_not_empty_the_source() {
    let place = Place::with_people(TWO_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.sql("shop.db", "DELETE FROM people");
    stopped_by(&place, "empty_side");
    assert_eq!(place.read("people.csv"), people(25));
}

#[test]
fn another_mapping_is_stopped_and_when_allowed_starts_over_without_deletes() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.sync(ONE_WAY, &format!("{KEY}\nexclude: [city]"));
    place.write("people.csv", &people(24));
    stopped_by(&place, "definition_changed");
    let report = place.expect(0, &["run", "sync.yaml", "--allow", "definition_changed", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["adopted"], 24);
    assert_eq!(report["datasets"][0]["to_target"]["deleted"], 0);
    place.expect(0, &["run", "sync.yaml"]);
}

#[test]
fn the_same_file_over_another_database_is_stopped() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    std::fs::copy(place.path("shop.db"), place.path("other.db")).unwrap();
    place.write("sync.yaml", &super::place::sync_text(ONE_WAY, "other.db", KEY));
    stopped_by(&place, "different_system");
}

#[test]
fn a_column_of_another_type_is_stopped() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.sql("shop.db", "ALTER TABLE people RENAME TO old; CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, city VARCHAR(90), updated_at TEXT); INSERT INTO people SELECT * FROM old; DROP TABLE old");
    stopped_by(&place, "schema_drift");
}
