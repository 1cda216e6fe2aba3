//! Publishing: the swap, its guards, and what dead processes leave behind.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use pinksync_engine::connector::{Guard, Outcome};
use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType};
use pinksync_engine::{ErrorKind, Value};

use super::setup::Folder;

const CONTENT: &[u8] = b"id,name\n1,a\n2,b\n3,c\n";

#[tokio::test]
async fn nothing_collected_is_nothing_written() {
    let folder = Folder::new("a.csv", CONTENT);
    let file = folder.file().await;
    let rows = file.rows().await;
    let before = fs::metadata(folder.path()).unwrap();
    file.dataset.publish().await.unwrap();
    let mut transaction = file.dataset.begin(Guard::Compare).await.unwrap();
    transaction.write(vec![file.delete(&rows[0])]).await.unwrap();
    transaction.rollback().await.unwrap();
    let mut transaction = file.dataset.begin(Guard::Compare).await.unwrap();
    transaction.write(vec![file.delete(&rows[0])]).await.unwrap();
    drop(transaction);
    file.dataset.publish().await.unwrap();
    let after = fs::metadata(folder.path()).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
    assert_eq!(folder.bytes(), CONTENT);
    // What was rolled back can be collected again.
    assert!(matches!(file.apply(vec![file.delete(&rows[0])]).await[0], Outcome::Deleted(_)));
    assert_eq!(folder.text(), "id,name\n2,b\n3,c\n");
}

#[tokio::test]
async fn a_file_that_somebody_changed_is_not_replaced() {
    type Edit = fn(&Folder);
    let edits: [(&str, Edit); 4] = [
        ("appended to", |folder| {
            let mut file = fs::OpenOptions::new().append(true).open(folder.path()).unwrap();
            std::io::Write::write_all(&mut file, b"4,d\n").unwrap();
        }),
        ("replaced by an equal one", |folder| {
            fs::write(folder.folder().join("new"), CONTENT).unwrap();
            fs::rename(folder.folder().join("new"), folder.path()).unwrap();
        }),
        ("changed in place, size and time kept", |folder| {
            let times = fs::metadata(folder.path()).unwrap().modified().unwrap();
            let file = fs::OpenOptions::new().write(true).open(folder.path()).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"z", 10).unwrap();
            file.set_modified(times).unwrap();
        }),
        ("removed", |folder| fs::remove_file(folder.path()).unwrap()),
    ];
    for (what, edit) in edits {
        let folder = Folder::new("a.csv", CONTENT);
        let file = folder.file().await;
        let rows = file.rows().await;
        file.collect(vec![file.delete(&rows[2])]).await;
        edit(&folder);
        let there = fs::read(folder.path()).ok();
        let error = file.dataset.publish().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Moved | ErrorKind::Unreachable), "{what}: {error}");
        assert_eq!(fs::read(folder.path()).ok(), there, "{what}");
        assert!(folder.listing().iter().all(|name| name == "a.csv"), "{what}: {:?}", folder.listing());
        // The changes are gone with it; read anew, the file is written as ever.
        file.dataset.publish().await.unwrap();
        fs::write(folder.path(), CONTENT).unwrap();
        let rows = file.rows().await;
        file.apply(vec![file.delete(&rows[0])]).await;
        assert_eq!(folder.text(), "id,name\n2,b\n3,c\n", "{what}");
    }
}

#[tokio::test]
async fn changes_made_for_another_content_are_never_published() {
    let folder = Folder::new("a.csv", CONTENT);
    let file = folder.file().await;
    let rows = file.rows().await;
    file.collect(vec![file.delete(&rows[0])]).await;
    fs::write(folder.path(), b"id,name\n9,z\n1,a\n").unwrap();
    file.rows().await;
    assert_eq!(file.dataset.publish().await.unwrap_err().kind(), ErrorKind::Moved);
    assert_eq!(folder.bytes(), b"id,name\n9,z\n1,a\n");
}

