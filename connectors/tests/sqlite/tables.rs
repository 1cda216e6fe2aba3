//! The system as a whole: describing, creating, opening, checking.

use pinksync_connectors::origin::Origin;
use pinksync_connectors::registry;
use pinksync_engine::ErrorKind;
use pinksync_engine::connector::Purpose;
use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType, Fold};
use pinksync_model::{Connection, SqliteSettings};

use super::setup::Database;

fn column(name: &str, ty: FieldType, nullable: bool) -> ColumnSchema {
    let native = format!("{ty:?}");
    ColumnSchema {
        name: name.to_owned(),
        ty,
        carrier: Carrier::Typed,
        native,
        nullable,
        writable: true,
        empty_is_null: false,
        ordered: true,
    }
}

fn schema(name: &str, key: &[&str], columns: Vec<ColumnSchema>) -> DatasetSchema {
    let primary_key: Vec<String> = key.iter().map(|&name| name.to_owned()).collect();
    DatasetSchema {
        name: name.to_owned(),
        columns,
        unique_keys: vec![primary_key.clone()],
        primary_key,
        estimated_rows: None,
        transforms: false,
        references: Vec::new(),
        writable: true,
    }
}

fn settings(path: &str) -> Connection {
    Connection::Sqlite(SqliteSettings { path: path.to_owned() })
}

#[tokio::test]
async fn a_missing_file_is_created_only_with_its_first_table() {
    let folder = tempfile::tempdir().unwrap();
    let system = registry::open(&settings("new.db"), &Origin::new(folder.path(), "test")).await.unwrap();
    assert_eq!(system.kind(), "sqlite");
    assert!(system.describe("t").await.unwrap().is_none());
    let error = system.datasets().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.remedy().unwrap().contains("create_target"));
    assert!(!system.check(Purpose { writes: true, creates: false }).await[0].ok);
    assert!(!folder.path().join("new.db").exists());
    let identity = system.identity().await.unwrap();
    assert!(identity.ends_with("new.db"));

    let table = schema(
        "t",
        &["id"],
        vec![column("id", FieldType::Int { bits: 64 }, false), column("v", FieldType::TEXT, true)],
    );
    let foreseen = system.foresee(&table, "postgres").await.unwrap();
    system.create(&foreseen).await.unwrap();
    assert_eq!(system.datasets().await.unwrap(), ["t"]);
    assert_eq!(system.identity().await.unwrap(), identity);
    assert!(system.check(Purpose { writes: true, creates: false }).await.iter().all(|step| step.ok));
    assert_eq!(system.create(&foreseen).await.unwrap_err().kind(), ErrorKind::Definition);
}

/// As it is foreseen: whether a table is read in order is not known before it is there.
fn unordered(mut schema: DatasetSchema) -> DatasetSchema {
    schema.columns.iter_mut().for_each(|column| column.ordered = false);
    schema
}

#[tokio::test]
async fn columns_that_are_one_to_sqlite_are_named_before_anything_is_made() {
    let database = Database::new("");
    let columns = ["id", "Name", "name"].map(|name| column(name, FieldType::TEXT, false)).to_vec();
    let error = database.system.foresee(&schema("t", &["id"], columns), "postgres").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
    assert!(error.message().contains("`Name` and `name`"), "{error}");
    assert!(error.remedy().unwrap().contains("fields: {name: {to:"), "{error:?}");
}

#[tokio::test]
async fn tables_are_created_from_the_schema_of_any_system() {
    let database = Database::new("");
    let folded = FieldType::Text { max_chars: Some(5), fold: Fold::AsciiCase };
    let columns = vec![
        column("a", FieldType::Int { bits: 32 }, false),
        column("b c\"d`", folded, false),
        column("price", FieldType::Decimal { precision: Some(30), scale: Some(2) }, false),
        column("at", FieldType::Instant { precision: 6 }, true),
        column("ok", FieldType::Bool, true),
        column("raw", FieldType::Bytes, true),
        column("f", FieldType::Float { bits: 64 }, true),
        column("j", FieldType::Json, true),
        column("net", FieldType::Native { name: "inet".to_owned() }, true),
    ];
    let from = schema("my table", &["a", "b c\"d`"], columns);
    let foreseen = database.system.foresee(&from, "postgres").await.unwrap();
    database.system.create(&foreseen).await.unwrap();
    let made = database.system.describe("my table").await.unwrap().unwrap();
    assert_eq!(unordered(made.clone()), foreseen);
    assert_eq!(made.primary_key, from.primary_key);
    let native: Vec<&str> = made.columns.iter().map(|column| column.native.as_str()).collect();
    assert_eq!(native, ["INTEGER", "TEXT", "TEXT", "TEXT", "BOOLEAN", "BLOB", "REAL", "TEXT", "TEXT"]);
    let nullable: Vec<bool> = made.columns.iter().map(|column| column.nullable).collect();
    assert_eq!(nullable, [false, false, false, true, true, true, true, true, true]);
    assert_eq!(made.columns[1].ty, FieldType::Text { max_chars: None, fold: Fold::AsciiCase });
    // Its own kind keeps the declared types.
    let mut copy = made.clone();
    copy.name = "copy".to_owned();
    copy.columns[2].native = "DECIMAL(30,2)".to_owned();
    let foreseen = database.system.foresee(&copy, "sqlite").await.unwrap();
    database.system.create(&foreseen).await.unwrap();
    let copied = database.system.describe("copy").await.unwrap().unwrap();
    assert_eq!(unordered(copied.clone()), foreseen);
    assert_eq!(copied.columns[2].native, "DECIMAL(30,2)");
    let table = database.table("my table", &["a", "b c\"d`"]).await;
    assert!(table.dataset.capabilities().transactional);
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_the_table_is_a_definition_error() {
    let database = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    let table = database.table("t", &["id"]).await;
    let schema = database.system.describe("t").await.unwrap().unwrap();
    let spec = || (**table.dataset.spec()).clone();
    let (mut other_column, mut other_table) = (spec(), spec());
    other_column.columns[1].name = "gone".to_owned();
    other_table.dataset = "gone".to_owned();
    for spec in [other_column, other_table] {
        let error = database.system.open(spec.into(), &schema).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert!(error.message().contains("gone"));
    }
    // A column that is dropped later is an error too, never a text of its name.
    database.other.execute_batch("ALTER TABLE t DROP COLUMN v").unwrap();
    let mut transaction = table.dataset.begin(pinksync_engine::connector::Guard::Snapshot).await.unwrap();
    let error = transaction.read(&pinksync_engine::KeyRange::default(), 1000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
}

#[tokio::test]
async fn a_file_that_is_no_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text.db"), "id,name\n1,a\n".repeat(500)).unwrap();
    let system = registry::open(&settings("text.db"), &Origin::new(folder.path(), "test")).await.unwrap();
    let error = system.describe("t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.remedy().unwrap().contains("not a SQLite"));
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (path, kind) in [("no/such/a.db", ErrorKind::Unreachable), (".", ErrorKind::Definition)] {
        let error = registry::open(&settings(path), &Origin::new(folder.path(), "test")).await.err().unwrap();
        assert_eq!(error.kind(), kind);
    }
}
