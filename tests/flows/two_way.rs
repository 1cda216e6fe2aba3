//! Two-way sessions between PostgreSQL, SQLite and CSV.

use rusqlite::Connection;

use super::support::Flow;

const TABLE: &str = "CREATE TABLE items (id int PRIMARY KEY, name text, price numeric(10,2), updated_at timestamp(3))";

fn shop(flow: &Flow) -> Connection {
    let shop = Connection::open(flow.path("shop.db")).unwrap();
    shop.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price TEXT, updated_at TEXT)").unwrap();
    shop
}

fn two_way(flow: &Flow, strategy: &str, more: &str) {
    flow.sync_to(
        "{ type: sqlite, path: shop.db }",
        &format!("direction: two_way\nstrategy: {strategy}\n{more}datasets:\n  - {{ source: public.items, target: items, key: [id], modified_at: updated_at }}\n"),
    );
}

#[test]
fn both_sides_learn_from_each_other() {
    let flow = Flow::new();
    flow.source(TABLE);
    flow.source(
        "INSERT INTO items SELECT n, 'item ' || n, n * 1.10, '2026-01-01 10:00:00.5' FROM generate_series(1, 100) n",
    );
    let shop = shop(&flow);
    shop.execute_batch("INSERT INTO items VALUES (1000, 'from the shop', '9.90', '2026-01-02 08:00:00')").unwrap();
    two_way(&flow, "newest_wins", "");
    flow.session(0).counts(&[("to_target.created", 100), ("to_source.created", 1)]);
    flow.source("UPDATE items SET price = 5.55, updated_at = '2026-02-01' WHERE id = 1");
    flow.source("UPDATE items SET name = 'older', updated_at = '2026-02-01' WHERE id = 2");
    flow.source("UPDATE items SET name = 'same time', updated_at = '2026-02-01' WHERE id = 3");
    flow.source("DELETE FROM items WHERE id = 4");
    shop.execute_batch(
        "UPDATE items SET name = 'newer', updated_at = '2026-02-02 00:00:00' WHERE id = 2; \
         UPDATE items SET name = 'other', updated_at = '2026-02-01 00:00:00' WHERE id = 3; \
         DELETE FROM items WHERE id = 5; UPDATE items SET price = '7.00', updated_at = '2026-02-03' WHERE id = 6",
    )
    .unwrap();
    let report = flow.session(3);
    report.counts(&[
        ("to_target.updated", 1),
        ("to_target.deleted", 1),
        ("to_source.updated", 2),
        ("to_source.deleted", 1),
        ("conflicts.resolved", 1),
        ("conflicts.open", 1),
    ]);
    assert_eq!(flow.source_value("SELECT name FROM items WHERE id = 2"), "newer");
    assert_eq!(flow.source_value("SELECT price::text FROM items WHERE id = 6"), "7.00");
    let price: String = shop.query_row("SELECT price FROM items WHERE id = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(price, "5.55");
    let listed = flow.run(&["conflicts", "list", "sync.yaml", "-o", "json"]);
    listed.expect(0);
    let conflict: serde_json::Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((conflict["key"]["id"].as_i64(), conflict["source"]["name"].as_str()), (Some(3), Some("same time")));
    let id = conflict["id"].as_str().unwrap();
    flow.run(&["conflicts", "resolve", "sync.yaml", id, "--take", "target"]).expect(0);
    assert_eq!(flow.source_value("SELECT name FROM items WHERE id = 3"), "other");
    flow.session(0).counts(&[("to_target.updated", 0), ("to_source.updated", 0), ("conflicts.open", 0)]);
}

#[test]
fn fields_changed_on_different_sides_are_combined() {
    let flow = Flow::new();
    flow.source(TABLE);
    flow.source("INSERT INTO items SELECT n, 'item ' || n, n, '2026-01-01' FROM generate_series(1, 30) n");
    let shop = shop(&flow);
    two_way(&flow, "manual", "merge: field\n");
    flow.session(0);
    flow.source("UPDATE items SET name = 'renamed' WHERE id = 1");
    shop.execute_batch("UPDATE items SET price = '99.00' WHERE id = 1").unwrap();
    flow.session(0).counts(&[("merged", 1), ("to_target.updated", 1), ("to_source.updated", 1), ("conflicts.open", 0)]);
    assert_eq!(flow.source_value("SELECT name || price FROM items WHERE id = 1"), "renamed99.00");
    let name: String = shop.query_row("SELECT name FROM items WHERE id = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(name, "renamed");
    flow.session(0).counts(&[("to_target.updated", 0), ("to_source.updated", 0)]);
}

#[test]
fn a_csv_file_is_a_side_like_any_other() {
    let flow = Flow::new();
    flow.source(TABLE);
    flow.source("INSERT INTO items SELECT n, 'item ' || n, n * 1.10, '2026-01-01' FROM generate_series(1, 50) n");
    std::fs::write(
        flow.path("items.csv"),
        "id,name,price,updated_at,note\r\n70,\"seventy, in quotes\",7.0,2026-01-05 00:00:00,mine\r\n",
    )
    .unwrap();
    flow.sync_to(
        "{ type: csv, path: items.csv }",
        "direction: two_way\nstrategy: newest_wins\ndatasets:\n  - { source: public.items, target: items, key: [id], modified_at: updated_at }\n",
    );
    flow.session(0).counts(&[("to_target.created", 50), ("to_source.created", 1)]);
    assert_eq!(flow.source_value("SELECT name FROM items WHERE id = 70"), "seventy, in quotes");
    let text = std::fs::read_to_string(flow.path("items.csv")).unwrap();
    assert!(text.contains("70,\"seventy, in quotes\",7.0,2026-01-05 00:00:00,mine\r\n"), "{text}");
    assert_eq!(text.lines().count(), 52);
    let edited = text.replace("item 9,", "edited,").replacen("2026-01-01 00:00:00", "2026-03-01 00:00:00", 0);
    std::fs::write(flow.path("items.csv"), edited).unwrap();
    flow.source("DELETE FROM items WHERE id = 10");
    flow.session(0).counts(&[("to_source.updated", 1), ("to_target.deleted", 1), ("to_target.updated", 0)]);
    assert_eq!(flow.source_value("SELECT name FROM items WHERE id = 9"), "edited");
    flow.session(0).counts(&[("to_source.updated", 0), ("to_target.updated", 0), ("to_target.deleted", 0)]);
    flow.run(&["undo", "sync.yaml", "--yes"]).expect(0);
    assert_eq!(flow.source_value("SELECT name FROM items WHERE id = 9"), "item 9");
    assert_eq!(std::fs::read_to_string(flow.path("items.csv")).unwrap().lines().count(), 52);
}