#[tokio::test]
async fn reading_the_same_content_again_keeps_what_was_collected() {
    let folder = Folder::new("a.csv", CONTENT);
    let file = folder.file().await;
    let rows = file.rows().await;
    file.collect(vec![file.delete(&rows[0])]).await;
    file.rows().await;
    file.dataset.publish().await.unwrap();
    assert_eq!(folder.text(), "id,name\n2,b\n3,c\n");
}

#[tokio::test]
async fn a_record_is_changed_once_before_a_file_is_published() {
    let folder = Folder::new("a.csv", CONTENT);
    let file = folder.file().await;
    let rows = file.rows().await;
    let mut first = file.dataset.begin(Guard::Compare).await.unwrap();
    let mut second = file.dataset.begin(Guard::Compare).await.unwrap();
    assert!(matches!(first.write(vec![file.update(&rows[0], &[(1, "one")])]).await.unwrap()[0], Outcome::Written));
    let twice = vec![file.update(&rows[0], &[(1, "two")]), file.update(&rows[1], &[(1, "two")])];
    let outcomes = second.write(twice).await.unwrap();
    assert!(matches!(outcomes[0], Outcome::Moved) && matches!(outcomes[1], Outcome::Written));
    second.commit().await.unwrap();
    first.commit().await.unwrap();
    file.dataset.publish().await.unwrap();
    assert_eq!(folder.text(), "id,name\n1,one\n2,two\n3,c\n");
}

#[tokio::test]
async fn a_transaction_from_before_a_publication_is_not_kept() {
    let folder = Folder::new("a.csv", CONTENT);
    let file = folder.file().await;
    let rows = file.rows().await;
    let mut late = file.dataset.begin(Guard::Compare).await.unwrap();
    late.write(vec![file.delete(&rows[2])]).await.unwrap();
    file.apply(vec![file.delete(&rows[0])]).await;
    assert_eq!(late.write(vec![file.delete(&rows[1])]).await.unwrap_err().kind(), ErrorKind::Moved);
    assert_eq!(late.commit().await.unwrap_err().kind(), ErrorKind::Moved);
    file.dataset.publish().await.unwrap();
    assert_eq!(folder.text(), "id,name\n2,b\n3,c\n");
}

#[tokio::test]
async fn only_what_dead_processes_left_is_removed() {
    let folder = Folder::new("a.csv", CONTENT);
    let put = |name: &str| fs::File::create(folder.folder().join(name)).unwrap();
    put(".a.csv.pinksync-dead.tmp");
    put(".b.csv.pinksync-other.tmp");
    put(".a.csv.pinksync-no");
    let alive = put(".a.csv.pinksync-alive.tmp");
    alive.lock().unwrap();
    let file = folder.file().await;
    let rows = file.rows().await;
    file.apply(vec![file.delete(&rows[0])]).await;
    assert_eq!(
        folder.listing(),
        [".a.csv.pinksync-alive.tmp", ".a.csv.pinksync-no", ".b.csv.pinksync-other.tmp", "a.csv"]
    );
}

#[tokio::test]
async fn two_publications_of_one_file_do_not_overwrite_each_other() {
    let folder = Folder::new("a.csv", CONTENT);
    let (one, two) = (folder.file().await, folder.file().await);
    let rows = one.rows().await;
    two.rows().await;
    one.collect(vec![one.delete(&rows[0])]).await;
    two.collect(vec![two.delete(&rows[1])]).await;
    one.dataset.publish().await.unwrap();
    assert_eq!(two.dataset.publish().await.unwrap_err().kind(), ErrorKind::Moved);
    assert_eq!(folder.text(), "id,name\n2,b\n3,c\n");
    // Somebody of ours is at it: the old file is locked.
    let rows = one.rows().await;
    one.collect(vec![one.delete(&rows[0])]).await;
    let busy = fs::File::open(folder.path()).unwrap();
    busy.lock().unwrap();
    assert_eq!(one.dataset.publish().await.unwrap_err().kind(), ErrorKind::Moved);
}

