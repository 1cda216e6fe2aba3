//! `create_target` between all kinds of systems: what is made, that it is made once, and what happens when it goes.

use rusqlite::Connection;

use super::pair::sqlite_rows;
use super::support::Flow;

/// Runs a sync that makes its target, and again without anything to do.
fn makes(flow: &Flow, source: &str, target: &str, dataset: &str, records: u64) {
    let rest = format!("strategy: source_wins\ndatasets:\n  - {{ {dataset}, create_target: true }}\n");
    flow.write_file("sync.yaml", source, target, &rest);
    flow.run(&["plan", "sync.yaml"]).expect(0);
    assert_eq!(flow.session(0).written(), records);
    assert_eq!(flow.session(0).written(), 0, "a second session writes nothing");
}

/// With a base of it, a target that is gone is not quietly made again.
fn is_missed(flow: &Flow, name: &str) {
    let ran = flow.run(&["run", "sync.yaml", "--yes"]);
    ran.expect(2);
    assert!(ran.stderr.contains(name) && ran.stderr.contains("gone") && ran.stderr.contains("help:"), "{}", ran.stderr);
}

const ORDERS: &str = "CREATE TABLE orders (shop text COLLATE \"C\", number int, total numeric(12,2) NOT NULL, paid boolean, \
                      made timestamptz, raw bytea, PRIMARY KEY (shop, number)); \
                      INSERT INTO orders SELECT 's' || n % 3, n, n * 1.5, n % 2 = 0, now(), '\\x00ff' FROM generate_series(1, 20) n";

#[test]
fn postgres_makes_tables_in_sqlite() {
    let flow = Flow::new();
    flow.source(ORDERS);
    makes(&flow, &flow.source.side(), "{ type: sqlite, path: new.db }", "source: public.orders, target: orders", 20);
    let database = Connection::open(flow.path("new.db")).unwrap();
    let columns =
        sqlite_rows(&database, "SELECT name, type, \"notnull\", pk FROM pragma_table_info('orders') ORDER BY cid");
    let columns: Vec<String> =
        columns.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        columns,
        ["shop TEXT 1 1", "number INTEGER 1 2", "total TEXT 1 0", "paid BOOLEAN 0 0", "made TEXT 0 0", "raw BLOB 0 0"]
    );
    assert_eq!(sqlite_rows(&database, "SELECT total FROM orders WHERE number = 7")[0][0].as_deref(), Some("10.50"));
    database.execute_batch("DROP TABLE orders").unwrap();
    is_missed(&flow, "orders");
    assert!(sqlite_rows(&database, "SELECT name FROM sqlite_schema WHERE name = 'orders'").is_empty());
}

#[test]
fn postgres_makes_csv_files() {
    let flow = Flow::new();
    flow.source(ORDERS);
    std::fs::create_dir(flow.path("out")).unwrap();
    makes(&flow, &flow.source.side(), "{ type: csv, path: out }", "source: public.orders, target: orders", 20);
    let text = std::fs::read_to_string(flow.path("out/orders.csv")).unwrap();
    assert_eq!((text.lines().next(), text.lines().count()), (Some("shop,number,total,paid,made,raw"), 21), "{text}");
    assert!(text.contains("s1,7,10.50,false,"), "{text}");
    std::fs::remove_file(flow.path("out/orders.csv")).unwrap();
    is_missed(&flow, "orders");
    assert!(!flow.path("out/orders.csv").exists());
}

/// Column, type, whether it may be NULL, of a table in the target.
fn columns(flow: &Flow, table: &str) -> Vec<String> {
    let sql = format!(
        "SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END \
         FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum"
    );
    flow.target_rows(&sql).into_iter().map(|row| row[0].clone().unwrap()).collect()
}

fn key(flow: &Flow, table: &str) -> String {
    flow.target_value(&format!(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'p'"
    ))
}

#[test]
fn csv_files_make_tables_in_postgres() {
    let flow = Flow::new();
    std::fs::create_dir(flow.path("in")).unwrap();
    std::fs::write(flow.path("in/items.csv"), "code,count,price\na,1,1.50\nb,2,0.10\n").unwrap();
    let dataset = "source: items, target: public.items, key: [code], types: { count: int, price: decimal }";
    makes(&flow, "{ type: csv, path: in }", &flow.target.side(), dataset, 2);
    assert_eq!(columns(&flow, "items"), ["code text not null", "count bigint", "price numeric"]);
    assert_eq!(key(&flow, "items"), "PRIMARY KEY (code)");
    assert_eq!(flow.target_value("SELECT price::text FROM items WHERE code = 'a'"), "1.50");
    flow.target("DROP TABLE items");
    is_missed(&flow, "items");
}

#[test]
fn a_table_named_without_its_schema_is_missed_too() {
    let flow = Flow::new();
    std::fs::write(flow.path("items.csv"), "code\na\n").unwrap();
    let dataset = "source: items, target: items, key: [code]";
    makes(&flow, "{ type: csv, path: . }", &flow.target.side(), dataset, 1);
    flow.target("DROP TABLE items");
    is_missed(&flow, "items");
    assert_eq!(flow.target_value("SELECT to_regclass('items') IS NULL"), "t");
}

