//! `conflicts`: listed, shown, settled, and not coming back.

use serde_json::json;

use super::place::{KEY, MANUAL, Place, TWO_WAY};

/// Record 7 was changed on both sides.
fn conflicting() -> Place {
    let place = Place::with_people(MANUAL, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "name 7,city 7", "seven,Bern");
    place.sql("shop.db", "UPDATE people SET name = 'Seven' WHERE id = 7");
    place.expect(3, &["run", "sync.yaml"]);
    place
}

fn open(place: &Place) -> Vec<serde_json::Value> {
    place.expect(0, &["conflicts", "list", "sync.yaml", "-o", "json"]).lines()
}

/// Settled for good: another run finds nothing to do.
fn stays_settled(place: &Place) {
    assert!(open(place).is_empty());
    for _ in 0..2 {
        let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
        assert_eq!(report["datasets"][0]["to_target"], json!({"created": 0, "updated": 0, "deleted": 0}));
        assert_eq!(report["datasets"][0]["to_source"], json!({"created": 0, "updated": 0, "deleted": 0}));
    }
    assert!(open(place).is_empty());
}

#[test]
fn a_conflict_is_told_with_its_three_versions() {
    let place = conflicting();
    let conflicts = open(&place);
    let [conflict] = &conflicts[..] else { panic!("one conflict: {conflicts:#?}") };
    for (field, value) in [
        ("key", json!({"id": 7})),
        ("kind", json!("update/update")),
        ("status", json!("open")),
        ("decision", json!(null)),
    ] {
        assert_eq!(conflict[field], value, "{field}");
    }
    assert_eq!((&conflict["base"]["name"], &conflict["base"]["city"]), (&json!("name 7"), &json!("city 7")));
    assert_eq!((&conflict["source"]["name"], &conflict["source"]["city"]), (&json!("seven"), &json!("Bern")));
    assert_eq!((&conflict["target"]["name"], &conflict["target"]["city"]), (&json!("Seven"), &json!("city 7")));
    let id = conflict["id"].as_str().unwrap();
    let shown = place.expect(0, &["conflicts", "show", "sync.yaml", id]);
    assert!(
        shown.stdout.contains("base") && shown.stdout.contains("Bern") && shown.stdout.contains("*  name"),
        "{shown:#?}"
    );
    assert_eq!(place.expect(0, &["conflicts", "show", "sync.yaml", id, "-o", "json"]).json(), *conflict);
    let listed = place.expect(0, &["conflicts", "list", "sync.yaml"]);
    assert!(listed.stdout.contains(id) && listed.stdout.contains("name, city"), "{listed:#?}");
    // Another run does not double it.
    place.expect(3, &["run", "sync.yaml"]);
    assert_eq!(open(&place).len(), 1);
}

