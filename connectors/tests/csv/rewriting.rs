//! What a rewritten file keeps: every byte that no change names.

use pinksync_engine::Value;
use pinksync_engine::connector::{Change, Outcome, Write};
use pinksync_model::CsvSettings;

use super::setup::{Folder, refusal};

#[tokio::test]
async fn untouched_records_keep_their_bytes_and_their_order() {
    let content = "\u{feff}id,\"name\",extra\r\n\
                   3,\"needless quotes\",\"x, y\"\r\n\
                   1,a,  spaces  \r\n\
                   \r\n\
                   2,\"two\nlines\",\r\n\
                   4,d,\"\"\r\n";
    let folder = Folder::new("a.csv", content.as_bytes());
    let file = folder.file_with(|spec| spec.columns.truncate(2)).await;
    let rows = file.rows().await;
    let by_id = |id: &str| rows.iter().find(|row| row.native[0] == Value::text(id)).unwrap();
    let outcomes = file
        .apply(vec![
            file.update(by_id("3"), &[(1, "new, and quoted")]),
            file.delete(by_id("1")),
            file.update(by_id("4"), &[(1, "")]),
            file.create(&["6", "f"]),
            file.create(&["5", "say \"so\""]),
        ])
        .await;
    assert!(matches!(outcomes[1], Outcome::Deleted(_)));
    assert_eq!(
        folder.text(),
        "\u{feff}id,\"name\",extra\r\n\
         3,\"new, and quoted\",\"x, y\"\r\n\
         \r\n\
         2,\"two\nlines\",\r\n\
         4,,\"\"\r\n\
         5,\"say \"\"so\"\"\",\r\n\
         6,f,\r\n"
    );
    assert_eq!(file.rows().await.len(), 5);
}

#[tokio::test]
async fn a_file_whose_last_line_has_no_ending_stays_so() {
    for (content, expected) in [
        ("id,name\n1,a\n2,b", "id,name\n1,a\n2,new\n3,c"),
        ("id,name\n1,a\n2,b\n", "id,name\n1,a\n2,new\n3,c\n"),
        ("id,name\r\n1,a\r\n2,b", "id,name\r\n1,a\r\n2,new\r\n3,c"),
    ] {
        let folder = Folder::new("a.csv", content.as_bytes());
        let file = folder.file().await;
        let rows = file.rows().await;
        file.apply(vec![file.create(&["3", "c"]), file.update(&rows[1], &[(1, "new")])]).await;
        assert_eq!(folder.text(), expected);
    }
}

#[tokio::test]
async fn records_that_come_and_go_leave_the_bytes_that_were_there() {
    for content in
        ["id,name", "id,name\r\n", "id,name\n1,a\n2,b", "id,name\r\n1,a\r\n\r\n2,\"b\r\n\"\r\n", "id,name\r1,a"]
    {
        let folder = Folder::new("a.csv", content.as_bytes());
        let file = folder.file().await;
        file.rows().await;
        file.apply(vec![file.create(&["3", "c"]), file.create(&["4", "d"])]).await;
        assert_ne!(folder.text(), content);
        let rows = file.rows().await;
        let added = rows.iter().filter(|row| ["3", "4"].map(Value::text).contains(&row.native[0]));
        file.apply(added.map(|row| file.delete(row)).collect()).await;
        assert_eq!(folder.text(), content);
    }
}

#[tokio::test]
async fn a_field_between_quotes_stays_between_quotes() {
    let content = "id,name\n\"1\",\"a\"\n2,b\n3,\"c\"\n";
    let folder = Folder::new("a.csv", content.as_bytes());
    let file = folder.file().await;
    let change = async |values: [&str; 3]| {
        let rows = file.rows().await;
        file.apply(rows.iter().zip(values).map(|(row, value)| file.update(row, &[(1, value)])).collect()).await;
    };
    change(["x", "y", "say \"z\""]).await;
    assert_eq!(folder.text(), "id,name\n\"1\",\"x\"\n2,y\n3,\"say \"\"z\"\"\"\n");
    change(["a", "b", "c"]).await;
    assert_eq!(folder.text(), content);
}

#[tokio::test]
async fn every_record_may_go() {
    let folder = Folder::new("a.csv", b"id,name\n1,a\n2,b\n");
    let file = folder.file().await;
    let rows = file.rows().await;
    file.apply(rows.iter().map(|row| file.delete(row)).collect()).await;
    assert_eq!(folder.text(), "id,name\n");
    assert!(file.rows().await.is_empty());
}

