//! What a task sees of the journal, what tasks count together, and what people are shown.

use pinksync_engine::home::{BaseTerms, Home, JournalId, Settlement};
use pinksync_model::{ConflictStatus, SessionId};
use serde_json::{Value as Json, json};

use crate::database::Database;
use crate::made::{DATASET, chunk, conflict, counting};

async fn pending(home: &dyn Home) -> Vec<JournalId> {
    home.pending(DATASET, None, usize::MAX).await.unwrap().into_iter().map(|(id, _)| id).collect()
}

async fn history(home: &dyn Home, session: SessionId) -> Vec<JournalId> {
    home.history(session, None, usize::MAX).await.unwrap().into_iter().map(|(id, _)| id).collect()
}

#[tokio::test]
async fn a_task_sees_only_its_own_chunks() {
    let database = Database::new().await;
    let scope = database.sync().await;
    let (one, other) = (database.task(scope).await, database.task(scope).await);
    let (one, other, all) = (database.home(one), database.home(other), database.home(scope));
    let session = SessionId::new();
    let first = one.journal(&chunk(session, &[1])).await.unwrap();
    let second = other.journal(&chunk(session, &[2])).await.unwrap();
    assert_eq!(pending(&one).await, [first]);
    assert_eq!(pending(&other).await, [second]);
    assert_eq!(pending(&all).await, [first, second]);
    assert_eq!(one.pending_chunk(DATASET, second).await.unwrap(), None);
    assert!(all.pending_chunk(DATASET, second).await.unwrap().is_some());
    for (home, id) in [(&one, first), (&other, second)] {
        let settlement = Settlement { journals: vec![id], ..Settlement::default() };
        home.settle(session, DATASET, &settlement).await.unwrap().done("settle").unwrap();
    }
    assert_eq!(history(&one, session).await, [first]);
    assert_eq!(history(&all, session).await, [second, first]);
}

#[tokio::test]
async fn the_counters_of_two_tasks_add_up() {
    let database = Database::new().await;
    let scope = database.sync().await;
    let (one, other) = (database.task(scope).await, database.task(scope).await);
    let (one, other, session) = (database.home(one), database.home(other), SessionId::new());
    for (home, read) in [(&one, 1), (&other, 20), (&one, 300)] {
        home.settle(session, DATASET, &counting(read)).await.unwrap().done("settle").unwrap();
    }
    let counted = database.home(scope).counted(session).await.unwrap();
    assert_eq!(counted, [(DATASET.to_owned(), counting(321).counted)]);
    assert_eq!(database.value::<i64>("SELECT count(*) FROM counters").await, 2, "none waits for the other");
}

#[tokio::test]
async fn conflicts_are_shown_by_field_names_and_each_change_is_a_revision() {
    let database = Database::new().await;
    let (home, session) = (database.home(database.sync().await), SessionId::new());
    let terms = BaseTerms {
        source_identity: "one".to_owned(),
        target_identity: "other".to_owned(),
        definition: r#"{"key": ["id"]}"#.to_owned(),
        schema: "id bigint → id INTEGER\nname text → name TEXT".to_owned(),
    };
    home.set_terms(DATASET, &terms, false).await.unwrap();
    for revision in 1..=3_i64 {
        let settlement = Settlement { conflicts: vec![conflict(7, ConflictStatus::Open)], ..Settlement::default() };
        home.settle(session, DATASET, &settlement).await.unwrap().done("settle").unwrap();
        assert_eq!(database.value::<i64>("SELECT revision FROM conflicts").await, revision);
    }
    let shown: Json = database.value("SELECT shown FROM conflicts").await;
    let expected = json!({"key": {"id": 7}, "base": null, "source": {"id": 7, "name": "a\u{fffd}b"}, "target": null});
    assert_eq!(shown, expected, "a NUL character, which PostgreSQL's texts cannot hold, is marked");
}
