//! Guards over PostgreSQL in two_way: what the base was taken from has changed, so that nothing is deleted.

use super::support::Flow;

const TABLE: &str =
    "CREATE TABLE t (id int PRIMARY KEY, a text, b text, other int UNIQUE NOT NULL, updated_at timestamptz)";

fn two_way(flow: &Flow, dataset: &str) {
    flow.sync(&format!(
        "direction: two_way\nstrategy: source_wins\ndatasets:\n  - {{ source: public.t, {dataset} }}\n"
    ));
}

/// Thirty equal records on both sides, and a base of them.
fn agreed() -> Flow {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source("INSERT INTO t SELECT n, 'a' || n, 'b', n, '2026-01-01' FROM generate_series(1, 30) n");
    two_way(&flow, "key: [id]");
    assert_eq!(flow.session(0).written(), 30);
    flow
}

#[track_caller]
fn stopped_by(flow: &Flow, guard: &str) {
    flow.run(&["plan", "sync.yaml"]).expect(4);
    let report = flow.session(4);
    assert_eq!(report.0["session"]["status"], "failed");
    assert_eq!(report.0["session"]["reason"]["code"], format!("guard:{guard}"), "{}", report.0);
    assert_eq!(report.written(), 0);
}

#[test]
fn a_target_restored_empty_does_not_empty_the_source() {
    let flow = agreed();
    flow.target("TRUNCATE t");
    stopped_by(&flow, "empty_side");
    assert_eq!(flow.source_value("SELECT count(*) FROM t"), "30");
}

#[test]
fn another_definition_is_stopped_and_when_allowed_deletes_nothing() {
    for dataset in [
        "key: [other]",
        "key: [id], filter: {all: [{field: id, op: le, value: 25}]}",
        "key: [id], exclude: [b]",
        "key: [id], fields: { a: b, b: a }",
        "key: [id], modified_at: updated_at",
    ] {
        let flow = agreed();
        two_way(&flow, dataset);
        flow.target("DELETE FROM t WHERE id IN (3, 4)");
        let report = flow.session(4);
        assert_eq!(report.0["session"]["reason"]["code"], "guard:definition_changed", "{dataset}: {}", report.0);
        let allowed = flow.run(&["run", "sync.yaml", "--yes", "--allow", "definition_changed", "-o", "json"]);
        assert!(matches!(allowed.code, 0 | 3), "{dataset}: {}", allowed.stderr);
        assert_eq!(flow.source_value("SELECT count(*) FROM t"), "30", "{dataset}");
        assert_eq!(flow.target_value("SELECT count(*) FROM t"), "30", "{dataset}: made again, not deleted");
    }
}

#[test]
fn a_column_of_another_type_is_stopped() {
    let flow = agreed();
    flow.target("ALTER TABLE t ALTER b TYPE varchar(500)");
    stopped_by(&flow, "schema_drift");
}

#[test]
fn another_source_is_stopped() {
    let flow = agreed();
    let other = Flow::new();
    other.source(TABLE);
    let rest =
        "direction: two_way\nstrategy: source_wins\ndatasets:\n  - { source: public.t, target: public.t, key: [id] }\n";
    flow.write_file("sync.yaml", &other.source.side(), &flow.target.side(), rest);
    stopped_by(&flow, "different_system");
    assert_eq!(flow.target_value("SELECT count(*) FROM t"), "30");
}

#[test]
fn a_mirror_deletes_nothing_in_the_session_that_drops_its_base() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source("INSERT INTO t SELECT n, 'a' || n, 'b', n FROM generate_series(1, 30) n");
    let sync = |more: &str| {
        flow.sync(&format!(
            "strategy: source_wins\ndatasets:\n  - {{ source: public.t, key: [id], mirror: true{more} }}\n"
        ));
    };
    sync("");
    flow.session(0);
    flow.target("INSERT INTO t VALUES (100, 'of the target', 'b', 100)");
    sync(", exclude: [b]");
    assert_eq!(flow.session(4).0["session"]["reason"]["code"], "guard:definition_changed");
    let allowed = ["run", "sync.yaml", "--yes", "--allow", "definition_changed", "-o", "json"];
    flow.session_with(&allowed, 0).counts(&[("to_target.deleted", 0), ("adopted", 30)]);
    assert_eq!(flow.target_value("SELECT count(*) FROM t"), "31");
    flow.session(0).counts(&[("to_target.deleted", 1)]);
}
