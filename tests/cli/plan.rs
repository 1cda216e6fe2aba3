//! `plan`: tells and writes nothing; a saved plan is carried out exactly.

use serde_json::json;

use super::place::{KEY, MANUAL, ONE_WAY, Place, TIME, TWO_WAY, people};

fn edited() -> Place {
    let place = Place::with_people(TWO_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "3,name 3,city 3,2026-01-01", "3,name 3,moved,2026-02-01");
    place.edit("people.csv", &format!("9,name 9,city 9,{TIME}\n"), "");
    place.sql("shop.db", "INSERT INTO people VALUES (100, 'new', 'here', '2026-02-02 00:00:00')");
    place
}

#[test]
fn lines_are_the_contracts() {
    let place = edited();
    let before =
        (place.read("people.csv"), place.value("shop.db", "SELECT group_concat(id || name || city) FROM people"));
    let lines = place.expect(0, &["plan", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(lines[0], json!({"version": 1}));
    assert_eq!(*lines.last().unwrap(), json!({"summary": {"create": 1, "update": 1, "delete": 1, "conflict": 0}}));
    let update = lines.iter().find(|line| line["action"] == "update").unwrap();
    assert_eq!((&update["to"], &update["key"]), (&json!("target"), &json!({"id": 3})));
    assert_eq!(update["fields"]["city"], json!({"base": "city 3", "source": "moved", "target": "city 3"}));
    assert!(
        update["dataset"].as_str().unwrap().starts_with("people") && !update["dataset"].as_str().unwrap().contains('→')
    );
    let create = lines.iter().find(|line| line["action"] == "create").unwrap();
    assert_eq!((&create["to"], &create["key"]), (&json!("source"), &json!({"id": 100})));
    let after =
        (place.read("people.csv"), place.value("shop.db", "SELECT group_concat(id || name || city) FROM people"));
    assert_eq!(before, after, "a plan writes nothing");
}

#[test]
fn the_table_is_grouped_and_says_how_to_go_on() {
    let place = edited();
    let ran = place.expect(0, &["plan", "sync.yaml"]);
    for part in [
        "update at the target (1)",
        "city city 3 → moved",
        "create at the source (1)",
        "delete at the target (1)",
        "1 to create, 1 to update, 1 to delete",
        "pinksync run sync.yaml",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {ran:#?}");
    }
}

#[test]
fn a_plan_with_changes_exits_10_only_where_asked() {
    let place = edited();
    place.expect(0, &["plan", "sync.yaml"]);
    place.expect(10, &["plan", "sync.yaml", "--detailed-exitcode"]);
    place.expect(0, &["run", "sync.yaml"]);
    let ran = place.expect(0, &["plan", "sync.yaml", "--detailed-exitcode"]);
    assert!(ran.stdout.contains("nothing to do"), "{ran:#?}");
}

#[test]
fn a_plan_of_a_sync_that_never_ran_leaves_no_state() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &people(26));
    let lines = place.expect(0, &["plan", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(lines.last().unwrap()["summary"]["create"], 1);
    let names: Vec<_> = std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn a_saved_plan_is_carried_out_exactly() {
    let place = edited();
    place.expect(0, &["plan", "sync.yaml", "--save", "changes.plan"]);
    // One planned record moves, and a change comes that was not planned.
    place.edit("people.csv", "moved,2026-02-01", "moved again,2026-02-03");
    place.edit("people.csv", "5,name 5,city 5,2026-01-01", "5,name 5,unplanned,2026-02-03");
    let ran = place.expect(3, &["run", "sync.yaml", "--plan", "changes.plan", "-o", "json"]);
    let report = ran.json();
    let dataset = &report["datasets"][0];
    assert_eq!(dataset["left_alone"], 1, "{dataset:#}");
    assert_eq!(dataset["rejected"], 0, "{dataset:#}");
    assert_eq!(dataset["to_target"], json!({"created": 0, "updated": 0, "deleted": 1}));
    assert_eq!(dataset["to_source"], json!({"created": 1, "updated": 0, "deleted": 0}));
    assert_eq!(place.value("shop.db", "SELECT city FROM people WHERE id = 3"), "city 3");
    assert_eq!(place.value("shop.db", "SELECT city FROM people WHERE id = 5"), "city 5");
    assert!(place.read("people.csv").contains("100,new"));
    let kept = std::fs::read_dir(place.path("."))
        .unwrap()
        .any(|entry| entry.unwrap().file_name().to_string_lossy().contains(".plan-"));
    assert!(!kept, "the copy of the plan is removed with the session's end");
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(place.value("shop.db", "SELECT city FROM people WHERE id = 3"), "moved again");
    assert_eq!(place.value("shop.db", "SELECT city FROM people WHERE id = 5"), "unplanned");
}

#[test]
fn every_record_that_moved_since_the_plan_is_listed_by_dataset_and_key() {
    let place = Place::with_people(TWO_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.write("people.csv", &people(25).replace(",city ", ",town ").replace(TIME, "2026-02-01 00:00:00"));
    place.expect(0, &["plan", "sync.yaml", "--save", "changes.plan"]);
    place.edit("people.csv", ",town ", ",place ");
    place.sql("shop.db", "UPDATE people SET city = 'later' WHERE id = 3");
    let ran = place.expect(3, &["run", "sync.yaml", "--plan", "changes.plan"]);
    let named = ran.stdout.matches("was left alone at the ").count();
    assert!(named == 20 && ran.stdout.contains("people.csv id 3 was left alone at the source"), "{ran:#?}");
    assert!(ran.stdout.contains("5 more were left alone"), "{ran:#?}");
    let report = place.expect(0, &["report", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["warnings"].as_array().unwrap().len(), 21, "{report:#}");
    let rejects = place.expect(0, &["rejects", "sync.yaml", "-o", "json"]).lines();
    let mut keys: Vec<u64> = rejects.iter().map(|reject| reject["key"]["id"].as_u64().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys, (1..=25).collect::<Vec<u64>>());
    assert!(rejects.iter().all(|reject| reject["code"] == "moved_since_plan" && reject["dataset"] == "people.csv"));
}

#[test]
fn a_plan_is_carried_out_once_and_again_after_it_was_taken_back() {
    let place = edited();
    place.expect(0, &["plan", "sync.yaml", "--save", "changes.plan"]);
    let carry_out = ["run", "sync.yaml", "--plan", "changes.plan", "-o", "json"];
    let first = place.expect(0, &carry_out).json();
    let refused = place.expect(1, &carry_out);
    let session = first["session"]["id"].as_str().unwrap();
    assert!(refused.stderr.contains("carried out already") && refused.stderr.contains(session), "{refused:#?}");
    assert!(refused.stderr.contains("--save"), "{refused:#?}");
    assert_eq!(place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines().len(), 2, "no session was begun");
    // Another plan, which says that there is nothing to do, is another plan.
    for _ in 0..2 {
        place.expect(0, &["plan", "sync.yaml", "--save", "nothing.plan"]);
        place.expect(0, &["run", "sync.yaml", "--plan", "nothing.plan"]);
    }
    place.expect(0, &["undo", "sync.yaml", "--session", session, "--yes"]);
    let again = place.expect(0, &carry_out).json();
    assert_eq!(again["datasets"][0]["to_target"], first["datasets"][0]["to_target"]);
}

#[test]
fn a_plan_of_another_definition_is_refused() {
    let place = edited();
    place.expect(0, &["plan", "sync.yaml", "--save", "changes.plan"]);
    place.sync(MANUAL, KEY);
    let ran = place.expect(2, &["run", "sync.yaml", "--plan", "changes.plan"]);
    assert!(ran.stderr.contains("make it again"), "{ran:#?}");
}

#[test]
fn a_conflict_that_would_stay_open_is_a_line_of_its_own() {
    let place = Place::with_people(MANUAL, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "name 7,", "seven,");
    place.sql("shop.db", "UPDATE people SET name = 'Seven' WHERE id = 7");
    for _ in 0..2 {
        let lines = place.expect(10, &["plan", "sync.yaml", "-o", "json", "--detailed-exitcode"]).lines();
        assert_eq!((&lines[1]["action"], &lines[1]["to"]), (&json!("conflict"), &json!(null)), "{lines:#?}");
        assert_eq!(lines[2]["summary"]["conflict"], 1);
        // The second time the conflict is in the books.
        place.expect(3, &["run", "sync.yaml"]);
    }
}
