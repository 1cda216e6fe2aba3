//! Data on stdout, messages on stderr, no colours where nobody sees them, no panic where nobody reads.

use std::process::Stdio;

use super::place::{KEY, ONE_WAY, Place, Ran, people};

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let place = Place::with_people(ONE_WAY, KEY);
    // More than a pipe and our buffer hold together.
    place.write("people.csv", &people(20_000));
    for arguments in
        [&["plan", "sync.yaml", "-o", "json"][..], &["diff", "sync.yaml"], &["run", "sync.yaml"], &["demo"]]
    {
        let mut child = place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert!([0, 10].contains(&ran.code), "{arguments:?}: {ran:#?}");
        assert!(!ran.stderr.contains("error"), "{arguments:?}: {ran:#?}");
    }
    assert_eq!(place.value("shop.db", "SELECT count(*) FROM people"), "20000", "the run did its work");
}

#[test]
fn quiet_says_nothing_but_data() {
    let place = Place::with_people(ONE_WAY, KEY);
    for arguments in [
        &["run", "sync.yaml", "-q"][..],
        &["plan", "sync.yaml", "-q", "-o", "json"],
        &["conflicts", "list", "sync.yaml", "-q"],
    ] {
        assert_eq!(place.expect(0, arguments).stderr, "", "{arguments:?}");
    }
    assert_eq!(place.expect(0, &["conflicts", "list", "sync.yaml"]).stdout, "");
}

#[test]
fn nothing_is_coloured_where_it_is_no_terminal() {
    let place = Place::with_people(ONE_WAY, KEY);
    for arguments in [&["run", "sync.yaml", "-v"][..], &["plan", "sync.yaml"], &["--help"], &["run"]] {
        assert!(!place.pinksync(arguments).said().contains('\u{1b}'), "{arguments:?}");
    }
}

/// What is seen on a terminal while the command runs.
fn on_a_terminal(place: &Place, command: &str, colour: bool) -> String {
    let mut script = place.terminal(command);
    match colour {
        true => script.env_remove("NO_COLOR"),
        false => script.env("NO_COLOR", "1"),
    };
    String::from_utf8_lossy(&script.output().unwrap().stdout).into_owned()
}

#[test]
fn colours_on_a_terminal_are_left_out_where_that_is_wished() {
    let place = Place::with_people(ONE_WAY, KEY);
    // A colour ends in m; what moves the cursor of a bar does not.
    let coloured = |text: &str| {
        let codes = text.split("\u{1b}[").skip(1);
        codes.filter_map(|code| code.chars().find(|c| c.is_ascii_alphabetic())).any(|c| c == 'm')
    };
    assert!(coloured(&on_a_terminal(&place, "--help", true)));
    for command in ["--help", "plan sync.yaml", "run sync.yaml", "run"] {
        let seen = on_a_terminal(&place, command, false);
        assert!(!seen.is_empty() && !coloured(&seen), "{command}: {seen:?}");
    }
}

#[test]
fn a_terminal_sees_a_bar_of_every_command_that_takes_time() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.write("people.csv", &people(26));
    for command in ["plan sync.yaml", "verify sync.yaml", "diff sync.yaml", "run sync.yaml", "undo sync.yaml --yes"] {
        let seen = on_a_terminal(&place, command, true);
        assert!(seen.contains("planning"), "{command}: {seen:?}");
        let quiet = on_a_terminal(&place, &format!("{command} -q"), true);
        assert!(!quiet.contains("planning"), "{command}: {quiet:?}");
    }
}

#[test]
fn what_stands_in_the_data_is_not_obeyed_by_the_terminal() {
    let place = Place::with_people(ONE_WAY, KEY);
    place.edit("people.csv", "name 7,", "\u{1b}[2Jseven,");
    assert!(!place.expect(0, &["plan", "sync.yaml"]).said().contains('\u{1b}'));
    assert!(!place.expect(10, &["diff", "sync.yaml"]).said().contains('\u{1b}'));
}
