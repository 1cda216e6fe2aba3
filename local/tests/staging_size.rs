//! A million rows staged: how long it takes and how much memory (`--nocapture` shows the figures).
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Instant;

use pinksync_engine::home::{Home, Run};
use pinksync_engine::row::{SideColumn, SideSpec};
use pinksync_engine::schema::FieldType;
use pinksync_engine::{KeyRange, Row, Value};
use pinksync_local::StateFile;
use pinksync_model::Side;

const ROWS: i64 = 1_000_000;

/// What the process may hold at its peak while it stages, however many rows there are.
const MEGABYTES: u64 = 150;

fn spec() -> Arc<SideSpec> {
    let column = |name: &str, ty: FieldType| SideColumn {
        name: name.to_owned(),
        native: ty.clone(),
        common: ty,
        writable: true,
        empty_is_null: false,
    };
    let int = FieldType::Int { bits: 64 };
    Arc::new(SideSpec {
        dataset: "people.csv".to_owned(),
        columns: vec![column("id", int.clone()), column("name", FieldType::TEXT), column("note", FieldType::TEXT)],
        key: vec![0],
        modified_at: None,
        filter: None,
        ordered: false,
        max_record_bytes: 10 << 20,
        batch_size: 1000,
    })
}

/// About 200 bytes.
fn row(spec: &SideSpec, n: i64) -> Row {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64);
    let note =
        format!("{mixed:x} {:x} words that many of the rows of this table share, and some that few do", mixed >> 7);
    spec.admit([Value::Int(n), Value::text(format!("person number {mixed}")), Value::text(note)].into()).unwrap()
}

/// The most memory that this process ever held.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

async fn stage(state: &StateFile, spec: &Arc<SideSpec>) -> Arc<dyn Run> {
    let mut writer = state.stage("people → persons", Side::Source, Arc::clone(spec)).await.unwrap();
    for start in (0..ROWS).step_by(1000) {
        // 7919 is prime to the number of rows: each comes once, in no order.
        writer.push((start..start + 1000).map(|n| row(spec, n * 7919 % ROWS)).collect()).await.unwrap();
    }
    writer.finish().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_rows_are_staged_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateFile::open(&folder.path().join("sync.state.db")).unwrap();
    let spec = spec();
    let begun = Instant::now();
    let run = stage(&state, &spec).await;
    let staged = begun.elapsed();
    let (mut range, mut next) = (KeyRange::default(), 0);
    loop {
        let (rows, cut) = run.read(&range, 1 << 20).await.unwrap();
        for row in &rows {
            assert_eq!(row.native[0], Value::Int(next));
            next += 1;
        }
        let Some(cut) = cut else { break };
        range.low = Some(cut);
    }
    assert_eq!(next, ROWS);
    let peak = peak_megabytes();
    println!("{ROWS} rows: made and staged in {staged:.1?}, read in {:.1?}, peak {peak} MB", begun.elapsed() - staged);
    assert!(peak < MEGABYTES, "{peak} MB");
}
