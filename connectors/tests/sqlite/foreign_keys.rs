//! Foreign keys: what SQLite refuses by itself, what it would take along, what it only tells at commit.

use pinksync_engine::Value;
use pinksync_engine::connector::{Guard, Outcome};

use super::setup::{Database, refusal};

#[tokio::test]
async fn a_child_without_its_parent_is_tried_again_after_it() {
    let database = Database::new(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent);",
    );
    let (parent, child) = (database.table("parent", &["id"]).await, database.table("child", &["id"]).await);
    let write = child.create(vec![Value::Int(1), Value::Int(7)]);
    assert_eq!(refusal(&child.apply(vec![write.clone()]).await[0]), ("foreign_key", true));
    parent.apply(vec![parent.create(vec![Value::Int(7)])]).await;
    assert!(matches!(child.apply(vec![write]).await[0], Outcome::Written));
    let delete = parent.delete(&parent.row(Value::Int(7)).await);
    assert_eq!(refusal(&parent.apply(vec![delete]).await[0]), ("foreign_key", true));
}

#[tokio::test]
async fn a_record_is_not_deleted_while_others_would_go_with_it() {
    for action in ["CASCADE", "SET NULL", "SET DEFAULT"] {
        let database = Database::new(&format!(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent ON DELETE {action});
             INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (10, 1);"
        ));
        let parent = database.table("parent", &["id"]).await;
        let rows = parent.rows().await;
        let outcomes = parent.apply(vec![parent.delete(&rows[0]), parent.delete(&rows[1])]).await;
        assert_eq!(refusal(&outcomes[0]), ("has_dependents", false), "{action}");
        assert!(matches!(outcomes[1], Outcome::Deleted(_)), "{action}");
        assert_eq!(database.ask::<i64>("SELECT count(*) FROM child WHERE p = 1"), 1);
        database.other.execute_batch("DELETE FROM child").unwrap();
        let outcomes = parent.apply(vec![parent.delete(&rows[0])]).await;
        assert!(matches!(outcomes[0], Outcome::Deleted(_)), "{action}");
    }
}

#[tokio::test]
async fn a_record_may_reference_itself() {
    let database = Database::new(
        "CREATE TABLE tree (id INTEGER PRIMARY KEY, above INTEGER REFERENCES tree ON DELETE CASCADE);
         INSERT INTO tree VALUES (1, 1), (2, 2), (3, 2);",
    );
    let tree = database.table("tree", &["id"]).await;
    let rows = tree.rows().await;
    let outcomes = tree.apply(rows.iter().map(|row| tree.delete(row)).collect()).await;
    assert!(matches!(outcomes[0], Outcome::Deleted(_)));
    assert_eq!(refusal(&outcomes[1]), ("has_dependents", false));
    assert!(matches!(outcomes[2], Outcome::Deleted(_)));
}

#[tokio::test]
async fn deferred_foreign_keys_refuse_the_record_and_not_the_commit() {
    let database = Database::new(
        "CREATE TABLE parent (a INTEGER, b TEXT, note TEXT, PRIMARY KEY (a, b));
         CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER, b TEXT,
                             FOREIGN KEY (a, b) REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO parent VALUES (1, 'x', NULL), (2, 'y', NULL); INSERT INTO child VALUES (1, 1, 'x');",
    );
    let (parent, child) = (database.table("parent", &["a", "b"]).await, database.table("child", &["id"]).await);
    let row = |id: i64, a: Value, b: Value| child.create(vec![Value::Int(id), a, b]);
    let outcomes = child
        .apply(vec![
            row(2, Value::Int(9), Value::text("x")),
            row(3, Value::Int(2), Value::text("y")),
            row(4, Value::Int(9), Value::Null),
            child.update(&child.row(Value::Int(1)).await, vec![(2, Value::text("nowhere"))]),
        ])
        .await;
    assert_eq!(refusal(&outcomes[0]), ("foreign_key", true));
    assert!(matches!(outcomes[1], Outcome::Written) && matches!(outcomes[2], Outcome::Written));
    assert_eq!(refusal(&outcomes[3]), ("foreign_key", true));
    assert_eq!(database.ask::<String>("SELECT group_concat(id || ifnull(b, '')) FROM child"), "1x,3y,4");
    let rows = parent.rows().await;
    let outcomes = parent.apply(vec![parent.delete(&rows[0])]).await;
    assert_eq!(refusal(&outcomes[0]), ("foreign_key", true));
}

#[tokio::test]
async fn a_deferred_failure_that_others_cause_is_told_at_commit() {
    let database = Database::new(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE log (id INTEGER PRIMARY KEY);
         CREATE TRIGGER spoil AFTER INSERT ON log BEGIN INSERT INTO child VALUES (1, 99); END;",
    );
    let log = database.table("log", &["id"]).await;
    let mut transaction = log.dataset.begin(Guard::Compare).await.unwrap();
    transaction.write(vec![log.create(vec![Value::Int(1)])]).await.unwrap();
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.kind(), pinksync_engine::ErrorKind::Data);
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM log"), 0);
}
