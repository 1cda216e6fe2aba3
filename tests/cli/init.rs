//! `init`: the sync file that it writes can be planned and run.

use super::place::{KEY, ONE_WAY, Place, people};

#[test]
fn what_exists_on_both_sides_is_paired_with_key_and_time() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.sql("shop.db", "CREATE TABLE orders (id INTEGER PRIMARY KEY)");
    let ran = place.expect(0, &["init", "new.yaml", "--source", "csv:.", "--target", "shop.db"]);
    assert!(ran.stderr.contains("pinksync plan new.yaml"), "{ran:#?}");
    let text = place.read("new.yaml");
    for part in ["target: people", "key: [id]", "modified_at: updated_at", "# only at the target: orders"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    place.expect(0, &["plan", "new.yaml"]);
    let report = place.expect(0, &["run", "new.yaml", "-o", "json"]).json();
    assert_eq!(report["datasets"][0]["adopted"], 25);
}

#[test]
fn an_empty_target_is_created() {
    let place = Place::new();
    place.write("people.csv", &people(3));
    place.expect(0, &["init", "sync.yaml", "--source", "people.csv", "--target", "sqlite:new.db"]);
    assert!(place.read("sync.yaml").contains("create_target: true"), "{}", place.read("sync.yaml"));
    assert!(!place.path("new.db").exists());
    place.expect(0, &["run", "sync.yaml"]);
    assert_eq!(place.value("new.db", "SELECT count(*) FROM people"), "3");
    // And from there into a CSV file that does not exist either.
    place.expect(0, &["init", "back.yaml", "--source", "new.db", "--target", "copy.csv"]);
    place.expect(0, &["run", "back.yaml"]);
    assert_eq!(place.read("copy.csv").lines().count(), 4);
}

#[test]
fn a_file_is_not_overwritten_unless_told_to() {
    let place = Place::with_people(ONE_WAY, KEY);
    let before = place.read("sync.yaml");
    let arguments = ["init", "sync.yaml", "--source", "people.csv", "--target", "shop.db"];
    let ran = place.expect(2, &arguments);
    assert!(ran.stderr.contains("--force"), "{ran:#?}");
    assert_eq!(place.read("sync.yaml"), before);
    place.expect(0, &[&arguments[..], &["--force"]].concat());
    assert_ne!(place.read("sync.yaml"), before);
}

#[test]
fn the_delimiter_of_a_file_is_seen() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &people(25).replace(',', ";"));
    place.expect(0, &["init", "new.yaml", "--source", "people.csv", "--target", "shop.db"]);
    assert!(place.read("new.yaml").contains("delimiter: \";\""), "{}", place.read("new.yaml"));
    place.expect(0, &["run", "new.yaml"]);
}

#[test]
fn a_path_is_written_relative_to_the_sync_file() {
    let place = Place::with_people(ONE_WAY, KEY);
    std::fs::create_dir(place.path("syncs")).unwrap();
    place.expect(0, &["init", "syncs/new.yaml", "--source", "people.csv", "--target", "shop.db"]);
    place.expect(0, &["plan", "syncs/new.yaml"]);
}

#[test]
fn addresses_that_mean_nothing_are_wrong_usage() {
    let place = Place::with_people(ONE_WAY, KEY);
    for source in ["mysql://a/b", "what", "${PINKSYNC_NO_SUCH}"] {
        let ran = place.expect(2, &["init", "new.yaml", "--source", source, "--target", "shop.db"]);
        assert!(ran.stderr.contains("--source") && ran.stderr.contains("postgres://"), "{ran:#?}");
    }
    assert!(!place.path("new.yaml").exists());
    place.expect(1, &["init", "new.yaml", "--source", "missing.db", "--target", "shop.db"]);
}
