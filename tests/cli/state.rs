//! The state file: whose it is, one session at a time, what an interrupted or killed session leaves.

use std::process::{Child, Command};

use rusqlite::Connection;

use super::place::{KEY, ONE_WAY, PEOPLE_TABLE, Place, Ran, TIME, people, until};

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("sync.state.db", "my diary, which is certainly longer than the header of a database");
    for command in ["run", "plan", "sessions", "report"] {
        let ran = place.expect(1, &[command, "sync.yaml"]);
        assert!(ran.stderr.contains("not a state file") && ran.stderr.contains("--state"), "{ran:#?}");
    }
    assert!(place.read("sync.state.db").starts_with("my diary"));
    std::fs::remove_file(place.path("sync.state.db")).unwrap();
    place.sql("sync.state.db", "CREATE TABLE diary (day TEXT)");
    let ran = place.expect(1, &["run", "sync.yaml"]);
    assert!(ran.stderr.contains("not a state file"), "{ran:#?}");
}

#[test]
fn a_state_file_of_a_newer_version_is_refused() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.sql("sync.state.db", "PRAGMA user_version = 99");
    for command in ["run", "sessions"] {
        let ran = place.expect(1, &[command, "sync.yaml"]);
        assert!(ran.stderr.contains("99") && ran.stderr.contains("newer"), "{ran:#?}");
    }
}

/// Two datasets, the first of which cannot be written while the connection lives.
struct Blocked {
    place: Place,
    writer: Connection,
    run: Child,
    session: String,
}

impl Blocked {
    fn new() -> Self {
        let place = Place::with_people(ONE_WAY, KEY);
        place.write("people.csv", &people(30));
        place.write("more.csv", "id,name\n1,a\n");
        place.sql("shop.db", "CREATE TABLE more (id INTEGER PRIMARY KEY, name TEXT)");
        let more = "  - {source: more.csv, target: more, key: [id]}\n";
        place.write("sync.yaml", &format!("{}{more}", place.read("sync.yaml")));
        let writer = place.database("shop.db");
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        let run = place.start(&["run", "sync.yaml", "-o", "json"]);
        let session = place.wait_for_session();
        Self { place, writer, run, session }
    }

