//! Somebody else writes to both databases during two-way sessions: nothing of theirs is ever lost.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pinksync_engine::Value;
use pinksync_engine::home::{Before, Home};
use pinksync_local::StateFile;

use super::support::Flow;

/// Every value the writer ever wrote is unique text, so that it can be searched for.
#[test]
fn no_write_of_a_concurrent_writer_is_lost() {
    let flow = Flow::new();
    flow.both("CREATE TABLE t (id bigint PRIMARY KEY, a text, updated_at timestamptz DEFAULT clock_timestamp())");
    flow.source("INSERT INTO t SELECT n, 'first ' || n FROM generate_series(1, 3000) n");
    flow.sync("direction: two_way\nstrategy: newest_wins\ndatasets:\n  - { source: public.t, key: [id], modified_at: updated_at }\n");
    flow.session(0);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = [("s", flow.source.url.clone()), ("t", flow.target.url.clone())]
        .into_iter()
        .map(|(tag, url)| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || write_until(tag, &url, &stop))
        })
        .collect();
    for _ in 0..8 {
        let ran = flow.run(&["run", "sync.yaml", "--yes", "--allow", "max_delete_percent"]);
        assert!(matches!(ran.code, 0 | 3), "{} {}", ran.code, ran.stderr);
    }
    stop.store(true, Ordering::Relaxed);
    let last: Vec<BTreeMap<i64, Option<String>>> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    assert!(last.iter().all(|written| written.len() > 20), "the writers hardly wrote");
    for _ in 0..3 {
        flow.run(&["run", "sync.yaml", "--yes", "--allow", "max_delete_percent"]);
    }
    let conflicts = flow.run(&["conflicts", "list", "sync.yaml", "--all", "-o", "json"]).stdout;
    let lost = flow.nowhere(&last, &conflicts);
    assert!(lost.is_empty(), "{} values are nowhere: {:?}", lost.len(), &lost[..lost.len().min(10)]);
}

/// Random updates, deletes and inserts; the last thing done to each key on this side (`None`: deleted).
fn write_until(tag: &str, url: &str, stop: &AtomicBool) -> BTreeMap<i64, Option<String>> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let mut last = BTreeMap::new();
        let mut state: u64 = if tag == "s" { 1 } else { 2 };
        for step in 0..200_000_u64 {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let id = ((state >> 33) % 3500) as i64 + 1;
            let value = format!("{tag}{step}");
            let done = match (state >> 20) % 10 {
                0 => client.execute("DELETE FROM t WHERE id = $1", &[&id]).await.map(|n| (n, None)),
                1 => client
                    .execute("INSERT INTO t (id, a) VALUES ($1, $2) ON CONFLICT DO NOTHING", &[&id, &value])
                    .await
                    .map(|n| (n, Some(value))),
                _ => client
                    .execute("UPDATE t SET a = $2, updated_at = clock_timestamp() WHERE id = $1", &[&id, &value])
                    .await
                    .map(|n| (n, Some(value))),
            };
            if let Ok((1, what)) = done {
                last.insert(id, what);
            }
        }
        last
    })
}

impl Flow {
    /// Last written values that are neither in a table, nor in a conflict record, nor in the journal.
    fn nowhere(&self, last: &[BTreeMap<i64, Option<String>>], conflicts: &str) -> Vec<String> {
        let all = "SELECT string_agg(a, ',') FROM t";
        let tables = format!(",{},{},", self.source_value(all), self.target_value(all));
        let journaled = self.journaled();
        let values = last.iter().flat_map(BTreeMap::values).flatten();
        values
            .filter(|value| {
                !tables.contains(&format!(",{value},"))
                    && !conflicts.contains(&format!("\"{value}\""))
                    && !journaled.contains(*value)
            })
            .cloned()
            .collect()
    }

    /// Every text that stands in a before-image of any session.
    fn journaled(&self) -> HashSet<String> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let state = StateFile::open_read_only(&self.path("sync.state.db")).unwrap();
            let mut texts = HashSet::new();
            for session in state.sessions().await.unwrap() {
                let mut before = None;
                while let Some((id, chunk)) = state.history(session.id, before, 1).await.unwrap().pop() {
                    before = Some(id);
                    for applied in chunk.entries.iter().flat_map(|entry| [&entry.source, &entry.target]).flatten() {
                        texts.extend(texts_of(&applied.before));
                    }
                }
            }
            texts
        })
    }
}

fn texts_of(before: &Before) -> Vec<String> {
    let values: Vec<&Value> = match before {
        Before::Absent => Vec::new(),
        Before::Fields(values) => values.iter().collect(),
        Before::Image(image) => image.iter().map(|(_, value)| value).collect(),
    };
    values
        .into_iter()
        .filter_map(|value| match value {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        })
        .collect()
}
