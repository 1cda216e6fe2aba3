//! What is said where somebody is stuck: what is wrong, by name, and what to do.

use super::place::{KEY, MANUAL, ONE_WAY, Place, people};

#[test]
fn the_doctor_asks_for_what_the_sync_will_do() {
    let place = Place::new();
    place.write("people.csv", &people(3));
    let file = |direction: &str| {
        place.write(
            "sync.yaml",
            &format!(
                "{direction}\nsource: {{type: csv, path: .}}\ntarget: {{type: sqlite, path: new.db}}\n\
                 datasets:\n  - {{source: people.csv, key: [id], create_target: true}}\n"
            ),
        );
    };
    let steps = |direction: &str, about: &str| -> Vec<String> {
        file(direction);
        let lines = place.expect(0, &["doctor", "sync.yaml", "-o", "json"]).lines();
        let of_side = lines.iter().filter(|line| line["about"] == about);
        of_side.map(|line| line["step"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(steps(ONE_WAY, "source"), ["resolve", "read"], "a source of one_way is not written");
    assert_eq!(steps(MANUAL, "source"), ["resolve", "read", "write"]);
    assert_eq!(steps(ONE_WAY, "target"), ["open"]);
    let text = place.expect(0, &["doctor", "sync.yaml"]);
    assert!(text.stdout.contains("new.db is made by the first run"), "{text:#?}");
    assert!(text.stdout.contains("1 dataset,"), "{text:#?}");
    place.edit("sync.yaml", "new.db", "nowhere/new.db");
    assert!(place.expect(1, &["doctor", "sync.yaml"]).stdout.contains("check `path`"));
}

#[test]
fn a_session_that_is_not_there_is_named_with_the_list() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.expect(0, &["run", "sync.yaml"]);
    for command in ["undo", "report", "rejects"] {
        let ran = place.expect(2, &[command, "sync.yaml", "--session", "deadbeef"]);
        let said = "there is no session `deadbeef`; `pinksync sessions FILE` lists them";
        assert!(ran.stderr.contains(said), "{ran:#?}");
    }
    let ran = place.expect(1, &["report", "sync.yaml", "--session", "0198c0de-0000-7000-8000-000000000000"]);
    assert!(ran.stderr.contains("0198c0de") && ran.stderr.contains("pinksync sessions"), "{ran:#?}");
}

#[test]
fn a_pattern_without_a_value_asks_for_one() {
    let place = Place::with_people(ONE_WAY, &format!("{KEY}\nfilter: {{field: name, op: like}}"));
    let ran = place.expect(2, &["plan", "sync.yaml"]);
    assert!(ran.stderr.contains("`like` has no pattern") && ran.stderr.contains("value: \"A%\""), "{ran:#?}");
    assert!(!ran.stderr.contains("NULL"), "{ran:#?}");
}

#[test]
fn what_takes_no_writes_is_told_and_not_suggested() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.sql("shop.db", "ALTER TABLE people RENAME TO all_people; CREATE VIEW people AS SELECT * FROM all_people");
    let ran = place.expect(2, &["plan", "sync.yaml"]);
    assert!(ran.stderr.contains("people of the target takes no writes") && ran.stderr.contains("help:"), "{ran:#?}");
    let ran = place.expect(0, &["init", "new.yaml", "--source", "people.csv", "--target", "shop.db"]);
    assert!(ran.stderr.contains("left out: people of the target takes no writes"), "{ran:#?}");
    assert!(place.read("new.yaml").contains("target: all_people"), "{}", place.read("new.yaml"));
}

#[test]
fn a_pattern_among_rules_is_told_where_it_belongs() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write(
        "sync.yaml",
        "source: {type: sqlite, path: shop.db}\ntarget: {type: csv, path: .}\ndatasets:\n  - {source: \"p*\", target: people.csv}\n",
    );
    let ran = place.expect(2, &["plan", "sync.yaml"]);
    assert!(ran.stderr.contains("no dataset `p*`") && ran.stderr.contains("stands by itself"), "{ran:#?}");
}

#[test]
fn a_conflict_over_hashes_does_not_say_that_there_was_nothing() {
    let place = Place::with_people(&format!("{MANUAL}\noptions: {{base: hashes}}"), KEY);
    place.expect(0, &["run", "sync.yaml"]);
    place.edit("people.csv", "name 7,", "seven,");
    place.sql("shop.db", "UPDATE people SET name = 'Seven' WHERE id = 7");
    place.expect(3, &["run", "sync.yaml"]);
    let shown = place.expect(0, &["conflicts", "show", "sync.yaml", "c1"]);
    assert!(shown.stdout.contains("the base keeps hashes") && !shown.stdout.contains("absent"), "{shown:#?}");
}
