//! PostgreSQL to PostgreSQL: loads, changes, skips, deletes, transforms.

use super::support::Flow;

const TABLE: &str = "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, email text, balance numeric(12,2), \
                     seen timestamptz, active boolean, updated_at timestamptz)";

const ROWS: &str = "INSERT INTO customers SELECT n, 'name ' || n, CASE WHEN n % 7 = 0 THEN NULL ELSE 'e' || n || '@example.org' END, \
                    n * 1.25, timestamptz '2024-01-01' + n * interval '1 minute', n % 2 = 0, now() FROM generate_series(1, {count}) n";

/// Statement that makes customers 1 to `count`.
fn rows(count: u32) -> String {
    ROWS.replace("{count}", &count.to_string())
}

fn one_way(flow: &Flow, strategy: &str) {
    flow.sync(&format!("strategy: {strategy}\ndatasets:\n  - {{ source: public.customers, key: [id] }}\n"));
}

#[test]
fn a_first_load_copies_everything_and_the_next_session_reads_nothing() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source(&rows(25000));
    one_way(&flow, "source_wins");
    flow.session(0).counts(&[("to_target.created", 25_000), ("read.source", 25_000), ("rejected", 0)]);
    assert_eq!(flow.assert_same("customers"), 25_000);
    flow.session(0).counts(&[
        ("read.source", 0),
        ("read.skipped_unchanged", 25_000),
        ("unchanged", 25_000),
        ("to_target.created", 0),
    ]);
}

#[test]
fn creates_updates_and_deletes_follow_the_source() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source(&rows(5000));
    one_way(&flow, "source_wins");
    flow.session(0);
    flow.source("UPDATE customers SET balance = balance + 1 WHERE id % 50 = 0; DELETE FROM customers WHERE id BETWEEN 100 AND 149;");
    flow.source("INSERT INTO customers SELECT n, 'new ' || n FROM generate_series(5001, 5010) n");
    flow.session(0).counts(&[
        ("to_target.created", 10),
        ("to_target.updated", 99),
        ("to_target.deleted", 50),
        ("to_source.updated", 0),
    ]);
    assert_eq!(flow.assert_same("customers"), 4960);
    flow.session(0).counts(&[("to_target.created", 0), ("to_target.updated", 0), ("to_target.deleted", 0)]);
}

#[test]
fn drift_is_kept_or_overwritten_as_the_strategy_says() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source(&rows(100));
    one_way(&flow, "manual");
    flow.session(0);
    flow.target("UPDATE customers SET name = 'drifted' WHERE id = 7");
    flow.session(0).counts(&[("drift", 1), ("to_target.updated", 0), ("unchanged", 99)]);
    flow.session(0).counts(&[("drift", 1)]);
    one_way(&flow, "source_wins");
    flow.session(0).counts(&[("drift", 0), ("to_target.updated", 1)]);
    assert_eq!(flow.assert_same("customers"), 100);
}

#[test]
fn a_target_that_transforms_causes_no_further_writes() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.target("CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$");
    flow.target("CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION shout()");
    flow.source(&rows(100));
    one_way(&flow, "source_wins");
    flow.session(0).counts(&[("to_target.created", 100), ("transformed", 100)]);
    flow.session(0).counts(&[("to_target.updated", 0), ("to_target.created", 0), ("unchanged", 100)]);
    flow.source("UPDATE customers SET email = 'changed' WHERE id = 3");
    flow.session(0).counts(&[("to_target.updated", 1)]);
    flow.session(0).counts(&[("to_target.updated", 0)]);
    assert_eq!(flow.target_value("SELECT name || email FROM customers WHERE id = 3"), "NAME 3changed");
}

#[test]
fn undo_brings_back_rows_and_base() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source(&rows(500));
    one_way(&flow, "source_wins");
    flow.session(0);
    let (_, before) = flow.digest("customers");
    flow.source("UPDATE customers SET name = 'u' WHERE id <= 10; DELETE FROM customers WHERE id > 490; INSERT INTO customers VALUES (1000, 'n')");
    let first = flow.session(0);
    flow.run(&["undo", "sync.yaml", "--yes"]).expect(0);
    assert_eq!(flow.digest("customers").1, before);
    let again = flow.session(0);
    for counter in ["to_target.created", "to_target.updated", "to_target.deleted"] {
        assert_eq!(first.count(counter), again.count(counter), "{counter}");
    }
    flow.assert_same("customers");
}

#[test]
fn the_filter_holds_on_both_sides() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source(&rows(100));
    flow.sync("strategy: source_wins\ndatasets:\n  - source: public.customers\n    key: [id]\n    filter: {all: [{field: active, op: eq, value: true}]}\n");
    flow.session(0).counts(&[("to_target.created", 50)]);
    flow.source("UPDATE customers SET active = false WHERE id = 2");
    flow.session(0).counts(&[("out_of_scope", 1), ("to_target.deleted", 0), ("to_target.updated", 0)]);
    assert_eq!(flow.target_value("SELECT active::text FROM customers WHERE id = 2"), "true");
}

#[test]
fn a_missing_target_is_created_when_asked() {
    let flow = Flow::new();
    flow.source(TABLE);
    flow.source(&rows(10));
    flow.sync("strategy: source_wins\ndatasets:\n  - { source: public.customers, create_target: true }\n");
    flow.run(&["plan", "sync.yaml"]).expect(0);
    flow.session(0).counts(&[("to_target.created", 10)]);
    assert_eq!(flow.assert_same("customers"), 10);
}

#[test]
fn records_that_violate_a_constraint_are_rejected_and_their_neighbours_written() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.target("ALTER TABLE customers ADD CHECK (balance <> 12.5); CREATE UNIQUE INDEX ON customers (email)");
    flow.source(&rows(3000));
    flow.source("UPDATE customers SET email = 'same@example.org' WHERE id IN (20, 30)");
    one_way(&flow, "source_wins");
    flow.session(3).counts(&[("to_target.created", 2998), ("rejected", 2)]);
    let rejects = flow.run(&["rejects", "sync.yaml", "-o", "json"]);
    rejects.expect(0);
    assert_eq!(rejects.stdout.lines().count(), 2, "{}", rejects.stdout);
    assert!(rejects.stdout.contains("\"unique\"") && rejects.stdout.contains("\"check\""), "{}", rejects.stdout);
}
