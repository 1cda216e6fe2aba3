//! The journal's chunks and what becomes of them.

use std::sync::Arc;

use pinksync_model::{ConflictStatus, SessionId};

use super::Homes;
use super::made::{DATASET, OTHER, chunk, conflict, counted, hash, key, settle};
use crate::home::{Applied, Before, Entry, Home, JournalChunk, JournalEntry, JournalId, Settled, Settlement, Tally};
use crate::value::Value;

async fn pending(home: &dyn Home, dataset: &str) -> Vec<JournalId> {
    home.pending(dataset, None, usize::MAX).await.unwrap().into_iter().map(|(id, _)| id).collect()
}

async fn history(home: &dyn Home, session: SessionId) -> Vec<JournalId> {
    home.history(session, None, usize::MAX).await.unwrap().into_iter().map(|(id, _)| id).collect()
}

fn done(ids: &[JournalId]) -> Settlement {
    Settlement { journals: ids.to_vec(), ..Settlement::default() }
}

/// Every kind of value and of movement.
fn rich(session: SessionId) -> JournalChunk {
    let values = vec![
        Value::Missing,
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Float(-0.5),
        Value::Decimal("12345678901234567890.00".into()),
        Value::text("ä\0"),
        Value::Bytes(vec![0, 128, 255].into()),
        Value::Bytes([].into()),
        Value::Date(i32::MAX),
        Value::Time(86_400_000_000),
        Value::Timestamp(i64::MIN),
        Value::Instant(-1),
        Value::Uuid([7; 16]),
        Value::Json("{\"b\": 1.0}".into()),
        Value::text("x".repeat(70_000)),
    ];
    let image = values.iter().enumerate().map(|(n, value)| (format!("column {n}"), value.clone())).collect();
    let applied = |before, after_hash| {
        let native_key = values.clone().into();
        Arc::new(Applied { native_key, before, before_hash: Some(hash(1)), after_hash })
    };
    let made = chunk(session, DATASET, &[1, 2]);
    let entry = JournalEntry {
        key: key(3),
        source: Some(applied(Before::Image(image), None)),
        target: Some(applied(Before::Absent, Some(hash(2)))),
        old: Some(Arc::new(Entry { kept: true, ..Entry::default() })),
        new: None,
        decision: "delete, the source's".into(),
        tally: Tally(u32::MAX),
        conflict: Some(Box::new(conflict(3, ConflictStatus::Resolved))),
    };
    JournalChunk { entries: made.entries.into_iter().chain([entry]).collect(), ..made }
}

pub(super) async fn a_chunk_reads_back_as_it_was_written(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let id = home.journal(&rich(session)).await.unwrap();
    assert_eq!(home.pending(DATASET, None, 9).await.unwrap(), [(id, rich(session))]);
    settle(&*home, session, DATASET, &done(&[id])).await;
    assert_eq!(home.history(session, None, 1).await.unwrap(), [(id, rich(session))]);
}

pub(super) async fn a_chunk_is_found_by_its_id_while_it_is_pending(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let id = home.journal(&rich(session)).await.unwrap();
    let other = home.journal(&chunk(session, DATASET, &[1])).await.unwrap();
    assert_eq!(home.pending_chunk(DATASET, id).await.unwrap(), Some(rich(session)));
    assert_eq!(home.pending_chunk(OTHER, id).await.unwrap(), None);
    settle(&*home, session, DATASET, &done(&[id])).await;
    assert_eq!(home.pending_chunk(DATASET, id).await.unwrap(), None);
    assert_eq!(home.pending_chunk(DATASET, other).await.unwrap(), Some(chunk(session, DATASET, &[1])));
}

pub(super) async fn pending_chunks_of_all_sessions_come_oldest_first(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let mut ids = Vec::new();
    for n in [5, 3, 9, 1] {
        ids.push(home.journal(&chunk(SessionId::new(), DATASET, &[n])).await.unwrap());
    }
    let other = home.journal(&chunk(SessionId::new(), OTHER, &[4])).await.unwrap();
    assert_eq!(pending(&*home, DATASET).await, ids);
    assert_eq!(pending(&*home, OTHER).await, [other]);
    let mut paged = Vec::new();
    while let Some((id, _)) = home.pending(DATASET, paged.last().copied(), 1).await.unwrap().pop() {
        paged.push(id);
    }
    assert_eq!(paged, ids);
    assert_eq!(home.pending(DATASET, Some(ids[0]), 2).await.unwrap().len(), 2);
}

