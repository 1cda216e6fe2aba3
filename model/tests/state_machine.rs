//! docs/state-machine.md, the checks in migrations/ and the Rust enum name the same states and moves.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pinksync_model::SessionStatus;

type Moves = BTreeSet<(String, String)>;

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)).unwrap()
}

/// What stands in docs/state-machine.md under a heading of the second level.
fn section(name: &str) -> String {
    let document = text("docs/state-machine.md");
    let found = document.split("\n## ").find(|part| part.starts_with(name)).unwrap();
    found.to_owned()
}

/// The rows of its table: names in backticks in the first two columns.
fn table(section: &str) -> Moves {
    let rows: Vec<(String, String)> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| {
            let mut names = row.split('`');
            (names.next().unwrap().to_owned(), names.nth(1).unwrap().to_owned())
        })
        .collect();
    let moves: Moves = rows.iter().cloned().collect();
    assert_eq!(moves.len(), rows.len(), "a move has two rows");
    moves
}

/// The arrows of its diagram.
fn diagram(section: &str) -> Moves {
    let arrows = section.lines().filter_map(|line| line.trim().split_once(" --> "));
    let arrows = arrows.filter(|(from, to)| *from != "[*]" && *to != "[*]");
    arrows.map(|(from, to)| (from.to_owned(), to.to_owned())).collect()
}

/// The states that the column `status` of a table may have.
fn stored(table: &str) -> BTreeSet<String> {
    let sql = text("migrations/0003_create_sessions.sql");
    let begin = sql.find(&format!("CREATE TABLE {table} (")).unwrap();
    let list = sql[begin..].split("status IN (").nth(1).unwrap().split(')').next().unwrap();
    list.split(',').map(|name| name.trim().trim_matches('\'').to_owned()).collect()
}

fn states(moves: &Moves) -> BTreeSet<String> {
    moves.iter().flat_map(|(from, to)| [from.clone(), to.clone()]).collect()
}

#[test]
fn a_session_moves_as_the_document_says() {
    let section = section("Sessions");
    let documented = table(&section);
    for from in SessionStatus::ALL {
        for to in SessionStatus::ALL {
            let named = documented.contains(&(from.to_string(), to.to_string()));
            assert_eq!(from.can_become(to), named, "{from} to {to}");
        }
    }
    assert_eq!(diagram(&section), documented);
    assert_eq!(states(&documented), stored("sessions"));
    assert_eq!(stored("sessions"), SessionStatus::ALL.map(|status| status.to_string()).into());
}

#[test]
fn a_task_has_the_states_of_the_document() {
    let section = section("Tasks");
    let documented = table(&section);
    assert_eq!(diagram(&section), documented);
    assert_eq!(states(&documented), stored("tasks"));
}