    fn signal(&self, name: &str) {
        let pid = self.run.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Lets the first dataset be written and waits for the end.
    fn release(self) -> (Place, Ran) {
        self.writer.execute_batch("ROLLBACK").unwrap();
        let ran = Ran::of(self.run.wait_with_output().unwrap());
        (self.place, ran)
    }
}

#[test]
fn a_second_run_says_who_holds_the_state_and_lists_can_still_be_read() {
    let blocked = Blocked::new();
    let pid = blocked.run.id().to_string();
    for command in [&["run", "sync.yaml"][..], &["plan", "sync.yaml"], &["undo", "sync.yaml", "--yes"]] {
        let ran = blocked.place.expect(1, command);
        assert!(ran.stderr.contains(&pid), "{command:?}: {ran:#?}");
    }
    blocked.place.expect(0, &["sessions", "sync.yaml"]);
    blocked.place.expect(0, &["conflicts", "list", "sync.yaml"]);
    let (place, ran) = blocked.release();
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(place.value("shop.db", "SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM more)"), "31");
}

#[test]
fn an_interrupted_session_is_paused_and_goes_on_under_its_id() {
    for signal in ["-INT", "-TERM"] {
        let mut blocked = Blocked::new();
        let session = blocked.session.clone();
        blocked.signal(signal);
        // The answer to the signal is on stderr before the lock is let go.
        let mut said = String::new();
        let mut stderr = std::io::BufReader::new(blocked.run.stderr.take().unwrap());
        std::io::BufRead::read_line(&mut stderr, &mut said).unwrap();
        assert!(said.contains("checkpoint"), "{said}");
        let (place, ran) = blocked.release();
        assert_eq!(ran.code, 130, "{ran:#?}");
        assert_eq!(ran.json()["session"]["status"], "paused");
        assert_eq!(place.value("shop.db", "SELECT count(*) FROM more"), "0");
        assert_eq!(place.expect(0, &["report", "sync.yaml", "-o", "json"]).json()["session"]["status"], "paused");
        let ran = place.expect(0, &["run", "sync.yaml", "-o", "json"]);
        assert_eq!(ran.json()["session"]["id"], session);
        assert!(ran.stderr.contains(&format!("going on with session {session}")), "{ran:#?}");
        let created: u64 = ran.json()["datasets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|dataset| dataset["to_target"]["created"].as_u64().unwrap())
            .sum();
        assert_eq!(created, 6, "the report covers both parts of the session");
        place.expect(0, &["undo", "sync.yaml", "--yes"]);
        assert_eq!(place.value("shop.db", "SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM more)"), "25");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut blocked = Blocked::new();
    blocked.signal("-INT");
    let mut said = String::new();
    let mut stderr = std::io::BufReader::new(blocked.run.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut said).unwrap();
    blocked.signal("-INT");
    assert_eq!(blocked.run.wait().unwrap().code(), Some(130));
    blocked.writer.execute_batch("ROLLBACK").unwrap();
    let ran = blocked.place.expect(0, &["run", "sync.yaml", "-o", "json"]);
    assert_eq!(ran.json()["session"]["id"], blocked.session);
}

#[test]
fn a_killed_session_goes_on_with_what_was_allowed_for_it() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.sync(ONE_WAY, &format!("{KEY}\nexclude: [city]"));
    let allow = ["run", "sync.yaml", "--allow", "definition_changed"];
    place.edit("people.csv", "name 7,", "seven,");
    let writer = place.database("shop.db");
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut run = place.start(&allow);
    let session = place.wait_for_session();
    // The old base is dropped before the first record is written.
    until("the old base to be dropped", || {
        (place.value("sync.state.db", "SELECT count(*) FROM blocks") == "0").then_some(())
    });
    run.kill().unwrap();
    run.wait().unwrap();
    let so_far = place.expect(0, &["report", "sync.yaml", "-o", "json"]).json();
    assert_eq!(overridden(&so_far), ["definition_changed"], "{so_far:#}");
    writer.execute_batch("ROLLBACK").unwrap();
    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["session"]["id"], session);
    assert_eq!(overridden(&report), ["definition_changed"], "{report:#}");
    assert_eq!(place.expect(0, &["report", "sync.yaml", "-o", "json"]).json(), report);
    let text = place.expect(0, &["report", "sync.yaml"]);
    assert!(text.stdout.contains("guard definition_changed overridden"), "{text:#?}");
    let sessions = place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(sessions[0]["allowed"], serde_json::json!(["definition_changed"]));
    assert!(sessions[1].get("allowed").is_none());
    assert!(place.expect(0, &["sessions", "sync.yaml"]).stdout.contains("allowed: definition_changed"));
}

/// Names of the guards that a report says were overridden.
fn overridden(report: &serde_json::Value) -> Vec<&str> {
    let guards = report["guards"].as_array().unwrap().iter();
    guards.filter(|guard| guard["allowed"] == true).map(|guard| guard["name"].as_str().unwrap()).collect()
}

#[test]
fn a_killed_session_is_finished_before_anything_else() {
    let mut blocked = Blocked::new();
    blocked.run.kill().unwrap();
    blocked.run.wait().unwrap();
    blocked.writer.execute_batch("ROLLBACK").unwrap();
    let (place, session) = (blocked.place, blocked.session);
    let ran = place.expect(1, &["undo", "sync.yaml", "--yes"]);
    assert!(ran.stderr.contains(&session) && ran.stderr.contains("not finished"), "{ran:#?}");
    let ran = place.expect(0, &["run", "sync.yaml", "-o", "json"]);
    assert_eq!(ran.json()["session"]["id"], session);
    assert_eq!(place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines().len(), 1);
}

#[test]
fn a_killed_plan_goes_on_as_that_plan() {
    // Beside a file all of a plan is carried out at once; between databases batch by batch.
    let place = Place::with_people(ONE_WAY, KEY);
    place.sql("crm.db", PEOPLE_TABLE);
    let add = |ids: &str| {
        let select = format!("SELECT id, 'name ' || id, 'city ' || id, '{TIME}' FROM n");
        place.sql("crm.db", &format!("WITH RECURSIVE n(id) AS ({ids}) INSERT INTO people {select}"));
    };
    add("SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 225");
    place.write(
        "sync.yaml",
        "strategy: source_wins\noptions: {batch_size: 10, records_per_second: 100}\nsource: {type: sqlite, path: crm.db}\n\
         target: {type: sqlite, path: shop.db}\ndatasets:\n  - {source: people, target: people, key: [id]}\n",
    );
    place.expect(0, &["plan", "sync.yaml", "--save", "changes.plan"]);
    let count = || place.value("shop.db", "SELECT count(*) FROM people").parse::<u32>().unwrap();
    let mut run = place.start(&["run", "sync.yaml", "--plan", "changes.plan"]);
    until("the first records", || (count() > 25).then_some(()));
    run.kill().unwrap();
    run.wait().unwrap();
    assert!((26..225).contains(&count()), "killed in the middle: {}", count());
    let sessions = place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines();
    add("SELECT 226 UNION ALL SELECT id + 1 FROM n WHERE id < 235");
    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["session"]["id"], sessions[0]["id"]);
    assert_eq!(report["datasets"][0]["to_target"]["created"], 200, "{report:#}");
    assert_eq!(count(), 225, "just the plan");
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(count(), 235);
}

#[test]
fn a_planned_session_that_is_given_up_leaves_no_copy_of_its_plan() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &people(30));
    place.expect(0, &["plan", "sync.yaml", "--save", "changes.plan"]);
    let writer = place.database("shop.db");
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut run = place.start(&["run", "sync.yaml", "--plan", "changes.plan"]);
    let session = place.wait_for_session();
    run.kill().unwrap();
    run.wait().unwrap();
    writer.execute_batch("ROLLBACK").unwrap();
    let copy = place.path(&format!("sync.state.db.plan-{session}"));
    assert!(copy.exists());
    place.expect(0, &["undo", "sync.yaml", "--session", &session, "--yes"]);
    assert!(!copy.exists());
}

#[test]
fn what_a_dead_process_left_locked_is_free() {
    let mut blocked = Blocked::new();
    blocked.run.kill().unwrap();
    blocked.run.wait().unwrap();
    let sessions =
        until("the list", || Some(blocked.place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines()));
    assert_eq!(sessions[0]["status"], "in_progress", "nobody has noticed yet");
    blocked.writer.execute_batch("ROLLBACK").unwrap();
    blocked.place.expect(0, &["run", "sync.yaml"]);
}
