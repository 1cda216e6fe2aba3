//! What is asked on a terminal before something is taken back, and what an answer does.

use std::io::Write;
use std::process::Stdio;

use super::place::{KEY, ONE_WAY, Place, Ran, TIME, people};

/// Answers the question of `undo` on a terminal.
fn undo(place: &Place, answer: &str) -> Ran {
    let mut script = place.terminal("undo sync.yaml").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    script.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let ran = Ran::of(script.wait_with_output().unwrap());
    assert!(ran.stdout.contains("[y/N]"), "{answer:?}: {ran:#?}");
    ran
}

#[test]
fn only_a_yes_agrees() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &format!("{}26,new,x,{TIME}\n", people(25)));
    place.expect(0, &["run", "sync.yaml"]);
    let count = || place.value("shop.db", "SELECT count(*) FROM people");
    for answer in ["n\n", "\n", "yesterday\n"] {
        let ran = undo(&place, answer);
        assert!(ran.code == 1 && ran.stdout.contains("nothing was done"), "{answer:?}: {ran:#?}");
        assert_eq!(count(), "26", "{answer:?}");
    }
    let ran = undo(&place, "Y\n");
    assert_eq!((ran.code, count().as_str()), (0, "25"), "{ran:#?}");
}
