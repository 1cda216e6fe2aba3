//! Inputs that are wrong: what is said, and with which exit code.

use super::place::{KEY, MANUAL, ONE_WAY, Place, TIME, people, sync_text};

#[test]
fn all_mistakes_of_a_sync_file_are_told_at_once() {
    let place = Place::with_people(ONE_WAY, "key: [id]\nmodifiedat: x");
    place.edit("sync.yaml", "strategy: source_wins", "stategy: source_wins\noptions: {batch_size: 1001}");
    let ran = place.expect(2, &["run", "sync.yaml"]);
    for part in ["stategy", "options.batch_size", "1000", "modifiedat", "datasets[0]"] {
        assert!(ran.stderr.contains(part), "{part}: {ran:#?}");
    }
    assert!(ran.stderr.contains("3 mistakes") && ran.stderr.contains("help: "), "{ran:#?}");
    assert!(!place.path("sync.state.db").exists());
    place.expect(2, &["plan", "sync.yaml"]);
    let checked = place.expect(2, &["plan", "sync.yaml", "--check", "-o", "json"]);
    assert_eq!(checked.json()["mistakes"].as_array().unwrap().len(), 3);
}

#[test]
fn a_variable_that_is_not_set_is_a_mistake_of_a_run_and_none_of_a_check() {
    let place = Place::new();
    place.write("sync.yaml", &sync_text(ONE_WAY, "\"${PINKSYNC_NO_SUCH_PATH}\"", KEY));
    let ran = place.expect(2, &["run", "sync.yaml"]);
    assert!(ran.stderr.contains("PINKSYNC_NO_SUCH_PATH"), "{ran:#?}");
    let ran = place.expect(0, &["plan", "sync.yaml", "--check"]);
    assert!(ran.stdout.contains("valid") && ran.stderr.contains("PINKSYNC_NO_SUCH_PATH"), "{ran:#?}");
}

#[test]
fn a_file_that_is_not_there_is_wrong_usage() {
    let place = Place::new();
    for command in ["run", "plan", "verify", "diff", "sessions", "rejects", "doctor"] {
        let ran = place.expect(2, &[command, "nothing.yaml"]);
        assert!(ran.stderr.contains("nothing.yaml") && ran.stderr.contains("help: "), "{ran:#?}");
    }
    assert_eq!(std::fs::read_dir(place.path(".")).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_key_column_that_is_missing_is_named() {
    let place = Place::with_people(ONE_WAY, "key: [customer_no]");
    for command in ["plan", "run"] {
        let ran = place.expect(2, &[command, "sync.yaml"]);
        assert!(ran.stderr.contains("customer_no") && ran.stderr.contains("updated_at"), "{ran:#?}");
    }
}

#[test]
fn keys_that_cannot_be_compared_are_refused() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.sql(
        "shop.db",
        "DROP TABLE people; CREATE TABLE people (id REAL PRIMARY KEY NOT NULL, name TEXT, city TEXT, updated_at TEXT)",
    );
    let ran = place.expect(2, &["run", "sync.yaml"]);
    assert!(ran.stderr.contains("`id`") && ran.stderr.contains("key") && ran.stderr.contains("help: "), "{ran:#?}");
    assert!(!place.read("sync.yaml").is_empty() && place.value("shop.db", "SELECT count(*) FROM people") == "0");
}

#[test]
fn duplicate_keys_are_named_and_nothing_is_written() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &format!("{}7,again,x,{TIME}\n90,new,x,{TIME}\n", people(25)));
    let ran = place.expect(1, &["run", "sync.yaml"]);
    let named = ran.stderr.lines().next().unwrap();
    assert!(named.contains("people.csv") && named.ends_with("repeats a key that another row has: 7"), "{ran:#?}");
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "25");
}

#[test]
fn malformed_lines_become_rejects_with_their_line_numbers() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &format!("{}28,only two\n29,new,x,{TIME}\nnot a number,a,b,{TIME}\n", people(27)));
    let ran = place.expect(3, &["run", "sync.yaml", "-o", "json"]);
    assert_eq!(ran.json()["datasets"][0]["rejected"], 2, "{ran:#?}");
    let rejects = place.expect(0, &["rejects", "sync.yaml", "-o", "json"]).lines();
    let lines: Vec<_> = rejects.iter().map(|reject| reject["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [29, 31], "{rejects:#?}");
    assert!(
        rejects
            .iter()
            .all(|reject| reject["side"] == "source" && reject["dataset"].as_str().unwrap().starts_with("people"))
    );
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "28");
    let text = place.expect(0, &["rejects", "sync.yaml"]);
    assert!(text.stdout.contains("29") && text.stdout.contains("reason"), "{text:#?}");
}

#[test]
fn a_record_of_twelve_megabytes_is_left_out_and_the_others_are_not() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &format!("{}26,{},x,{TIME}\n27,small,x,{TIME}\n", people(25), "x".repeat(12_000_000)));
    let ran = place.expect(3, &["run", "sync.yaml", "-o", "json"]);
    assert_eq!(ran.json()["datasets"][0]["rejected"], 1, "{ran:#?}");
    assert_eq!(place.value("shop.db", "SELECT group_concat(id) FROM people WHERE id > 25"), "27");
    let rejects = place.expect(0, &["rejects", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(rejects[0]["line"], 27, "{rejects:#?}");
}

#[test]
fn a_target_that_cannot_be_written_is_said_so() {
    let place = Place::with_people(ONE_WAY, "key: [id]\ncreate_target: true");
    place.write("sync.yaml", &sync_text(ONE_WAY, "people.csv/shop.db", "key: [id]\ncreate_target: true"));
    let ran = place.expect(1, &["run", "sync.yaml"]);
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains("people.csv"), "{ran:#?}");
    assert!(ran.stderr.contains("\nhelp: "), "{ran:#?}");
    assert_eq!(place.read("people.csv"), people(25));
    let mut left = std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.all(|name| !name.to_string_lossy().contains("staging")), "nothing half-made is left");
}

