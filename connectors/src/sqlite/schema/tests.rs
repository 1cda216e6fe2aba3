//! Schemas as SQLite lets people write them.

use super::*;

fn described(sql: &str, name: &str) -> DatasetSchema {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    describe(&connection, name).unwrap().unwrap()
}

fn column<'a>(schema: &'a DatasetSchema, name: &str) -> &'a ColumnSchema {
    schema.column(name).unwrap()
}

#[test]
fn declared_types_become_field_types() {
    let schema = described(
        "CREATE TABLE t (a INTEGER, b VARCHAR(3), c DOUBLE, d DECIMAL(10,2), e NUMERIC(5), f BOOLEAN, g DATETIME,
                         h BLOB, i, j JSON, k UUID, l TEXT COLLATE NOCASE, m TEXT COLLATE RTRIM, n NUMERIC)",
        "T",
    );
    let text = FieldType::TEXT;
    let folded = |fold| FieldType::Text { max_chars: None, fold };
    let decimal = |precision, scale| FieldType::Decimal { precision, scale };
    for (name, ty, carrier) in [
        ("a", FieldType::Int { bits: 64 }, Carrier::Typed),
        ("b", text.clone(), Carrier::Text),
        ("c", FieldType::Float { bits: 64 }, Carrier::Typed),
        ("d", decimal(Some(10), Some(2)), Carrier::Float64),
        ("e", decimal(Some(5), Some(0)), Carrier::Float64),
        ("n", decimal(None, None), Carrier::Float64),
        ("f", FieldType::Bool, Carrier::Typed),
        ("g", text.clone(), Carrier::Text),
        ("h", FieldType::Bytes, Carrier::Typed),
        ("i", text.clone(), Carrier::Text),
        ("j", FieldType::Json, Carrier::Typed),
        ("k", text, Carrier::Text),
        ("l", folded(Fold::AsciiCase), Carrier::Text),
        ("m", folded(Fold::TrailingSpace), Carrier::Text),
    ] {
        assert_eq!((&column(&schema, name).ty, column(&schema, name).carrier), (&ty, carrier), "{name}");
    }
    assert_eq!(schema.name, "t");
    assert_eq!(column(&schema, "d").native, "DECIMAL(10,2)");
}

#[test]
fn keys_are_unique_and_ordered_only_where_sqlite_sees_to_it() {
    let schema = described(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, loose TEXT UNIQUE, part TEXT NOT NULL,
                         folded TEXT NOT NULL COLLATE NOCASE UNIQUE, n NUMERIC NOT NULL UNIQUE);
         CREATE UNIQUE INDEX partial ON t (part) WHERE id > 5;
         CREATE UNIQUE INDEX other_order ON t (part COLLATE NOCASE);
         CREATE UNIQUE INDEX expression ON t (lower(part));
         CREATE UNIQUE INDEX two ON t (part, id);",
        "t",
    );
    let key = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(schema.primary_key, key(&["id"]));
    for unique in [&["id"][..], &["code"], &["folded"], &["n"], &["part", "id"]] {
        assert!(schema.unique_keys.contains(&key(unique)), "{unique:?}");
    }
    assert_eq!(schema.unique_keys.len(), 5);
    let ordered: Vec<&str> =
        schema.columns.iter().filter(|column| column.ordered).map(|column| column.name.as_str()).collect();
    assert_eq!(ordered, ["id", "code", "part"]);
    assert!(!column(&schema, "id").nullable);
    assert!(column(&schema, "loose").nullable);
}

#[test]
fn a_primary_key_may_hold_null_unless_the_table_forbids_it() {
    let nullable = |sql: &str| column(&described(sql, "t"), "id").nullable;
    assert!(nullable("CREATE TABLE t (id TEXT PRIMARY KEY)"));
    assert!(nullable("CREATE TABLE t (id INT PRIMARY KEY)"));
    assert!(!nullable("CREATE TABLE t (id INTEGER PRIMARY KEY)"));
    assert!(!nullable("CREATE TABLE t (id TEXT PRIMARY KEY) WITHOUT ROWID"));
    assert!(!nullable("CREATE TABLE t (id TEXT PRIMARY KEY) STRICT"));
}

#[test]
fn strict_tables_generated_columns_views_triggers_and_references() {
    let sql = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
               CREATE TABLE t (id INTEGER PRIMARY KEY, any ANY, p INTEGER REFERENCES Parent, q INTEGER REFERENCES t,
                               twice INTEGER AS (id * 2), kept INTEGER AS (id * 3) STORED) STRICT;
               CREATE VIEW v AS SELECT id, id + 1 AS next FROM t;
               CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END;
               INSERT INTO t (id) VALUES (1), (2);";
    let table = described(sql, "t");
    assert_eq!((&column(&table, "any").ty, column(&table, "any").carrier), (&FieldType::TEXT, Carrier::Text));
    assert!(!column(&table, "twice").writable && !column(&table, "kept").writable && column(&table, "p").writable);
    assert_eq!(table.references, ["parent"]);
    assert!(table.transforms && table.writable);
    assert_eq!(table.estimated_rows, Some(2));
    let view = described(sql, "v");
    assert!(!view.writable && view.primary_key.is_empty() && !view.transforms);
    assert_eq!(view.columns.len(), 2);
    assert!(!described(sql, "parent").transforms);
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    assert_eq!(names(&connection).unwrap(), ["parent", "t", "v"]);
    assert!(describe(&connection, "nothing").unwrap().is_none());
}

#[test]
fn text_in_utf16_is_not_in_the_order_of_encoded_keys() {
    let schema = described(
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, n INT NOT NULL UNIQUE)",
        "t",
    );
    assert!(!column(&schema, "id").ordered);
    assert!(column(&schema, "n").ordered);
}
