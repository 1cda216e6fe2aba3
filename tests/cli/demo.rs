//! `demo`: made once, run again without a write, started over only where a demo was.

use super::place::Place;

#[test]
fn the_demo_shows_everything_and_exits_0_although_a_conflict_is_open() {
    let place = Place::new();
    let ran = place.expect(0, &["demo"]);
    for part in [
        "pinksync run pinksync-demo/sync.yaml",
        "completed",
        "pinksync conflicts resolve",
        "pinksync undo",
        "pinksync init",
        "pinksync plan",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {ran:#?}");
    }
    let report = place.expect(0, &["report", "pinksync-demo/sync.yaml", "-o", "json"]).json();
    let dataset = &report["datasets"][0];
    for (to, action) in [
        ("to_target", "created"),
        ("to_source", "created"),
        ("to_target", "updated"),
        ("to_source", "updated"),
        ("to_target", "deleted"),
    ] {
        assert!(dataset[to][action].as_u64().unwrap() > 0, "{to} {action}: {dataset:#}");
    }
    assert_eq!((dataset["conflicts"]["resolved"].as_u64(), dataset["conflicts"]["open"].as_u64()), (Some(1), Some(1)));
    assert!(report["warnings"].as_array().unwrap().is_empty(), "{report:#}");
    place.expect(3, &["run", "pinksync-demo/sync.yaml"]);
}

#[test]
fn the_commands_that_the_demo_ends_with_work() {
    let place = Place::new();
    place.expect(0, &["demo"]);
    let file = "pinksync-demo/sync.yaml";
    let open = place.expect(0, &["conflicts", "list", file, "-o", "json"]).lines();
    assert_eq!(open.len(), 1);
    place.expect(0, &["plan", file]);
    place.expect(0, &["conflicts", "resolve", file, open[0]["id"].as_str().unwrap(), "--take", "source"]);
    place.expect(0, &["run", file]);
    place.expect(0, &["verify", file]);
    // The conflict is open again, and then also the one that the strategy had settled.
    place.expect(3, &["undo", file, "--yes"]);
    place.expect(3, &["undo", file, "--yes"]);
    place.expect(3, &["run", file]);
}

#[test]
fn called_again_it_runs_once_more_and_writes_nothing() {
    let place = Place::new();
    place.expect(0, &["demo", "here"]);
    let (csv, sync) = (place.read("here/crm/customers.csv"), place.read("here/sync.yaml"));
    let again = place.expect(0, &["demo", "here", "-o", "json"]).json();
    assert_eq!(again["datasets"][0]["to_target"]["created"], 0);
    assert_eq!(again["datasets"][0]["to_source"]["updated"], 0);
    assert_eq!(place.read("here/crm/customers.csv"), csv);
    place.edit("here/sync.yaml", "name: crm-and-shop", "name: mine");
    place.write("here/notes.txt", "mine");
    place.expect(0, &["demo", "here", "--fresh"]);
    assert_eq!(place.read("here/sync.yaml"), sync);
    assert_eq!(place.read("here/crm/customers.csv"), csv);
    assert_eq!(place.read("here/notes.txt"), "mine", "only what a demo made is made anew");
    assert_eq!(place.expect(0, &["sessions", "here/sync.yaml", "-o", "json"]).lines().len(), 2);
}

#[test]
fn a_folder_of_somebody_else_is_not_touched() {
    let place = Place::new();
    std::fs::create_dir(place.path("theirs")).unwrap();
    place.write("theirs/shop.db", "precious");
    for arguments in [&["demo", "theirs"][..], &["demo", "theirs", "--fresh"]] {
        let ran = place.expect(2, arguments);
        assert!(ran.stderr.contains("was not made by a demo"), "{ran:#?}");
    }
    assert_eq!(place.read("theirs/shop.db"), "precious");
    std::fs::create_dir(place.path("empty")).unwrap();
    place.expect(0, &["demo", "empty", "-q"]);
}
