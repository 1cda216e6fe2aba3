//! `run`: what it writes, its report, and the exit codes of its ends.

use serde_json::json;

use super::place::{KEY, MANUAL, ONE_WAY, Place, Ran, TIME, TWO_WAY, people};

#[test]
fn a_first_run_adopts_and_creates_and_a_second_writes_nothing() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &people(27));
    let ran = place.expect(0, &["run", "sync.yaml", "--report", "report.json", "-o", "json"]);
    let report = ran.json();
    assert_eq!(report["session"]["status"], "completed");
    assert_eq!(report["session"]["mode"], "sync");
    assert_eq!(report["datasets"][0]["to_target"], json!({"created": 2, "updated": 0, "deleted": 0}));
    assert_eq!(report["datasets"][0]["adopted"], 25);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&place.read("report.json")).unwrap(), report);
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "27");
    let second = place.expect(0, &["run", "sync.yaml", "--yes", "-o", "json"]).json();
    assert_eq!(second["datasets"][0]["to_target"], json!({"created": 0, "updated": 0, "deleted": 0}));
    assert_ne!(second["session"]["id"], report["session"]["id"]);
}

#[test]
fn both_directions_are_carried_and_the_table_says_so() {
    let place = Place::with_people(TWO_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "3,name 3,city 3,2026-01-01", "3,name 3,moved,2026-02-01");
    place.sql("shop.db", "UPDATE people SET name = 'other', updated_at = '2026-02-02 00:00:00' WHERE id = 4; DELETE FROM people WHERE id = 5");
    place.sql("shop.db", "INSERT INTO people VALUES (100, 'new', 'here', '2026-02-02 00:00:00')");
    let ran = place.expect(0, &["run", "sync.yaml"]);
    assert!(ran.stdout.contains("completed") && ran.stdout.contains("total"), "{ran:#?}");
    assert!(ran.stdout.contains("pinksync undo sync.yaml"), "what to do next: {ran:#?}");
    assert_eq!(place.value("shop.db", "SELECT city FROM people WHERE id = 3"), "moved");
    let csv = place.read("people.csv");
    assert!(csv.contains("4,other,") && csv.contains("100,new,") && !csv.contains("\n5,"), "{csv}");
    let report = place.expect(0, &["report", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["to_source"], json!({"created": 1, "updated": 1, "deleted": 1}));
}

#[test]
fn an_open_conflict_ends_with_3() {
    let place = Place::with_people(MANUAL, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "name 7,", "seven,");
    place.sql("shop.db", "UPDATE people SET name = 'Seven' WHERE id = 7");
    let ran = place.expect(3, &["run", "sync.yaml"]);
    assert!(ran.stdout.contains("1 conflict waits for a decision: pinksync conflicts list sync.yaml"), "{ran:#?}");
}

#[test]
fn a_session_that_fails_says_why_and_is_in_the_books() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &format!("id,name,city,updated_at\n1,a,b,{TIME}\n1,c,d,{TIME}\n"));
    let ran = place.expect(1, &["run", "sync.yaml", "-o", "json", "--report", "report.json"]);
    assert!(ran.stderr.starts_with("error: "), "{ran:#?}");
    assert_eq!(ran.json()["session"]["status"], "failed");
    assert_eq!(ran.json()["session"]["reason"]["code"], "data");
    assert!(place.read("report.json").contains("failed"));
    let sessions = place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(sessions[0]["status"], "failed");
}

#[test]
fn a_report_that_has_no_place_is_said_before_anything_is_done() {
    let place = Place::with_people(ONE_WAY, KEY);
    for report in ["people.csv/report.json", "nothing/report.json", "."] {
        let ran = place.expect(1, &["run", "sync.yaml", "--report", report]);
        assert!(ran.stderr.contains("cannot be written") && ran.stderr.contains("help: "), "{ran:#?}");
    }
    assert!(!place.path("sync.state.db").exists());
}

#[test]
fn the_outcome_of_a_session_is_told_although_its_report_cannot_be_written() {
    for (settings, code) in [(ONE_WAY, 1), (MANUAL, 3)] {
        let place = Place::with_people(settings, KEY);
        place.edit("people.csv", "name 7,", "seven,");
        std::fs::create_dir(place.path("reports")).unwrap();
        let writer = place.database("shop.db");
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        let run = place.start(&["run", "sync.yaml", "--report", "reports/report.json", "-o", "json"]);
        place.wait_for_session();
        std::fs::remove_dir_all(place.path("reports")).unwrap();
        writer.execute_batch("ROLLBACK").unwrap();
        let ran = Ran::of(run.wait_with_output().unwrap());
        assert_eq!(ran.code, code, "{ran:#?}");
        assert_eq!(ran.json()["session"]["status"], "completed", "{ran:#?}");
        assert!(ran.stderr.contains("error: the report reports/report.json cannot be written"), "{ran:#?}");
        assert!(ran.stderr.contains("help: pinksync report sync.yaml -o json"), "{ran:#?}");
    }
}

#[test]
fn another_state_file_is_another_memory() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml", "--state", "elsewhere.db"]);
    assert!(place.path("elsewhere.db").exists() && !place.path("sync.state.db").exists());
    let sessions = place.expect(0, &["--state", "elsewhere.db", "sessions", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(sessions.len(), 1);
    let ran = place.expect(0, &["sessions", "sync.yaml"]);
    assert!(ran.stderr.contains("no session yet: pinksync run sync.yaml"), "{ran:#?}");
}

#[test]
fn verify_full_is_counted_in_the_report() {
    let place = Place::with_people(&format!("{ONE_WAY}\noptions: {{verify: full}}"), KEY);
    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["verified"], json!({"equal": 25, "different": 0, "not_compared": 0}));
}

