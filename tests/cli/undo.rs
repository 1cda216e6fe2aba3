//! `undo`: takes back what a session wrote, leaves alone what others changed since.

use serde_json::json;

use super::place::{KEY, MANUAL, Place, TIME, TWO_WAY, people};

/// A session that created, updated and deleted on both sides.
fn written() -> (Place, String, String) {
    let place = Place::with_people(TWO_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "3,name 3,city 3,2026-01-01", "3,name 3,moved,2026-02-01");
    place.edit("people.csv", &format!("9,name 9,city 9,{TIME}\n"), "");
    place.sql("shop.db", "INSERT INTO people VALUES (100, 'new', 'here', '2026-02-02 00:00:00')");
    place.sql("shop.db", "UPDATE people SET city = 'shop', updated_at = '2026-02-02 00:00:00' WHERE id = 4; DELETE FROM people WHERE id = 5");
    let (csv, shop) = (place.read("people.csv"), shop(&place));
    place.expect(0, &["run", "sync.yaml"]);
    assert_ne!((&csv, &shop), (&place.read("people.csv"), &self::shop(&place)));
    (place, csv, shop)
}

fn shop(place: &Place) -> String {
    place.value("shop.db", "SELECT group_concat(id || ',' || name || ',' || city || ',' || updated_at, ';') FROM (SELECT * FROM people ORDER BY id)")
}

