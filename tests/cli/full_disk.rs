//! Files that cannot grow: a sentence and a remedy, nothing half-written, and later the same session to its end.

use std::fs::File;

use serde_json::{Value, json};

use super::place::{KEY, Place, Ran, TWO_WAY, people, sync_text};

/// More people than a state file, a staged side or a plan of a few hundred kilobytes holds.
const MANY: u32 = 20_000;

fn many_people() -> Place {
    let place = Place::with_people(TWO_WAY, KEY);
    place.sql("shop.db", "DELETE FROM people");
    place.write("people.csv", &people(MANY));
    place
}

/// Ends with 1, and says what is full and what to do.
fn stopped(place: &Place, kilobytes: u32, arguments: &[&str]) -> Ran {
    let ran = Ran::of(place.limited(kilobytes, arguments).output().unwrap());
    assert_eq!(ran.code, 1, "{kilobytes} KB: {ran:#?}");
    assert!(ran.stderr.starts_with("error: could not "), "{kilobytes} KB: {ran:#?}");
    let remedy = ran.stderr.lines().find(|line| line.starts_with("help: ")).unwrap_or_default();
    assert!(remedy.contains("space") || remedy.contains("room"), "{kilobytes} KB: {ran:#?}");
    ran
}

fn sessions(place: &Place) -> Vec<Value> {
    place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines()
}

#[test]
fn a_session_that_ran_out_of_space_is_brought_to_its_end_with_exact_counters() {
    // In the staged side, in the journal, and when both sides are settled.
    for (kilobytes, what) in [(300, "no space is left"), (700, "the state file"), (2000, "the state file")] {
        let place = many_people();
        let ran = stopped(&place, kilobytes, &["run", "sync.yaml"]);
        assert!(ran.stderr.contains(what), "{ran:#?}");
        assert!(place.read("people.csv") == people(MANY));
        let before = sessions(&place);
        let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
        assert_eq!((before.len(), &report["session"]["id"]), (1, &before[0]["id"]), "{report:#}");
        let dataset = &report["datasets"][0];
        assert_eq!(dataset["to_target"], json!({"created": MANY, "updated": 0, "deleted": 0}));
        assert_eq!(dataset["to_source"], json!({"created": 0, "updated": 0, "deleted": 0}));
        assert_eq!((&dataset["unchanged"], &dataset["adopted"]), (&json!(0), &json!(0)), "{dataset:#}");
        assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), MANY.to_string());
    }
}

#[test]
fn a_state_file_that_cannot_be_made_is_made_later() {
    let place = many_people();
    for kilobytes in [0, 8, 100] {
        stopped(&place, kilobytes, &["run", "sync.yaml"]);
    }
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "0");
    place.expect(0, &["run", "sync.yaml"]);
}

#[test]
fn a_plan_that_finds_no_space_leaves_nothing() {
    let place = many_people();
    let entries = || std::fs::read_dir(place.path(".")).unwrap().count();
    let before = entries();
    let ran = stopped(&place, 300, &["plan", "sync.yaml", "--save", "changes.plan"]);
    assert!(ran.stderr.contains("could not stage a side") && ran.stderr.contains("no space is left"), "{ran:#?}");
    assert_eq!(entries(), before);
}

#[test]
fn output_that_is_cut_off_is_no_success() {
    let place = many_people();
    let mut plan = place.limited(1000, &["plan", "sync.yaml", "-o", "json"]);
    plan.stdout(File::create(place.path("plan.jsonl")).unwrap());
    let ran = Ran::of(plan.output().unwrap());
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.stderr.contains("the output cannot be written") && ran.stderr.contains("help: free"), "{ran:#?}");
}

#[test]
fn a_file_that_cannot_be_written_anew_stays_as_it_was() {
    let place = Place::new();
    let wide = |name: &str| {
        format!("id,name\n{}", (1..=300).map(|id| format!("{id},{}{name}\n", "x".repeat(9000))).collect::<String>())
    };
    place.write("people.csv", &wide("old"));
    place.write("copy.csv", "id,name\n");
    let sync =
        sync_text("strategy: source_wins", "unused", "key: [id]").replace("    types: {updated_at: timestamp}\n", "");
    place.write(
        "sync.yaml",
        &sync
            .replace("{type: sqlite, path: unused}", "{type: csv, path: .}")
            .replace("target: people", "target: copy.csv"),
    );
    // New records wait in a temporary file; a changed one needs the whole file anew.
    stopped(&place, 1000, &["run", "sync.yaml"]);
    assert_eq!(place.read("copy.csv"), "id,name\n");
    place.expect(0, &["run", "sync.yaml"]);
    let old = place.read("copy.csv");
    assert_eq!(old.len(), wide("old").len());
    place.edit("people.csv", "\n7,x", "\n7,y");
    let ran = stopped(&place, 1000, &["run", "sync.yaml"]);
    assert!(ran.stderr.contains("copy.csv"), "{ran:#?}");
    assert!(place.read("copy.csv") == old, "the old file, whole");
    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["to_target"], json!({"created": 0, "updated": 1, "deleted": 0}));
    assert_eq!((sessions(&place).len(), &report["session"]["id"]), (2, &sessions(&place)[0]["id"]));
    let left = std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(left.len(), 5, "{left:?}");
}
