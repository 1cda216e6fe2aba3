//! Reading files as people leave them.

use std::sync::Arc;

use pinksync_connectors::origin::Origin;
use pinksync_connectors::registry;
use pinksync_engine::connector::{Found, Purpose};
use pinksync_engine::filter::Filter;
use pinksync_engine::schema::{Carrier, FieldType};
use pinksync_engine::{ErrorKind, Key, Value, key};
use pinksync_model::{Connection, CsvSettings, FileSettings, Op};

use super::setup::{File, Folder};

fn key_of(text: &str) -> Key {
    key::encode([(&Value::text(text), &FieldType::TEXT)].into_iter()).unwrap()
}

fn names(rows: &[pinksync_engine::Row], column: usize) -> Vec<String> {
    let name = |row: &pinksync_engine::Row| match &row.native[column] {
        Value::Text(text) => text.to_string(),
        other => format!("{other:?}"),
    };
    rows.iter().map(name).collect()
}

#[tokio::test]
async fn a_file_is_described_by_its_header() {
    let folder = Folder::new("people.csv", b"\xef\xbb\xbf\"id\",full name,n\r\n1,\"a, b\",\r\n");
    assert_eq!(folder.system.datasets().await.unwrap(), ["people"]);
    let schema = folder.system.describe("people").await.unwrap().unwrap();
    let names: Vec<&str> = schema.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "full name", "n"]);
    for column in &schema.columns {
        assert_eq!((&column.ty, column.carrier), (&FieldType::TEXT, Carrier::Text));
        assert!(column.nullable && column.writable && !column.ordered);
    }
    assert!(schema.primary_key.is_empty() && schema.unique_keys.is_empty() && schema.writable);
    assert_eq!(schema.estimated_rows, Some(1));
    assert!(folder.system.describe("nothing").await.unwrap().is_none());
    let rows = folder.file().await.rows().await;
    assert_eq!(*rows[0].native, [Value::text("1"), Value::text("a, b"), Value::Null]);
}

#[tokio::test]
async fn a_large_files_records_are_estimated() {
    let mut content = b"id,name\n".to_vec();
    for id in 0..50_000 {
        content.extend(format!("{id:05},name of {id:05}\n").bytes());
    }
    let estimate = Folder::new("a.csv", &content).system.describe("a").await.unwrap().unwrap().estimated_rows.unwrap();
    assert!((45_000..55_000).contains(&estimate), "{estimate}");
}

#[tokio::test]
async fn quotes_hold_delimiters_quotes_and_line_breaks() {
    let folder = Folder::new(
        "a.csv",
        b"id,name\n1,\"two\nlines\"\n2,\"say \"\"so\"\"\"\n3,\"a,b\"\n\n4,\"\"\n5,bare \"quote\"\n",
    );
    let rows = folder.file().await.rows().await;
    assert_eq!(names(&rows, 1), ["two\nlines", "say \"so\"", "a,b", "Null", "bare \"quote\""]);
}

#[tokio::test]
async fn other_dialects_and_encodings() {
    let dialect =
        CsvSettings { delimiter: ';', quote: '\'', encoding: "windows-1252".to_owned(), null: Some("NULL".to_owned()) };
    let folder = Folder::with("a.csv", b"id;name\n1;'caf\xe9; \"so\"'\n2;NULL\n3;\n", dialect);
    let rows = folder.file().await.rows().await;
    assert_eq!(names(&rows, 1), ["café; \"so\"", "Null", ""]);
}

#[tokio::test]
async fn malformed_lines_are_told_with_their_number_and_key() {
    let folder = Folder::new(
        "a.csv",
        b"id,name,n\n1,a,x\n2,b\n3,c,x,y\n\n4,\"two\nlines\"\n5,\xff,x\n\xff,f,x\n6,g,x\n7,cut of",
    );
    let (rows, unreadable) = folder.file().await.scan().await;
    assert_eq!(names(&rows, 0), ["1", "6"]);
    let told: Vec<_> = unreadable.iter().map(|one| (one.line.unwrap(), one.key.clone(), one.code)).collect();
    assert_eq!(
        told,
        [
            (3, Some(key_of("2")), "malformed"),
            (4, Some(key_of("3")), "malformed"),
            // It may have swallowed other records, so that nothing is known of its key.
            (6, None, "malformed"),
            (8, Some(key_of("5")), "malformed"),
            (9, None, "malformed"),
            // The file may be cut off: the key may be only half of one.
            (11, None, "malformed"),
        ]
    );
    assert!(unreadable[0].reason.contains("2 fields"), "{}", unreadable[0].reason);
    assert!(unreadable[3].reason.contains("`name` is not UTF-8"), "{}", unreadable[3].reason);
}

#[tokio::test]
async fn the_key_of_a_malformed_line_is_trusted_only_where_it_comes_first() {
    let folder = Folder::new("a.csv", b"name,id\na,1\nb\nc,d,2\n");
    let (rows, unreadable) = folder.file().await.scan().await;
    assert_eq!(rows.len(), 1);
    assert!(unreadable.iter().all(|one| one.key.is_none()));
}

#[tokio::test]
async fn records_too_large_or_without_a_key_are_told() {
    let large = "x".repeat(5000);
    let huge = "y".repeat(300_000);
    let folder = Folder::new("a.csv", format!("id,name\n1,{large}\n2,b\n,c\n3,{huge}\n4,d\n").as_bytes());
    let file = folder.file_with(|spec| spec.max_record_bytes = 1000).await;
    let (rows, unreadable) = file.scan().await;
    assert_eq!(names(&rows, 0), ["2", "4"]);
    let told: Vec<_> = unreadable.iter().map(|one| (one.line.unwrap(), one.key.clone(), one.code)).collect();
    assert_eq!(told, [(2, Some(key_of("1")), "too_large"), (4, None, "null_key"), (5, Some(key_of("3")), "too_large")]);
    assert!(matches!(file.find("1").await, Found::Unreadable(_)));
    assert!(matches!(file.find("3").await, Found::Unreadable(_)));
}

