//! Names of tables on the other side: schemas fall away where there are none, and then two may be one.

use super::support::Flow;

const TABLES: &str = "CREATE SCHEMA sales; CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE sales.t (id int PRIMARY KEY); \
                      INSERT INTO sales.t VALUES (1)";

#[test]
fn tables_of_two_schemas_with_one_name_are_refused_where_there_are_no_schemas() {
    let flow = Flow::new();
    flow.source(TABLES);
    for (target, name) in [("{ type: sqlite, path: new.db }", "`t`"), ("{ type: csv, path: . }", "`t.csv`")] {
        flow.sync_to(target, "datasets: [\"*\"]\n");
        let ran = flow.run(&["run", "sync.yaml"]);
        ran.expect(2);
        for part in ["`public.t`", "`sales.t`", name, "target: NAME"] {
            assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
        }
    }
    flow.sync_to("{ type: csv, path: . }", "datasets:\n  - { source: sales.t, create_target: true }\n");
    flow.session(0);
    assert_eq!(std::fs::read_to_string(flow.path("t.csv")).unwrap(), "id\n1\n");
}

#[test]
fn a_table_keeps_its_schema_where_there_are_schemas() {
    let flow = Flow::new();
    flow.both("CREATE SCHEMA sales; CREATE TABLE t (id int PRIMARY KEY)");
    flow.source("CREATE TABLE sales.t (id int PRIMARY KEY); INSERT INTO sales.t VALUES (1); INSERT INTO t VALUES (2)");
    flow.sync("datasets:\n  - public.t\n  - { source: sales.t, create_target: true }\n");
    flow.session(0);
    assert_eq!(flow.assert_same("t"), 1);
    assert_eq!(flow.assert_same("sales.t"), 1);
}

#[test]
fn a_table_made_from_a_file_has_the_declared_types_under_its_new_names() {
    let flow = Flow::new();
    std::fs::write(flow.path("t.csv"), "id,amount,at,name\n1,1.50,2026-01-01 10:00:00,a\n").unwrap();
    let dataset = "{source: t.csv, key: [id], create_target: true, fields: {amount: price}, \
                   types: {id: int, amount: decimal, at: timestamp}}";
    let url = &flow.target.url;
    let text = format!(
        "source: {{type: csv, path: .}}\ntarget: {{type: postgres, url: \"{url}\"}}\ndatasets:\n  - {dataset}\n"
    );
    std::fs::write(flow.path("sync.yaml"), text).unwrap();
    flow.session(0);
    let types = flow.target_value(
        "SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) \
         FROM information_schema.columns WHERE table_name = 't'",
    );
    assert_eq!(types, "id bigint, price numeric, at timestamp without time zone, name text");
    flow.session(0).counts(&[("unchanged", 1), ("to_target.updated", 0)]);
}
