//! Records that were left out.

use pinksync_engine::home::{Home, RejectRecord, Settlement};
use pinksync_model::{Mode, SessionId, Side};

use crate::common::{Place, begin, key, settle};

fn reject(key_of: Option<u32>, line: Option<u64>, reason: &str) -> RejectRecord {
    let (side, code) = (Side::Source, "malformed".to_owned());
    RejectRecord { side, key: key_of.map(key), line, code, reason: reason.to_owned() }
}

#[tokio::test]
async fn a_record_is_rejected_once_per_session_however_often_it_is_met() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    let given = vec![
        reject(Some(1), None, "too long"),
        reject(Some(1), Some(9), "still too long"),
        reject(None, Some(7), "three fields"),
        reject(None, Some(8), "three fields"),
        reject(None, None, "not UTF-8"),
        RejectRecord { side: Side::Target, ..reject(Some(1), None, "too long") },
    ];
    let settlement = Settlement { rejects: given.clone(), ..Settlement::default() };
    for _ in 0..2 {
        settle(&state, session, &settlement).await;
    }
    let stored = state.rejects(session).await.unwrap();
    let records: Vec<RejectRecord> = stored.iter().map(|reject| reject.record.clone()).collect();
    assert_eq!(records[..], given[1..], "the last word about a record stands");
    assert!(stored.iter().all(|reject| reject.session == session && reject.at.ends_with('Z')));
    state.settle(session, "orders → orders", &settlement).await.unwrap().done("settle").unwrap();
    settle(&state, SessionId::new(), &settlement).await;
    assert_eq!(state.rejects(session).await.unwrap().len(), 10, "of each dataset, without other sessions'");
}