#[tokio::test]
async fn what_might_hide_records_fails_the_whole_read() {
    for (content, message) in [
        (&b"id,name\n1,\"open\n2,b\n3,c\n"[..], "quote in line 2"),
        (b"id,id\n1,2\n", "two columns"),
        (b"", "no header"),
        (b"\n\n", "no header"),
        (b"i\xff,name\n", "not UTF-8"),
    ] {
        let folder = Folder::new("a.csv", b"id,name\n1,a\n");
        let file = folder.file().await;
        std::fs::write(folder.path(), content).unwrap();
        let error = file.try_scan().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Data | ErrorKind::Definition), "{error}");
        assert!(error.message().contains(message), "{error}");
        assert!(error.remedy().is_some());
    }
}

#[tokio::test]
async fn a_column_that_is_gone_is_a_definition_error() {
    let folder = Folder::new("a.csv", b"id,name\n1,a\n");
    let file = folder.file().await;
    std::fs::write(folder.path(), b"nummer,name\n1,a\n").unwrap();
    let error = file.try_scan().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
    assert!(error.message().contains("no column `id`"));
}

#[tokio::test]
async fn compressed_files_that_are_cut_off_are_an_error() {
    let plain = format!("id,name\n{}", "1,some name\n".repeat(20_000));
    let zst = zstd::encode_all(plain.as_bytes(), 1).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, plain.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    for (name, bytes) in [("a.csv.zst", zst), ("a.csv.gz", gz)] {
        let folder = Folder::new(name, &bytes);
        let file = folder.file().await;
        assert_eq!(file.rows().await.len(), 20_000);
        std::fs::write(folder.path(), &bytes[..bytes.len() - 9]).unwrap();
        let error = file.try_scan().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{name}: {error}");
    }
}

#[tokio::test]
async fn the_filter_holds_for_scans_and_not_for_lookups() {
    let folder = Folder::new("a.csv", b"id,name\n1,a\n2,b\n3,\n");
    let filter = Filter::Compare { column: 1, op: Op::Eq, value: Value::text("b") };
    let file: File = folder.file_with(|spec| spec.filter = Some(Arc::new(filter))).await;
    assert_eq!(names(&file.rows().await, 0), ["2"]);
    assert!(matches!(file.find("3").await, Found::Row(_)));
}

#[tokio::test]
async fn keys_are_found_by_what_they_mean_and_by_one_record_only() {
    let folder = Folder::new("a.csv", b"id,name\n007,a\n8,b\n9,c\n9,d\n");
    let file = folder.file_with(|spec| spec.columns[0].common = FieldType::Int { bits: 64 }).await;
    // Without a scan before it, too.
    assert_eq!(file.row("7").await.native[0], Value::text("007"));
    assert!(matches!(file.find("10").await, Found::Absent));
    let mut transaction = file.dataset.begin(pinksync_engine::connector::Guard::Compare).await.unwrap();
    let error = transaction.lookup(&[[Value::text("9")].into()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
}

#[tokio::test]
async fn a_lookup_in_a_file_that_somebody_changed_says_so() {
    let folder = Folder::new("a.csv", b"id,name\n1,a\n");
    let file = folder.file().await;
    file.rows().await;
    std::fs::write(folder.path(), b"id,name\n0,z\n1,a\n").unwrap();
    let mut transaction = file.dataset.begin(pinksync_engine::connector::Guard::Compare).await.unwrap();
    let error = transaction.lookup(&[[Value::text("1")].into()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Moved);
    drop(transaction);
    file.rows().await;
    assert_eq!(file.row("1").await.native[1], Value::text("a"));
}

#[tokio::test]
async fn one_file_is_a_side_by_itself_and_a_missing_folder_is_told() {
    let folder = Folder::new("a.csv", b"id,name\n1,a\n");
    let open = |path: &str| {
        let connection = Connection::Csv(FileSettings { path: path.to_owned(), csv: CsvSettings::default() });
        let base = folder.folder().to_owned();
        async move { registry::open(&connection, &Origin::new(&base, "test")).await }
    };
    let single = open("a.csv").await.unwrap();
    assert_eq!(single.kind(), "csv");
    assert_eq!(single.describe("").await.unwrap().unwrap().name, "a");
    assert!(single.identity().await.unwrap().ends_with("a.csv"));
    assert!(single.check(Purpose { writes: true, creates: false }).await.iter().all(|step| step.ok));
    let missing = open("nowhere").await.unwrap();
    assert_eq!(missing.describe("a").await.unwrap_err().kind(), ErrorKind::Storage);
    let steps = missing.check(Purpose { writes: true, creates: false }).await;
    assert!(!steps[0].ok && steps[0].hint.is_some());
    // Below a regular file there is no folder, for root neither.
    let below = open("a.csv/more").await.unwrap();
    assert_eq!(below.datasets().await.unwrap_err().kind(), ErrorKind::Storage);
    let wrong = Connection::Csv(FileSettings {
        path: ".".to_owned(),
        csv: CsvSettings { encoding: "klingon".to_owned(), ..CsvSettings::default() },
    });
    let error = registry::open(&wrong, &Origin::new(folder.folder(), "test")).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Definition);
}