fn sorted(csv: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = csv.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn everything_is_as_before_and_the_next_run_does_it_again() {
    let (place, csv, before) = written();
    let after = shop(&place);
    let dry = place.expect(0, &["undo", "sync.yaml", "--dry-run"]);
    assert!(dry.stdout.contains("5 records would be put back"), "{dry:#?}");
    assert_eq!(shop(&place), after, "a dry run writes nothing");
    let report = place.expect(0, &["undo", "sync.yaml", "--yes", "-o", "json"]).json();
    assert_eq!(report["session"]["mode"], "undo");
    assert_eq!(report["datasets"][0]["to_target"], json!({"created": 1, "updated": 1, "deleted": 0}));
    assert_eq!(report["datasets"][0]["to_source"], json!({"created": 1, "updated": 1, "deleted": 1}));
    assert_eq!(shop(&place), before);
    assert_eq!(sorted(&place.read("people.csv")), sorted(&csv));
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(shop(&place), after);
}

#[test]
fn a_dry_run_tells_each_field_as_it_is_and_as_it_was() {
    let (place, ..) = written();
    let lines = place.expect(0, &["undo", "sync.yaml", "--dry-run", "-o", "json"]).lines();
    let line = |id: u64| lines.iter().find(|line| line["key"]["id"] == id).unwrap();
    assert_eq!(line(3)["fields"]["city"], json!({"base": "city 3", "target": "moved"}), "{lines:#?}");
    assert_eq!(line(4)["fields"]["city"], json!({"base": "city 4", "source": "shop"}));
    assert_eq!(line(9)["fields"]["name"], json!({"base": "name 9"}), "it comes back at the target");
    assert_eq!(line(100)["fields"]["name"], json!({"source": "new"}), "it goes at the source");
    let text = place.expect(0, &["undo", "sync.yaml", "--dry-run"]);
    assert!(text.stdout.contains("city moved → city 3") && text.stdout.contains("city shop → city 4"), "{text:#?}");
    assert!(text.stdout.contains("name name 9"), "{text:#?}");
}

#[test]
fn conflicts_that_the_strategy_settled_wait_for_nobody_when_they_are_open_again() {
    let place = Place::with_people(TWO_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "7,name 7,city 7,2026-01-01", "7,name 7,here,2026-02-01");
    place.sql("shop.db", "UPDATE people SET city = 'there', updated_at = '2026-02-02 00:00:00' WHERE id = 7");
    let first = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(first["datasets"][0]["conflicts"], json!({"resolved": 1, "open": 0}), "{first:#}");
    let undo = place.expect(0, &["undo", "sync.yaml", "--yes"]);
    assert!(!undo.stdout.contains("wait"), "{undo:#?}");
    assert_eq!(place.expect(0, &["conflicts", "list", "sync.yaml", "-o", "json"]).lines().len(), 1);
    let list = place.expect(0, &["conflicts", "list", "sync.yaml"]);
    assert!(list.stderr.contains("1 of them waits for nobody"), "{list:#?}");
    let sessions = place.expect(0, &["sessions", "sync.yaml", "-o", "json"]);
    assert!(sessions.lines().iter().all(|session| session["open_conflicts"] == 0), "{sessions:#?}");
    let plan = place.expect(0, &["plan", "sync.yaml"]);
    assert!(!plan.stdout.contains("waits"), "{plan:#?}");
    let again = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(again["datasets"][0]["conflicts"], first["datasets"][0]["conflicts"]);
    // What a session under another strategy finds there does wait for a person.
    place.expect(0, &["undo", "sync.yaml", "--yes"]);
    place.sync(MANUAL, KEY);
    place.expect(3, &["run", "sync.yaml"]);
    let plan = place.expect(0, &["plan", "sync.yaml"]);
    assert!(plan.stdout.contains("conflicts list sync.yaml") && !plan.stdout.contains("to do it"), "{plan:#?}");
}

#[test]
fn the_second_undo_takes_back_the_one_before_and_the_last_finds_nothing() {
    let place = Place::with_people(TWO_WAY, KEY);
    place.write("people.csv", &people(26));
    place.expect(0, &["run", "sync.yaml"]);
    place.write("people.csv", &people(27));
    place.expect(0, &["run", "sync.yaml"]);
    place.expect(0, &["run", "sync.yaml"]);
    let count = || place.value("shop.db", "SELECT count(*) FROM people");
    assert_eq!(count(), "27");
    place.expect(0, &["undo", "sync.yaml", "--yes"]);
    assert_eq!(count(), "26");
    place.expect(0, &["undo", "sync.yaml", "--yes"]);
    assert_eq!(count(), "25");
    let ran = place.expect(1, &["undo", "sync.yaml", "--yes"]);
    assert!(ran.stderr.contains("no session left to take back"), "{ran:#?}");
    let sessions = place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines();
    let undone: Vec<_> = sessions.iter().filter(|session| session["undone"] == true).collect();
    assert_eq!(undone.len(), 2, "{sessions:#?}");
    let id = undone[0]["id"].as_str().unwrap();
    let ran = place.expect(1, &["undo", "sync.yaml", "--session", id, "--yes"]);
    assert!(ran.stderr.contains("taken back already"), "{ran:#?}");
}

#[test]
fn a_session_can_be_named() {
    let place = Place::with_people(TWO_WAY, KEY);
    place.write("people.csv", &people(26));
    let first = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    place.write("people.csv", &people(27));
    place.expect(0, &["run", "sync.yaml"]);
    let id = first["session"]["id"].as_str().unwrap();
    place.expect(0, &["undo", "sync.yaml", "--session", id, "--yes"]);
    assert_eq!(place.value("shop.db", "SELECT group_concat(id) FROM people WHERE id > 25"), "27");
    let undo = place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines()[0]["id"].as_str().unwrap().to_owned();
    let ran = place.expect(1, &["undo", "sync.yaml", "--session", &undo, "--yes"]);
    assert!(ran.stderr.contains("is an undo itself"), "{ran:#?}");
}

#[test]
fn what_others_changed_since_is_left_alone_and_listed() {
    let (place, ..) = written();
    place.sql("shop.db", "UPDATE people SET city = 'later' WHERE id = 3");
    let ran = place.expect(3, &["undo", "sync.yaml", "--yes"]);
    assert!(ran.stdout.contains("people.csv id 3 was left alone at the target: changed since"), "{ran:#?}");
    assert_eq!(place.value("shop.db", "SELECT city FROM people WHERE id = 3"), "later");
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people WHERE id = 9"), "1");
}

#[test]
fn what_is_left_alone_is_listed_for_programs_too() {
    let (place, ..) = written();
    place.sql("shop.db", "UPDATE people SET city = 'later' WHERE id = 3");
    let lines = place.expect(3, &["undo", "sync.yaml", "--dry-run", "-o", "json"]).lines();
    assert_eq!(lines[0], json!({"version": 1}));
    assert_eq!(*lines.last().unwrap(), json!({"summary": {"create": 2, "update": 1, "delete": 1, "conflict": 1}}));
    let left = lines.iter().find(|line| line["action"] == "conflict").unwrap();
    assert_eq!((&left["key"], &left["to"]), (&json!({"id": 3}), &json!("target")));
    let report = place.expect(3, &["undo", "sync.yaml", "--yes", "-o", "json"]).json();
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("people.csv id 3 was left alone at the target"), "{report:#}");
    let session = report["session"]["id"].as_str().unwrap();
    let rejects = place.expect(0, &["rejects", "sync.yaml", "--session", session, "-o", "json"]).lines();
    assert_eq!(
        (rejects.len(), &rejects[0]["key"], &rejects[0]["code"]),
        (1, &json!({"id": 3}), &json!("changed_since_session"))
    );
}

