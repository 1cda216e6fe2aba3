//! Sessions over several datasets, and over files.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Pair, Setup, digest, written};

#[tokio::test(flavor = "multi_thread")]
async fn datasets_that_refer_to_each_other_are_written_in_an_order_that_holds() {
    let (service, pair) = tokio::join!(Setup::new().workers(2).start(), Pair::with_items(0));
    let tables = "CREATE TABLE orders (id bigint PRIMARY KEY, name text);
        CREATE TABLE lines (id bigint PRIMARY KEY, in_order bigint NOT NULL REFERENCES orders, amount int);
        CREATE TABLE notes (id bigint PRIMARY KEY, on_line bigint REFERENCES lines, text text)";
    pair.source.batch(tables).await;
    pair.target.batch(tables).await;
    let rows = "INSERT INTO orders SELECT i, 'order ' || i FROM generate_series(1, 1000) i;
        INSERT INTO lines SELECT i, 1 + i % 1000, i FROM generate_series(1, 20000) i;
        INSERT INTO notes SELECT i, i * 3, 'note ' || i FROM generate_series(1, 3000) i";
    pair.source.batch(rows).await;
    let mut definition = pair.one_way();
    let dataset = |name: &str| json!({"source": format!("public.{name}"), "target": format!("public.{name}")});
    // Children first: the service finds the order by itself.
    definition["datasets"] = Value::from(vec![dataset("notes"), dataset("lines"), dataset("orders")]);
    let first = service.rest.complete(&definition).await;
    assert_eq!(written(&first), [[24_000, 0, 0], [0, 0, 0]], "{first}");
    let deletes = "DELETE FROM notes WHERE on_line IN (SELECT id FROM lines WHERE in_order <= 10);
        DELETE FROM lines WHERE in_order <= 10;
        DELETE FROM orders WHERE id <= 10";
    pair.source.batch(deletes).await;
    pair.source.batch("INSERT INTO orders VALUES (2000, 'new'); INSERT INTO lines VALUES (30000, 2000, 1)").await;
    let second = service.rest.complete(&definition).await;
    let [[created, updated, deleted], back] = written(&second);
    assert_eq!(([created, updated], back), ([2, 0], [0; 3]), "{second}");
    assert!(deleted > 210, "{second}");
    for table in ["orders", "lines", "notes"] {
        assert_eq!(digest(&pair.source, table).await, digest(&pair.target, table).await, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_file_is_filled_and_its_edits_come_back() {
    const ITEMS: u64 = 3000;
    let (service, pair) = tokio::join!(Setup::new().start(), Pair::with_items(ITEMS));
    let file = service.folder.path().join("items.csv");
    fs::write(&file, "id,name,price,changed\n").unwrap();
    let mut definition = pair.two_way();
    definition["target"] = json!({"type": "csv", "path": file});
    definition["datasets"][0] = json!({"source": "public.items", "key": ["id"], "modified_at": "changed"});
    let first = service.rest.complete(&definition).await;
    assert_eq!(written(&first), [[ITEMS, 0, 0], [0, 0, 0]], "{first}");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count() as u64, ITEMS + 1);
    let edited =
        text.replace("item 17,", "by hand,").replacen("17,by hand,17.25,2026-01-01", "17,by hand,17.25,2026-03-01", 1);
    assert_ne!(edited, text);
    fs::write(&file, edited).unwrap();
    pair.source.batch("UPDATE items SET name = 'by SQL', changed = '2026-03-01' WHERE id = 18").await;
    let second = service.rest.complete(&definition).await;
    assert_eq!(written(&second), [[0, 1, 0], [0, 1, 0]], "{second}");
    let name: String = pair.source.value("SELECT name FROM items WHERE id = 17", &[]).await;
    assert_eq!(name, "by hand");
    assert!(fs::read_to_string(&file).unwrap().contains("by SQL"));
}
