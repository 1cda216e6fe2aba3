//! Every column type arrives as it was, or is refused with a name: nothing is cut, rounded, shifted or turned into NULL.

mod declared;
mod elsewhere_first;
mod samples;
mod there_and_back;

use crate::support::Flow;
use samples::{TYPES, fill};

/// Datasets of a sync file: one a type, each with the same settings.
fn datasets(indexes: impl Iterator<Item = usize>, from: &str, to: &str, more: &str) -> String {
    let line = |index| format!("  - {{ source: {from}t{index}, target: {to}t{index}, key: [id]{more} }}\n");
    format!("datasets:\n{}", indexes.map(line).collect::<String>())
}

#[test]
fn every_type_arrives_in_postgres_as_it_was() {
    let flow = Flow::new();
    fill(&flow);
    let all = datasets(0..TYPES.len(), "public.", "public.", "");
    flow.sync(&format!("strategy: source_wins\n{all}"));
    let report = flow.session(0);
    for (index, (ty, samples)) in TYPES.iter().enumerate() {
        assert_eq!(report.count_of(index, "to_target.created"), samples.len() as u64 + 1, "{ty}");
        assert_eq!(flow.assert_same(&format!("t{index}")), samples.len() as u64 + 1, "{ty}");
    }
    assert_eq!(flow.session(0).written(), 0, "a second session writes nothing");
    // Whatever the type, a change of either kind is seen and carried.
    for index in 0..TYPES.len() {
        flow.source(&format!("UPDATE t{index} SET v = (SELECT v FROM t{index} WHERE id = 0) WHERE id = 1000"));
        flow.source(&format!("UPDATE t{index} SET v = NULL WHERE id = 0"));
    }
    let report = flow.session(0);
    for (index, (ty, _)) in TYPES.iter().enumerate() {
        assert_eq!(report.count_of(index, "to_target.updated"), 2, "{ty}");
        flow.assert_same(&format!("t{index}"));
    }
}