#[test]
fn without_a_terminal_nothing_is_asked_and_the_flag_is_named() {
    let (place, ..) = written();
    let after = shop(&place);
    let ran = place.expect(2, &["undo", "sync.yaml"]);
    assert!(ran.stderr.contains("--yes"), "{ran:#?}");
    assert_eq!(shop(&place), after);
}

#[test]
fn a_decision_on_a_conflict_can_be_taken_back() {
    let place = Place::with_people(MANUAL, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "name 7,", "seven,");
    place.sql("shop.db", "UPDATE people SET name = 'Seven' WHERE id = 7");
    place.expect(3, &["run", "sync.yaml"]);
    place.expect(0, &["conflicts", "resolve", "sync.yaml", "c1", "--take", "source"]);
    assert_eq!(place.value("shop.db", "SELECT name FROM people WHERE id = 7"), "seven");
    place.expect(3, &["undo", "sync.yaml", "--yes"]);
    assert_eq!(place.value("shop.db", "SELECT name FROM people WHERE id = 7"), "Seven");
    let open = place.expect(0, &["conflicts", "list", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(open.len(), 1, "the conflict is open again: {open:#?}");
}

#[test]
fn under_another_mapping_or_over_another_database_nothing_is_taken_back() {
    let (place, _, before) = written();
    let after = shop(&place);
    let as_it_was = place.read("sync.yaml");
    std::fs::copy(place.path("shop.db"), place.path("other.db")).unwrap();
    for (old, new, guard) in [
        ("updated_at: timestamp", "id: int, updated_at: timestamp", "definition_changed"),
        ("shop.db", "other.db", "different_system"),
    ] {
        place.edit("sync.yaml", old, new);
        for arguments in [&["undo", "sync.yaml", "--yes"][..], &["undo", "sync.yaml", "--dry-run"]] {
            let ran = place.expect(4, arguments);
            assert!(ran.stdout.contains(&format!("guard {guard} tripped")), "{ran:#?}");
            assert!(ran.stdout.contains("nothing was taken back") && !ran.said().contains("--allow"), "{ran:#?}");
        }
        let report = place.expect(4, &["undo", "sync.yaml", "--yes", "-o", "json"]).json();
        assert_eq!(report["session"]["reason"]["code"], format!("guard:{guard}"));
        place.write("sync.yaml", &as_it_was);
    }
    assert_eq!(shop(&place), after);
    place.expect(0, &["undo", "sync.yaml", "--yes"]);
    assert_eq!(shop(&place), before);
}