#[tokio::test]
async fn a_deleted_record_comes_back_with_its_unmapped_columns() {
    let folder = Folder::new("a.csv", b"id,secret,name\n1,s1,a\n2,\"s, 2\",b\n");
    let file = folder.file_with(|spec| {
        spec.columns.remove(1);
    });
    let file = file.await;
    let rows = file.rows().await;
    let Outcome::Deleted(image) = file.apply(vec![file.delete(&rows[1])]).await.remove(0) else { panic!() };
    assert_eq!(image[1], ("secret".to_owned(), Value::text("s, 2")));
    assert_eq!(folder.text(), "id,secret,name\n1,s1,a\n");
    let restore = Write { key: [Value::text("2")].into(), expect: None, change: Change::Restore(image.clone()) };
    file.apply(vec![restore.clone()]).await;
    assert_eq!(folder.text(), "id,secret,name\n1,s1,a\n2,\"s, 2\",b\n");
    assert!(matches!(file.apply(vec![restore]).await[0], Outcome::Moved));
    let gone = vec![("id".to_owned(), Value::text("9")), ("gone".to_owned(), Value::Null)];
    let restore = Write { key: [Value::text("9")].into(), expect: None, change: Change::Restore(gone) };
    assert_eq!(refusal(&file.apply(vec![restore]).await[0]), "refused");
}

#[tokio::test]
async fn new_records_come_in_key_order_whatever_order_they_were_collected_in() {
    let folder = Folder::new("a.csv", b"id,name\n50,x\n");
    let file = folder.file().await;
    file.rows().await;
    for batch in [["70", "90"], ["10", "60"], ["20", "80"], ["30", "40"]] {
        file.collect(batch.iter().map(|id| file.create(&[id, "n"])).collect()).await;
    }
    file.dataset.publish().await.unwrap();
    let expected: String = (1..10).filter(|ten| *ten != 5).map(|ten| format!("{ten}0,n\n")).collect();
    assert_eq!(folder.text(), format!("id,name\n50,x\n{expected}"));
}

#[tokio::test]
async fn what_the_file_cannot_hold_is_refused() {
    let settings = CsvSettings { encoding: "latin1".to_owned(), null: Some("-".to_owned()), ..CsvSettings::default() };
    let folder = Folder::with("a.csv", b"id,name\n1,caf\xe9\n2,b\n", settings);
    let file = folder.file_with(|spec| spec.max_record_bytes = 500).await;
    let rows = file.rows().await;
    let long = "x".repeat(600);
    let outcomes = file
        .apply(vec![
            file.create(&["3", "日本"]),
            file.create(&["4", "-"]),
            file.create(&["5", &long]),
            file.update(&rows[1], &[(1, &long)]),
            file.update(&rows[0], &[(1, "na\u{ef}ve")]),
            file.create(&["6", "ok"]),
            Write { key: [Value::Null].into(), ..file.create(&["", "no key"]) },
        ])
        .await;
    let codes: Vec<&str> =
        outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Rejected(_))).map(refusal).collect();
    assert_eq!(codes, ["type", "type", "too_large", "too_large", "type"]);
    assert_eq!(folder.bytes(), b"id,name\n1,na\xefve\n2,b\n6,ok\n");
}

#[tokio::test]
async fn an_empty_text_that_comes_back_as_null_is_seen_so_by_its_own_transaction() {
    let folder = Folder::new("a.csv", b"id,name\n1,a\n");
    assert!(folder.system.describe("a").await.unwrap().unwrap().transforms);
    let file = folder.file().await;
    file.rows().await;
    let mut transaction = file.dataset.begin(pinksync_engine::connector::Guard::Compare).await.unwrap();
    let empty = vec![Value::text("2"), Value::text("")];
    let create = Write { key: [Value::text("2")].into(), expect: None, change: Change::Create(empty.into()) };
    assert!(matches!(transaction.write(vec![create]).await.unwrap()[0], Outcome::Written));
    let found = transaction.lookup(&[[Value::text("2")].into(), [Value::text("1")].into()]).await.unwrap();
    let [pinksync_engine::connector::Found::Row(new), pinksync_engine::connector::Found::Row(_)] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(new.native[1], Value::Null);
}

#[tokio::test]
async fn one_column_is_enough() {
    let folder = Folder::new("a.csv", b"id\n1\n2\n");
    let file = folder.file().await;
    let rows = file.rows().await;
    file.apply(vec![file.delete(&rows[0]), file.create(&["3"])]).await;
    assert_eq!(folder.text(), "id\n2\n3\n");
}