#[tokio::test]
async fn a_writer_is_waited_for_and_those_who_wait_are_not() {
    let folder = Folder::new("a.csv", CONTENT);
    let other = fs::File::open(folder.path()).unwrap();
    other.lock_shared().unwrap();
    folder.system.end_others("").await.unwrap();
    other.unlock().unwrap();
    other.lock().unwrap();
    assert_eq!(folder.system.end_others("").await.unwrap_err().kind(), ErrorKind::Aborted);
}

#[tokio::test]
async fn rights_and_links_survive() {
    let folder = Folder::new("real.csv", CONTENT);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.csv", folder.folder().join("link.csv")).unwrap();
    let real = folder.file().await;
    let schema = folder.system.describe("link").await.unwrap().unwrap();
    let mut spec = (**real.dataset.spec()).clone();
    spec.dataset = "link".to_owned();
    let file = super::setup::File { dataset: folder.system.open(spec.into(), &schema).await.unwrap() };
    let rows = file.rows().await;
    file.apply(vec![file.delete(&rows[0])]).await;
    assert!(fs::symlink_metadata(folder.folder().join("link.csv")).unwrap().is_symlink());
    assert_eq!(folder.text(), "id,name\n2,b\n3,c\n");
    assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o640);
}

fn schema(name: &str, columns: &[&str]) -> DatasetSchema {
    let column = |name: &&str| ColumnSchema {
        name: (*name).to_owned(),
        ty: FieldType::Int { bits: 64 },
        carrier: Carrier::Typed,
        native: "bigint".to_owned(),
        nullable: true,
        writable: true,
        empty_is_null: false,
        ordered: true,
    };
    DatasetSchema {
        name: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        primary_key: vec![columns[0].to_owned()],
        unique_keys: Vec::new(),
        estimated_rows: None,
        transforms: false,
        references: Vec::new(),
        writable: true,
    }
}

#[tokio::test]
async fn a_new_file_is_its_header_and_then_takes_records() {
    for name in ["new", "other.csv.gz", "third.csv.zst"] {
        let folder = Folder::new("a.csv", CONTENT);
        assert!(folder.system.describe(name).await.unwrap().is_none());
        let foreseen = folder.system.foresee(&schema(name, &["id", "full, name"]), "postgres").await.unwrap();
        folder.system.create(&foreseen).await.unwrap();
        let made = folder.system.describe(name).await.unwrap().unwrap();
        assert_eq!(made, foreseen);
        assert_eq!(made.columns[1].name, "full, name");
        assert_eq!(folder.listing().len(), 2, "{:?}", folder.listing());
        let error = folder.system.create(&foreseen).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        let spec = pinksync_engine::row::SideSpec {
            dataset: name.to_owned(),
            columns: ["id", "full, name"]
                .map(|name| pinksync_engine::row::SideColumn {
                    name: name.to_owned(),
                    native: FieldType::TEXT,
                    common: FieldType::Int { bits: 64 },
                    writable: true,
                    empty_is_null: false,
                })
                .to_vec(),
            key: vec![0],
            modified_at: None,
            filter: None,
            ordered: false,
            max_record_bytes: 1000,
            batch_size: 1000,
        };
        let file = super::setup::File { dataset: folder.system.open(spec.into(), &made).await.unwrap() };
        file.apply(vec![file.create(&["2", "20"]), file.create(&["10", "100"])]).await;
        let keys: Vec<Value> = file.rows().await.iter().map(|row| row.native[0].clone()).collect();
        assert_eq!(keys, [Value::text("2"), Value::text("10")], "{name}: in the order of numbers");
    }
}

#[tokio::test]
async fn a_file_is_not_created_where_there_is_no_folder() {
    let folder = Folder::new("a.csv", CONTENT);
    for name in ["sub/new", "a.csv/new"] {
        let error = folder.system.foresee(&schema(name, &["id"]), "postgres").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage, "{name}: {error}");
        assert!(error.remedy().is_some());
    }
    let error = folder.system.foresee(&schema("../out", &["id"]), "postgres").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
}