pub(super) async fn done_chunks_are_history_newest_first(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let mut ids = Vec::new();
    for (n, dataset) in [DATASET, OTHER, DATASET, OTHER, DATASET].into_iter().enumerate() {
        let id = home.journal(&chunk(session, dataset, &[n as u32])).await.unwrap();
        settle(&*home, session, dataset, &done(&[id])).await;
        ids.insert(0, id);
    }
    let other = home.journal(&chunk(SessionId::new(), DATASET, &[1])).await.unwrap();
    settle(&*home, session, DATASET, &done(&[other])).await;
    home.journal(&chunk(session, DATASET, &[9])).await.unwrap();
    assert_eq!(history(&*home, session).await, ids, "of all datasets, without other sessions and what is pending");
    let mut paged = Vec::new();
    while let Some((id, chunk)) = home.history(session, paged.last().copied(), 1).await.unwrap().pop() {
        assert_eq!(chunk.session, session);
        paged.push(id);
    }
    assert_eq!(paged, ids);
    assert_eq!(home.history(session, Some(ids[1]), 2).await.unwrap().len(), 2);
}

pub(super) async fn a_void_chunk_is_gone(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let id = home.journal(&chunk(session, DATASET, &[1])).await.unwrap();
    let kept = home.journal(&chunk(session, DATASET, &[2])).await.unwrap();
    let void = Settlement { void_journals: vec![id], ..Settlement::default() };
    settle(&*home, session, DATASET, &void).await;
    assert_eq!(pending(&*home, DATASET).await, [kept]);
    assert_eq!(history(&*home, session).await, []);
}

pub(super) async fn an_amended_chunk_is_done_with_what_was_applied(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let id = home.journal(&chunk(session, DATASET, &[1, 2, 3])).await.unwrap();
    let amended = Settlement { amended: vec![(id, chunk(session, DATASET, &[2]))], ..Settlement::default() };
    settle(&*home, SessionId::new(), DATASET, &amended).await;
    assert_eq!(pending(&*home, DATASET).await, []);
    assert_eq!(home.history(session, None, 9).await.unwrap(), [(id, chunk(session, DATASET, &[2]))]);
}

pub(super) async fn an_undone_chunk_leaves_the_history(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(home.journal(&chunk(session, DATASET, &[n])).await.unwrap());
    }
    settle(&*home, session, DATASET, &done(&ids)).await;
    let undone = Settlement { undone: vec![ids[2]], ..Settlement::default() };
    settle(&*home, SessionId::new(), DATASET, &undone).await;
    assert_eq!(history(&*home, session).await, [ids[1], ids[0]]);
    assert_eq!(pending(&*home, DATASET).await, []);
}

pub(super) async fn a_chunk_is_settled_once(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let id = home.journal(&chunk(session, DATASET, &[1])).await.unwrap();
    let settlement = Settlement { counted: counted(DATASET, 5), ..done(&[id]) };
    settle(&*home, session, DATASET, &settlement).await;
    let again = home.settle(session, DATASET, &settlement).await;
    assert!(!matches!(again, Ok(Settled::Done)), "{again:?}");
    let amended = Settlement { amended: vec![(id, chunk(session, DATASET, &[2]))], ..settlement };
    let again = home.settle(session, DATASET, &amended).await;
    assert!(!matches!(again, Ok(Settled::Done)), "{again:?}");
    assert_eq!(home.counted(session).await.unwrap()[0].1.read.source, 5);
}

pub(super) async fn a_pending_chunk_outlives_its_process(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let session = SessionId::new();
    let id = home.journal(&rich(session)).await.unwrap();
    let home = homes.reopen(home).await;
    assert_eq!(home.pending(DATASET, None, 9).await.unwrap(), [(id, rich(session))]);
    let later = home.journal(&chunk(session, DATASET, &[1])).await.unwrap();
    assert!(later > id, "{later:?} after {id:?}");
    settle(&*home, SessionId::new(), DATASET, &done(&[id])).await;
    assert_eq!(history(&*home, session).await, [id]);
}
