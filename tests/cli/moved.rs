//! A file that somebody else keeps changing: the session is paused, and goes on once the file is left in peace.

use std::fs::File;
use std::time::SystemTime;

use serde_json::json;

use super::place::{KEY, PEOPLE_TABLE, Place, Ran, TIME, TWO_WAY, people};

const MANY: u32 = 20_000;

#[test]
fn a_file_that_is_changed_all_the_time_pauses_the_session() {
    let place = Place::new();
    place.write("people.csv", &people(MANY));
    place.sql("shop.db", PEOPLE_TABLE);
    place.sql("shop.db", &format!("INSERT INTO people VALUES (100001, 'of the shop', 'city', '{TIME}')"));
    place.sync(TWO_WAY, KEY);
    let mut run = place.start(&["run", "sync.yaml"]);
    while run.try_wait().unwrap().is_none() {
        let file = File::options().append(true).open(place.path("people.csv")).unwrap();
        file.set_modified(SystemTime::now()).unwrap();
    }
    let ran = Ran::of(run.wait_with_output().unwrap());
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.stderr.contains("people.csv was changed by somebody else"), "{ran:#?}");
    assert!(ran.stderr.contains("goes on with pinksync run sync.yaml"), "{ran:#?}");
    assert!(place.read("people.csv") == people(MANY));
    let sessions = || place.expect(0, &["sessions", "sync.yaml", "-o", "json"]).lines();
    let paused = sessions();
    assert_eq!((paused.len(), &paused[0]["status"]), (1, &json!("paused")), "{paused:?}");

    let report = place.expect(0, &["run", "sync.yaml", "-o", "json"]).json();
    assert_eq!((&report["session"]["id"], sessions().len()), (&paused[0]["id"], 1), "{report:#}");
    let dataset = &report["datasets"][0];
    assert_eq!(dataset["to_target"], json!({"created": MANY, "updated": 0, "deleted": 0}), "{dataset:#}");
    assert_eq!(dataset["to_source"], json!({"created": 1, "updated": 0, "deleted": 0}), "{dataset:#}");

    place.expect(0, &["undo", "sync.yaml", "--yes"]);
    assert!(place.read("people.csv") == people(MANY));
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "1");
}