#[test]
fn each_way_to_settle_leaves_what_it_says_and_does_not_come_back() {
    for (arguments, csv, name, city) in [
        (&["--take", "source"][..], "7,seven,Bern,", "seven", "Bern"),
        (&["--take", "target"], "7,Seven,city 7,", "Seven", "city 7"),
        (&["--take", "skip"], "7,seven,Bern,", "Seven", "city 7"),
        (&["--value", r#"{"city": "Thun"}"#], "7,seven,Thun,", "seven", "Thun"),
    ] {
        let place = conflicting();
        let mut command = vec!["conflicts", "resolve", "sync.yaml", "c1"];
        command.extend(arguments);
        place.expect(0, &command);
        assert!(place.read("people.csv").contains(csv), "{arguments:?}: {}", place.read("people.csv"));
        assert_eq!(place.value("shop.db", "SELECT name FROM people WHERE id = 7"), name, "{arguments:?}");
        assert_eq!(place.value("shop.db", "SELECT city FROM people WHERE id = 7"), city, "{arguments:?}");
        stays_settled(&place);
        let all = place.expect(0, &["conflicts", "list", "sync.yaml", "--all", "-o", "json"]).lines();
        assert_eq!(all[0]["status"], "resolved");
        assert!(all[0]["decided_by"].is_string() && all[0]["decided_at"].is_string(), "{all:#?}");
    }
}

#[test]
fn a_record_can_be_deleted_on_both_sides() {
    let place = conflicting();
    place.expect(0, &["conflicts", "resolve", "sync.yaml", "c1", "--take", "delete"]);
    assert!(!place.read("people.csv").contains("\n7,"));
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people WHERE id = 7"), "0");
    stays_settled(&place);
}

#[test]
fn a_record_that_changed_since_is_shown_again_instead_of_being_overwritten() {
    let place = conflicting();
    place.sql("shop.db", "UPDATE people SET name = 'third' WHERE id = 7");
    let ran = place.expect(1, &["conflicts", "resolve", "sync.yaml", "c1", "--take", "source"]);
    assert!(ran.stdout.contains("third") && ran.stderr.contains("decide again"), "{ran:#?}");
    assert_eq!(place.value("shop.db", "SELECT name FROM people WHERE id = 7"), "third");
    assert_eq!(open(&place)[0]["target"]["name"], "third", "it is refreshed");
    place.sql("shop.db", "UPDATE people SET name = 'fourth' WHERE id = 7");
    let ran = place.expect(1, &["conflicts", "resolve", "sync.yaml", "c1", "--take", "source", "-o", "json"]);
    assert_eq!((&ran.json()["status"], &ran.json()["target"]["name"]), (&json!("open"), &json!("fourth")));
    place.expect(0, &["conflicts", "resolve", "sync.yaml", "c1", "--take", "source"]);
    stays_settled(&place);
}

#[test]
fn a_conflict_that_is_settled_or_unknown_is_said_so() {
    let place = conflicting();
    place.expect(0, &["conflicts", "resolve", "sync.yaml", "c1", "--take", "skip"]);
    let ran = place.expect(1, &["conflicts", "resolve", "sync.yaml", "c1", "--take", "source"]);
    assert!(ran.stderr.contains("resolved already"), "{ran:#?}");
    let ran = place.expect(1, &["conflicts", "show", "sync.yaml", "c77"]);
    assert!(ran.stderr.contains("there is no conflict c77") && ran.stderr.contains("--all"), "{ran:#?}");
}

#[test]
fn a_field_that_does_not_exist_or_does_not_fit_is_refused() {
    let place = conflicting();
    for (value, said) in [
        (r#"{"town": "x"}"#, "no field `town`"),
        (r#"{"id": 8}"#, "`id` cannot be set"),
        (r#"{"updated_at": "soon"}"#, "`updated_at`: "),
    ] {
        let ran = place.expect(2, &["conflicts", "resolve", "sync.yaml", "c1", "--value", value]);
        assert!(ran.stderr.contains(said) && ran.stderr.contains("\nhelp: "), "{ran:#?}");
    }
    assert_eq!(open(&place).len(), 1);
}

#[test]
fn equal_times_wait_for_a_person_and_later_ones_win() {
    let place = Place::with_people(TWO_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    for (id, csv_time, shop_time) in [(3, "2026-02-01", "2026-02-01"), (4, "2026-02-01", "2026-02-02")] {
        place.edit(
            "people.csv",
            &format!("{id},name {id},city {id},2026-01-01"),
            &format!("{id},crm,city {id},{csv_time}"),
        );
        place.sql(
            "shop.db",
            &format!("UPDATE people SET name = 'shop', updated_at = '{shop_time} 00:00:00' WHERE id = {id}"),
        );
    }
    let report = place.expect(3, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["conflicts"], json!({"resolved": 1, "open": 1}));
    assert!(place.read("people.csv").contains("4,shop,"));
    assert_eq!(open(&place)[0]["key"], json!({"id": 3}));
    let all = place.expect(0, &["conflicts", "list", "sync.yaml", "--all", "-o", "json"]).lines();
    assert!(
        all.iter().any(|conflict| conflict["key"] == json!({"id": 4}) && conflict["status"] == "resolved"),
        "{all:#?}"
    );
}

#[test]
fn under_another_mapping_or_over_another_database_nothing_is_settled() {
    let place = conflicting();
    let as_it_was = place.read("sync.yaml");
    std::fs::copy(place.path("shop.db"), place.path("other.db")).unwrap();
    let id = open(&place)[0]["id"].as_str().unwrap().to_owned();
    let take = ["conflicts", "resolve", "sync.yaml", &id, "--take", "source"];
    for (old, new, guard) in [
        ("updated_at: timestamp", "id: int, updated_at: timestamp", "definition_changed"),
        ("shop.db", "other.db", "different_system"),
    ] {
        place.edit("sync.yaml", old, new);
        let ran = place.expect(4, &take);
        assert!(ran.stderr.contains(&format!("guard {guard} tripped")) && ran.stderr.contains("help: "), "{ran:#?}");
        assert!(!ran.said().contains("--allow"), "{ran:#?}");
        place.write("sync.yaml", &as_it_was);
    }
    for database in ["shop.db", "other.db"] {
        assert_eq!(place.value(database, "SELECT name FROM people WHERE id = 7"), "Seven");
    }
    assert_eq!(open(&place).len(), 1);
    place.expect(0, &take);
    assert_eq!(place.value("shop.db", "SELECT name FROM people WHERE id = 7"), "seven");
}

#[test]
fn lists_and_reports_agree_on_what_is_open() {
    let place = conflicting();
    // By session, the latest first: what waited at its end, as its report says.
    let agree = |expected: &[u64], now: usize| {
        let sessions = place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines();
        let left: Vec<u64> = sessions.iter().map(|session| session["open_conflicts"].as_u64().unwrap()).collect();
        assert_eq!(left, expected, "{sessions:#?}");
        for session in &sessions {
            let id = session["id"].as_str().unwrap();
            let report = place.expect(0, &["report", "sync.yaml", "--session", id, "-o", "json"]).json();
            let datasets = report["datasets"].as_array().unwrap();
            let open: u64 = datasets.iter().map(|dataset| dataset["conflicts"]["open"].as_u64().unwrap()).sum();
            assert_eq!(session["open_conflicts"], open, "{report:#}");
        }
        assert_eq!(open(&place).len(), now);
        let said = place.expect(0, &["sessions", "sync.yaml"]).stderr;
        let waiting = if now == 0 { "no conflict waits".to_owned() } else { format!("{now} conflict waits") };
        assert!(said.contains(&format!("{waiting} for a decision now")), "{said}");
    };
    agree(&[1, 0], 1);
    place.expect(3, &["run", "sync.yaml"]);
    agree(&[1, 1, 0], 1);
    place.expect(0, &["conflicts", "resolve", "sync.yaml", "c1", "--take", "source"]);
    agree(&[0, 1, 1, 0], 0);
    assert!(place.expect(0, &["report", "sync.yaml"]).stderr.contains("no conflict waits for a decision now"));
    place.expect(3, &["undo", "sync.yaml", "--yes"]);
    agree(&[1, 0, 1, 1, 0], 1);
    // A guard stops the next one before anything is looked at.
    place.edit("sync.yaml", "key: [id]", "key: [id]\n    exclude: [city]");
    place.expect(4, &["run", "sync.yaml"]);
    agree(&[1, 1, 0, 1, 1, 0], 1);
}