#[test]
fn an_empty_text_and_null_are_one_where_a_file_cannot_tell_them_apart() {
    let place = Place::with_people(MANUAL, KEY);
    place.sql("shop.db", "UPDATE people SET city = '' WHERE id = 1; UPDATE people SET city = NULL WHERE id = 2");
    place.edit("people.csv", "name 1,city 1,", "name 1,,");
    place.edit("people.csv", "name 2,city 2,", "name 2,,");
    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["adopted"], 25);
    // Both ways: neither an empty text of the table nor an empty field of the file is news.
    place.sql("shop.db", "UPDATE people SET city = NULL WHERE id = 1; UPDATE people SET city = '' WHERE id = 2");
    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["unchanged"], 25, "{report:#}");
    place
        .sql("shop.db", "UPDATE people SET name = 'One' WHERE id = 1; INSERT INTO people VALUES (30, 'new', '', NULL)");
    place.edit("people.csv", "name 2,,", "two,,");
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(
        place.value("shop.db", "SELECT group_concat(coalesce(city, 'NULL')) FROM people WHERE id IN (1, 2)"),
        "NULL,"
    );
    assert!(place.read("people.csv").contains("\n1,One,,") && place.read("people.csv").contains("\n30,new,,"));
    place.expect(0, &["verify", "sync.yaml"]);
}

#[test]
fn a_token_for_null_tells_it_from_an_empty_text() {
    let place = Place::with_people(MANUAL, KEY);
    place.edit("sync.yaml", "{type: csv, path: .}", "{type: csv, path: ., csv: {\"null\": \"NULL\"}}");
    place.sql("shop.db", "UPDATE people SET city = NULL WHERE id = 1");
    place.edit("people.csv", "name 1,city 1,", "name 1,,");
    let report = place.expect(3, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["conflicts"]["open"], 1);
}

#[test]
fn swapped_unique_values_are_told_from_a_value_that_is_taken() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.sql(
        "shop.db",
        "CREATE UNIQUE INDEX names ON people (name); INSERT INTO people VALUES (90, 'taken', NULL, NULL)",
    );
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "3,name 3,", "3,swap,");
    place.edit("people.csv", "4,name 4,", "4,name 3,");
    place.edit("people.csv", "3,swap,", "3,name 4,");
    place.edit("people.csv", "5,name 5,", "5,taken,");
    place.expect(3, &["run", "sync.yaml"]);
    let rejects = place.expect(0, &["rejects", "sync.yaml", "-o", "json"]).lines();
    let mut codes: Vec<String> = rejects.iter().map(|one| format!("{} {}", one["key"]["id"], one["code"])).collect();
    codes.sort();
    assert_eq!(codes, ["3 \"unique_cycle\"", "4 \"unique_cycle\"", "5 \"unique\""]);
}

#[test]
fn verify_written_counts_what_this_session_wrote() {
    let place = Place::with_people(&format!("{ONE_WAY}\noptions: {{verify: written}}"), KEY);
    place.write("people.csv", &people(28));
    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["verified"], json!({"equal": 3, "different": 0, "not_compared": 0}));
}

#[test]
fn a_mirror_deletes_what_the_source_never_had() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.sql("shop.db", "INSERT INTO people VALUES (99, 'only here', 'x', '2026-01-01 00:00:00')");
    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["target_only"], 1, "{report:#}");
    place.sync(ONE_WAY, &format!("{KEY}\nmirror: true"));
    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["to_target"], json!({"created": 0, "updated": 0, "deleted": 1}), "{report:#}");
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "25");
}

#[test]
fn deletes_that_are_ignored_leave_the_record_on_the_other_side() {
    let place = Place::with_people(TWO_WAY, &format!("{KEY}\ndeletes: ignore"));
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", &format!("9,name 9,city 9,{TIME}\n"), "");
    place.sql("shop.db", "DELETE FROM people WHERE id = 5");
    place.expect(0, &["run", "sync.yaml"]);
    assert!(place.read("people.csv").contains("\n5,") && !place.read("people.csv").contains("\n9,"));
    assert_eq!(place.value("shop.db", "SELECT group_concat(id) FROM people WHERE id IN (5, 9)"), "9");
}

#[test]
fn times_closer_than_the_tolerance_wait_for_a_person() {
    for (tolerance, code) in [("5s", 3), ("1s", 0)] {
        let place = Place::with_people(&format!("{TWO_WAY}\noptions: {{clock_tolerance: {tolerance}}}"), KEY);
        place.expect(0, &["run", "sync.yaml"]);
        place.edit("people.csv", &format!("7,name 7,city 7,{TIME}"), "7,crm,city 7,2026-02-01 00:00:00");
        place.sql("shop.db", "UPDATE people SET name = 'shop', updated_at = '2026-02-01 00:00:03' WHERE id = 7");
        place.expect(code, &["run", "sync.yaml"]);
    }
}

#[test]
fn a_field_may_have_a_strategy_of_its_own() {
    let settings = format!("{TWO_WAY}\nmerge: field");
    let place = Place::with_people(&settings, &format!("{KEY}\nfields: {{city: {{strategy: source_wins}}}}"));
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", &format!("7,name 7,city 7,{TIME}"), "7,crm,Bern,2026-02-01 00:00:00");
    place.sql(
        "shop.db",
        "UPDATE people SET name = 'shop', city = 'Thun', updated_at = '2026-02-02 00:00:00' WHERE id = 7",
    );
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(place.value("shop.db", "SELECT name || ' ' || city FROM people WHERE id = 7"), "shop Bern");
    assert!(place.read("people.csv").contains("7,shop,Bern,"));
}