#[test]
fn sqlite_makes_tables_in_postgres() {
    let flow = Flow::new();
    let database = Connection::open(flow.path("shop.db")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE items (shop TEXT NOT NULL, id INTEGER NOT NULL, price DECIMAL(10,2), weight REAL, sold BOOLEAN, raw BLOB, \
             PRIMARY KEY (shop, id)); INSERT INTO items VALUES ('a', 1, 1.5, 0.1, 1, x'00'), ('b', 1, NULL, NULL, NULL, NULL)",
        )
        .unwrap();
    makes(&flow, "{ type: sqlite, path: shop.db }", &flow.target.side(), "source: items, target: public.items", 2);
    let expected = [
        "shop text not null",
        "id bigint not null",
        "price numeric(10,2)",
        "weight double precision",
        "sold boolean",
        "raw bytea",
    ];
    assert_eq!(columns(&flow, "items"), expected);
    assert_eq!(key(&flow, "items"), "PRIMARY KEY (shop, id)");
    flow.target("DROP TABLE items");
    is_missed(&flow, "items");
    assert_eq!(flow.target_value("SELECT to_regclass('items') IS NULL"), "t");
}

#[test]
fn a_pattern_leaves_out_tables_without_a_key() {
    let flow = Flow::new();
    flow.both("CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE loose (id int)");
    flow.source("INSERT INTO keyed VALUES (1); INSERT INTO loose VALUES (1)");
    flow.sync("strategy: source_wins\ndatasets: [\"public.*\"]\n");
    let report = flow.session(0);
    assert_eq!(report.0["datasets"].as_array().unwrap().len(), 1, "{}", report.0);
    assert_eq!(report.0["datasets"][0]["source"], "public.keyed");
    assert_eq!(flow.target_value("SELECT count(*) FROM loose"), "0");
}

/// What `plan` and `run` both refuse before anything is made.
fn is_refused(flow: &Flow, target: &str, rest: &str) -> String {
    flow.write_file("sync.yaml", &flow.source.side(), target, rest);
    let planned = flow.run(&["plan", "sync.yaml"]);
    planned.expect(2);
    let ran = flow.run(&["run", "sync.yaml", "--yes"]);
    ran.expect(2);
    assert_eq!(planned.stderr, ran.stderr);
    assert!(ran.stderr.contains("help:"), "{}", ran.stderr);
    ran.stderr
}

const FIRST: &str = "datasets:\n  - { source: public.first, target: first, create_target: true }\n";

#[test]
fn a_target_that_could_not_be_synced_is_refused_before_any_is_made() {
    let flow = Flow::new();
    flow.source("CREATE TABLE first (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, w real, \"Name\" text, name text)");
    let new = "{ type: sqlite, path: new.db }";
    let dataset = "  - { source: public.t, target: t, create_target: true, ";
    let said = is_refused(&flow, new, &format!("direction: two_way\n{FIRST}{dataset}exclude: [name] }}\n"));
    assert!(said.contains("column `w`") && said.contains("lossy: allow"), "{said}");
    let said = is_refused(&flow, new, &format!("{FIRST}{dataset} }}\n"));
    assert!(said.contains("`Name` and `name`") && said.contains("fields: {name: {to:"), "{said}");
    let said =
        is_refused(&flow, &flow.target.side(), &format!("{FIRST}{dataset}fields: {{ name: {{ to: Name }} }} }}\n"));
    assert!(said.contains("`Name`") && said.contains("`name`"), "{said}");
    let said = is_refused(&flow, &flow.target.side(), &format!("{FIRST}{dataset}fields: {{ w: {{ to: ctid }} }} }}\n"));
    assert!(said.contains("`ctid`"), "{said}");
    assert!(!flow.path("new.db").exists());
    assert_eq!(flow.target_value("SELECT to_regclass('first') IS NULL"), "t");
}

#[test]
fn an_enum_becomes_text_where_it_is_not_known_and_comes_back() {
    let flow = Flow::new();
    flow.source("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id int PRIMARY KEY, m mood, w real)");
    flow.source("INSERT INTO t VALUES (1, 'sad', 0.1), (2, 'ok', 1e30)");
    flow.sync("direction: two_way\nstrategy: source_wins\ndatasets:\n  - { source: public.t, create_target: true }\n");
    assert_eq!(flow.session(0).written(), 2);
    assert_eq!(columns(&flow, "t"), ["id integer not null", "m text", "w real"]);
    flow.target("UPDATE t SET m = 'ok' WHERE id = 1");
    assert_eq!(flow.session(0).written(), 1);
    assert_eq!(flow.source_value("SELECT m FROM t WHERE id = 1"), "ok");
    assert_eq!(flow.session(0).written(), 0);
}

#[test]
fn a_saved_plan_makes_the_target_that_it_was_made_for() {
    let flow = Flow::new();
    let database = Connection::open(flow.path("shop.db")).unwrap();
    database.execute_batch("CREATE TABLE items (code VARCHAR(9) PRIMARY KEY, price DECIMAL(10,2)); INSERT INTO items VALUES ('a', 1.5)").unwrap();
    let rest = "strategy: source_wins\ndatasets:\n  - { source: items, target: public.items, create_target: true }\n";
    flow.write_file("sync.yaml", "{ type: sqlite, path: shop.db }", &flow.target.side(), rest);
    flow.run(&["plan", "sync.yaml", "--save", "new.plan"]).expect(0);
    flow.run(&["run", "sync.yaml", "--plan", "new.plan"]).expect(0);
    assert_eq!(flow.target_value("SELECT price FROM items"), "1.50");
}
