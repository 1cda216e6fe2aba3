//! Commands that look: report, sessions, verify, diff, doctor, completions, help.

use serde_json::json;

use super::place::{KEY, MANUAL, ONE_WAY, Place, TIME};

#[test]
fn verify_and_diff_find_what_differs() {
    let place = Place::with_people(MANUAL, KEY);
    place.expect(0, &["verify", "sync.yaml"]);
    place.expect(0, &["diff", "sync.yaml"]);
    assert!(!place.path("sync.state.db").exists(), "looking leaves no state");
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "name 7,", "seven,");
    place.sql("shop.db", "DELETE FROM people WHERE id = 9");
    let ran = place.expect(10, &["verify", "sync.yaml", "-o", "json"]);
    assert_eq!(ran.json()["datasets"][0]["verified"], json!({"equal": 23, "different": 2, "not_compared": 0}));
    assert_eq!(ran.json()["session"]["mode"], "verify");
    let lines = place.expect(10, &["diff", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert_eq!(lines[0]["key"], json!({"id": 7}));
    assert_eq!(lines[0]["fields"], json!({"name": {"source": "seven", "target": "name 7"}}));
    assert_eq!((&lines[1]["key"], &lines[1]["only"]), (&json!({"id": 9}), &json!("source")));
    let text = place.expect(10, &["diff", "sync.yaml"]);
    assert!(text.stdout.contains("< name seven") && text.stdout.contains("only at the source"), "{text:#?}");
    assert!(place.expect(10, &["verify", "sync.yaml"]).stdout.contains("different"));
}

#[test]
fn a_record_that_cannot_be_read_is_told_and_is_not_taken_for_equal() {
    let place = Place::with_people(ONE_WAY, KEY);
    let whole = place.read("people.csv");
    place.write("people.csv", &format!("{whole},nobody,nowhere,\n"));
    for command in ["verify", "diff"] {
        let ran = place.expect(0, &[command, "sync.yaml"]);
        assert!(ran.said().contains("1 record could not be read, and nothing is known of it"), "{ran:#?}");
    }
    let report = place.expect(0, &["verify", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["verified"], json!({"equal": 25, "different": 0, "not_compared": 1}));
    place.edit("sync.yaml", "strategy: source_wins", "strategy: source_wins\noptions: {verify: full}");
    let report = place.expect(3, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["verified"]["not_compared"], 1);
}

#[test]
fn what_waits_for_a_person_or_was_left_out_is_a_difference_with_its_reason() {
    let place = Place::with_people(MANUAL, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "name 7,", "seven,");
    place.sql("shop.db", "UPDATE people SET name = 'Seven' WHERE id = 7");
    place.sql("shop.db", "CREATE UNIQUE INDEX names ON people (name)");
    place.edit("people.csv", "name 9,", "name 10,");
    let reasons = || {
        let lines = place.expect(10, &["diff", "sync.yaml", "-o", "json"]).lines();
        lines.iter().map(|line| line["reason"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(reasons(), ["new conflict", "not carried over yet: source changed"]);
    place.expect(3, &["run", "sync.yaml"]);
    let report = place.expect(10, &["verify", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["verified"], json!({"equal": 23, "different": 2, "not_compared": 0}));
    let reasons = reasons();
    assert_eq!(reasons[0], "open conflict");
    assert!(reasons[1].starts_with("rejected at the target: ") && reasons[1].contains("UNIQUE"), "{reasons:?}");
    assert!(place.expect(10, &["diff", "sync.yaml"]).stdout.contains("people.csv id 7: open conflict\n  < name seven"));
}

#[test]
fn what_the_syncs_own_rules_keep_apart_is_not_compared() {
    let place = Place::with_people(MANUAL, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "name 7,", "seven,");
    place.sql("shop.db", "UPDATE people SET name = 'Seven' WHERE id = 7");
    place.expect(3, &["run", "sync.yaml"]);
    place.expect(0, &["conflicts", "resolve", "sync.yaml", "c1", "--take", "skip"]);
    let report = place.expect(0, &["verify", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["verified"], json!({"equal": 24, "different": 0, "not_compared": 1}));
    let ran = place.expect(0, &["diff", "sync.yaml"]);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("1 not compared"), "{ran:#?}");

    let place = Place::with_people(ONE_WAY, &format!("{KEY}\ndeletes: ignore"));
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", &format!("7,name 7,city 7,{TIME}\n"), "");
    place.sql("shop.db", "INSERT INTO people VALUES (100, 'of the shop', 'city', NULL)");
    place.expect(0, &["run", "sync.yaml"]);
    let report = place.expect(0, &["verify", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["verified"], json!({"equal": 24, "different": 0, "not_compared": 2}));
}

#[test]
fn reports_and_sessions_are_kept() {
    let place = Place::with_people(ONE_WAY, KEY);
    let first = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    place.edit("people.csv", "name 7,", "seven,");
    let second = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(place.expect(0, &["report", "sync.yaml", "-o", "json"]).json(), second);
    let id = first["session"]["id"].as_str().unwrap();
    assert_eq!(place.expect(0, &["report", "sync.yaml", "--session", id, "-o", "json"]).json(), first);
    let sessions = place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(sessions.len(), 2);
    assert_eq!((&sessions[0]["id"], &sessions[0]["written"]), (&second["session"]["id"], &json!(1)));
    assert!(place.expect(0, &["sessions", "sync.yaml"]).stdout.contains(id));
    assert!(place.expect(0, &["report", "sync.yaml"]).stdout.contains("completed"));
}

#[test]
fn lists_of_a_sync_that_never_ran_are_empty_and_a_report_is_an_error() {
    let place = Place::with_people(ONE_WAY, KEY);
    for command in [&["sessions", "sync.yaml"][..], &["rejects", "sync.yaml"], &["conflicts", "list", "sync.yaml"]] {
        let ran = place.expect(0, command);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("pinksync run sync.yaml"), "{ran:#?}");
    }
    let ran = place.expect(1, &["report", "sync.yaml"]);
    assert!(ran.stderr.contains("help: "), "{ran:#?}");
    assert!(!place.path("sync.state.db").exists());
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    let place = Place::with_people(ONE_WAY, KEY);
    let ran = place.expect(0, &["doctor", "sync.yaml"]);
    assert!(ran.stdout.contains("source") && ran.stdout.contains("target"), "{ran:#?}");
    place.expect(0, &["doctor"]);
    place.write("shop.db", "this is no database at all, and long enough to be looked at as one");
    let ran = place.expect(1, &["doctor", "sync.yaml"]);
    assert!(ran.stdout.contains("FAILED") && ran.stdout.contains("help: "), "{ran:#?}");
    let lines = place.expect(1, &["doctor", "sync.yaml", "-o", "json"]).lines();
    assert!(lines.iter().any(|line| line["about"] == "target" && line["ok"] == false), "{lines:#?}");
}

#[test]
fn help_has_examples_and_shells_can_complete() {
    let place = Place::new();
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["init", "--help"],
        &["plan", "--help"],
        &["undo", "--help"],
        &["conflicts", "--help"],
    ] {
        let ran = place.expect(0, arguments);
        assert!(ran.stdout.contains("Examples:") && ran.stdout.contains("pinksync "), "{ran:#?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.expect(0, &["completions", shell]).stdout.contains("conflicts"));
    }
    assert!(place.expect(0, &["--version"]).stdout.starts_with("pinksync "));
}