#[test]
fn a_folder_of_files_that_cannot_be_written_is_said_so() {
    let place = Place::with_people(ONE_WAY, KEY);
    let sides = "source: {type: sqlite, path: shop.db}\ntarget: {type: csv, path: people.csv/out}";
    let dataset = "datasets:\n  - {source: people, create_target: true}";
    place.write("sync.yaml", &format!("{ONE_WAY}\n{sides}\n{dataset}\n"));
    let source = std::fs::read(place.path("shop.db")).unwrap();
    let ran = place.expect(1, &["run", "sync.yaml"]);
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains("people.csv/out"), "{ran:#?}");
    assert!(ran.stderr.contains("\nhelp: "), "{ran:#?}");
    assert!(std::fs::read(place.path("shop.db")).unwrap() == source, "the source is as it was");
    assert_eq!(place.read("people.csv"), people(25));
    let left =
        std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| !name.starts_with("sync.state.db")).collect();
    assert_eq!(left.len(), 3, "nothing half-made is left: {left:?}");
}

#[test]
fn a_record_that_the_target_refuses_is_left_out_and_its_neighbours_are_not() {
    let place = Place::with_people(MANUAL, KEY);
    place.sql("shop.db", "CREATE TRIGGER refuse BEFORE INSERT ON people WHEN new.name = 'bad' BEGIN SELECT RAISE(ABORT, 'no bad names'); END");
    place.write("people.csv", &format!("{}26,good,x,{TIME}\n27,bad,x,{TIME}\n28,good,x,{TIME}\n", people(25)));
    place.expect(3, &["run", "sync.yaml"]);
    let rejects = place.expect(0, &["rejects", "sync.yaml", "-o", "json"]).lines();
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0]["key"]["id"], 27);
    assert!(rejects[0]["reason"].as_str().unwrap().contains("no bad names"));
    assert_eq!(place.value("shop.db", "SELECT group_concat(id) FROM people WHERE id > 25"), "26,28");
}

#[test]
fn a_target_that_does_not_exist_says_how_to_have_it_made() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.sql("shop.db", "DROP TABLE people");
    let ran = place.expect(2, &["run", "sync.yaml"]);
    assert!(ran.stderr.contains("create_target: true"), "{ran:#?}");
}

#[test]
fn unknown_arguments_are_wrong_usage() {
    let place = Place::with_people(ONE_WAY, KEY);
    for arguments in [
        &["run"][..],
        &["run", "sync.yaml", "--allow", "everything"],
        &["run", "sync.yaml", "--faster"],
        &["run", "sync.yaml", "-o", "xml"],
        &["run", "sync.yaml", "--plan", "nothing.plan"],
        &["conflicts", "resolve", "sync.yaml", "c1"],
        &["conflicts", "resolve", "sync.yaml", "c1", "--take", "both"],
        &["conflicts", "resolve", "sync.yaml", "c1", "--take", "source", "--value", "{}"],
        &["conflicts", "resolve", "sync.yaml", "c1", "--value", "not json"],
        &["undo", "sync.yaml", "--session", "yesterday"],
        &["synchronise"],
        &[],
    ] {
        let ran = place.expect(2, arguments);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{arguments:?}: {ran:#?}");
    }
    place.write("damaged.plan", "no plan");
    let ran = place.expect(2, &["run", "sync.yaml", "--plan", "damaged.plan"]);
    assert!(ran.stderr.contains("plan"), "{ran:#?}");
}

#[test]
fn one_sqlite_file_cannot_be_both_sides() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.sql("shop.db", "CREATE TABLE copies (id INTEGER PRIMARY KEY, name TEXT)");
    for direction in ["one_way", "two_way"] {
        let sides = "source: {type: sqlite, path: shop.db}\ntarget: {type: sqlite, path: ./shop.db}";
        place.write(
            "sync.yaml",
            &format!("direction: {direction}\n{sides}\ndatasets:\n  - {{source: people, target: copies}}\n"),
        );
        for command in ["run", "plan"] {
            let ran = place.expect(2, &[command, "sync.yaml"]);
            assert!(ran.stderr.contains("both sides are") && ran.stderr.contains("help: move the tables"), "{ran:#?}");
        }
    }
}

#[test]
fn reading_by_cursor_is_a_mistake_of_the_file_as_long_as_there_is_none() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.edit("sync.yaml", "strategy: source_wins", "stategy: x\noptions: {incremental: cursor}");
    for arguments in [&["plan", "sync.yaml", "--check"][..], &["run", "sync.yaml"]] {
        let ran = place.expect(2, arguments);
        for part in ["2 mistakes", "stategy", "options.incremental", "write `incremental: full`"] {
            assert!(ran.said().contains(part), "{part}: {ran:#?}");
        }
    }
}
