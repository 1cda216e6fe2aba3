//! Several tables with foreign keys between them.

use super::support::Flow;

const TABLES: &str = "CREATE TABLE zones (id int PRIMARY KEY, name text); \
    CREATE TABLE accounts (id int PRIMARY KEY, zone int REFERENCES zones, boss int REFERENCES accounts, name text); \
    CREATE TABLE bills (id int PRIMARY KEY, account int NOT NULL REFERENCES accounts, total numeric)";

fn fill(flow: &Flow) {
    flow.source("INSERT INTO zones SELECT n, 'zone ' || n FROM generate_series(1, 30) n");
    flow.source("INSERT INTO accounts SELECT n, n % 30 + 1, NULL, 'a' || n FROM generate_series(1, 300) n");
    flow.source("UPDATE accounts SET boss = 301 - id");
    flow.source("INSERT INTO bills SELECT n, n % 300 + 1, n FROM generate_series(1, 1000) n");
}

#[test]
fn parents_come_first_and_children_go_first() {
    let flow = Flow::new();
    flow.both(TABLES);
    fill(&flow);
    flow.sync("strategy: source_wins\ndatasets: [\"public.*\"]\n");
    let report = flow.session(0);
    let created: u64 = (0..3).map(|dataset| report.count_of(dataset, "to_target.created")).sum();
    assert_eq!(created, 1330, "{}", report.0);
    for table in ["zones", "accounts", "bills"] {
        flow.assert_same(table);
    }
    flow.source(
        "UPDATE accounts SET boss = NULL; DELETE FROM bills WHERE account <= 20; DELETE FROM accounts WHERE id <= 20",
    );
    let report = flow.session(0);
    let deleted: u64 = (0..3).map(|dataset| report.count_of(dataset, "to_target.deleted")).sum();
    assert!(deleted > 80, "{}", report.0);
    for table in ["zones", "accounts", "bills"] {
        flow.assert_same(table);
    }
}

#[test]
fn a_record_with_dependents_that_the_sync_does_not_know_is_not_deleted() {
    let flow = Flow::new();
    flow.both("CREATE TABLE zones (id int PRIMARY KEY, name text)");
    flow.target("CREATE TABLE notes (id int PRIMARY KEY, zone int REFERENCES zones ON DELETE CASCADE)");
    flow.source("INSERT INTO zones SELECT n, 'zone ' || n FROM generate_series(1, 30) n");
    flow.sync("strategy: source_wins\ndatasets:\n  - { source: public.zones, key: [id] }\n");
    flow.session(0);
    flow.target("INSERT INTO notes VALUES (1, 5)");
    flow.source("DELETE FROM zones WHERE id IN (5, 6)");
    flow.session(3).counts(&[("to_target.deleted", 1), ("rejected", 1)]);
    assert_eq!(flow.target_value("SELECT count(*) FROM notes"), "1");
    assert!(flow.run(&["rejects", "sync.yaml", "-o", "json"]).stdout.contains("has_dependents"));
}
