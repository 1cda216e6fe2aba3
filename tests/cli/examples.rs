//! The example sync files are valid, and those that need no server run as they are.

use std::fs;
use std::path::{Path, PathBuf};

use super::place::Place;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

#[test]
fn every_example_is_valid() {
    let place = Place::new();
    let mut checked = 0;
    for entry in fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            place.expect(0, &["plan", path.to_str().unwrap(), "--check"]);
            checked += 1;
        }
    }
    assert!(checked >= 13, "{checked} examples were found");
}

#[test]
fn examples_without_a_server_run_as_they_are_and_a_second_time_write_nothing() {
    let readme = fs::read_to_string(examples().join("README.md")).unwrap();
    let runnable: Vec<&str> =
        readme.lines().filter(|line| line.contains("` * |")).filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(runnable.len(), 3, "{runnable:?}");
    for example in runnable {
        let place = Place::new();
        fs::create_dir(place.path("data")).unwrap();
        for entry in fs::read_dir(examples().join("data")).unwrap().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|ending| ending == "csv") {
                fs::copy(entry.path(), place.path("data").join(entry.file_name())).unwrap();
            }
        }
        fs::copy(examples().join(example), place.path(example)).unwrap();
        let written = || -> u64 {
            let report = place.expect(0, &["run", example, "-o", "json"]).json();
            let sides = ["to_source", "to_target"].map(|side| report["datasets"][0][side].clone());
            sides.iter().flat_map(|side| side.as_object().unwrap().values()).map(|count| count.as_u64().unwrap()).sum()
        };
        assert!(written() > 0, "{example}");
        assert_eq!(written(), 0, "{example}");
    }
}
