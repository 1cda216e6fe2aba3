//! Servers that refuse, are away, or are not what the base was taken from.

use pinksync_test_support::Address;

use super::support::{Flow, password_address};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a text)";

#[test]
fn a_wrong_password_is_said_without_the_password() {
    let flow = Flow::new();
    flow.both(TABLE);
    let wrong = Address { password: Some("wrong-secret".to_owned()), ..password_address() };
    flow.sync_to(
        &format!("{{ type: postgres, url: \"{wrong}\" }}"),
        "datasets:\n  - { source: public.t, target: public.t }\n",
    );
    let ran = flow.run(&["run", "sync.yaml", "--yes"]);
    ran.expect(1);
    assert!(ran.stderr.contains("password") && !ran.stderr.contains("wrong-secret"), "{}", ran.stderr);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.sync_to(
        "{ type: postgres, url: \"postgres://nobody@127.0.0.1:1/none\" }",
        "datasets:\n  - { source: public.t, target: public.t }\n",
    );
    let ran = flow.run(&["run", "sync.yaml", "--yes"]);
    ran.expect(1);
    assert!(ran.stderr.contains("127.0.0.1"), "{}", ran.stderr);
}

#[test]
fn the_same_file_pointed_at_another_database_is_stopped() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source("INSERT INTO t SELECT n, 'a' FROM generate_series(1, 30) n");
    flow.sync("strategy: source_wins\ndatasets:\n  - { source: public.t }\n");
    flow.session(0);
    let other = Flow::new();
    other.target(TABLE);
    flow.sync_to(
        &format!("{{ type: postgres, url: \"{}\" }}", other.target.url),
        "strategy: source_wins\ndatasets:\n  - { source: public.t, target: public.t }\n",
    );
    let ran = flow.run(&["run", "sync.yaml", "--yes"]);
    ran.expect(4);
    assert!(
        ran.stderr.contains("different_system") || ran.stdout.contains("different_system"),
        "{} {}",
        ran.stdout,
        ran.stderr
    );
    assert_eq!(other.target_value("SELECT count(*) FROM t"), "0");
}

#[test]
fn a_source_that_is_suddenly_empty_deletes_nothing() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source("INSERT INTO t SELECT n, 'a' FROM generate_series(1, 30) n");
    flow.sync("strategy: source_wins\ndatasets:\n  - { source: public.t }\n");
    flow.session(0);
    flow.source("TRUNCATE t");
    flow.run(&["plan", "sync.yaml"]).expect(4);
    flow.run(&["run", "sync.yaml", "--yes"]).expect(4);
    assert_eq!(flow.target_value("SELECT count(*) FROM t"), "30");
    flow.run(&["run", "sync.yaml", "--yes", "--allow", "empty_side", "--allow", "max_delete_percent"]).expect(0);
    assert_eq!(flow.target_value("SELECT count(*) FROM t"), "0");
}

#[test]
fn rows_hidden_by_row_security_are_an_error_and_never_a_delete() {
    let flow = Flow::new();
    flow.both(TABLE);
    flow.source("INSERT INTO t SELECT n, 'a' FROM generate_series(1, 30) n");
    let limited = Address { database: Address::of(&flow.source.url).database, ..password_address() };
    flow.source("GRANT SELECT ON t TO pinksync_pw; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON t USING (id < 10)");
    let sync = format!(
        "source: {{ type: postgres, url: \"{limited}\" }}\ntarget: {{ type: postgres, url: \"{}\" }}\nstrategy: source_wins\ndatasets:\n  - {{ source: public.t }}\n",
        flow.target.url
    );
    std::fs::write(flow.path("sync.yaml"), sync).unwrap();
    let ran = flow.run(&["run", "sync.yaml", "--yes"]);
    ran.expect(1);
    assert!(ran.stderr.contains("row-level security"), "{}", ran.stderr);
    assert_eq!(flow.target_value("SELECT count(*) FROM t"), "0");
}
