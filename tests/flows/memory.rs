//! A tenth of the size tests: memory stays bounded by batches, not by the dataset.

use std::io::Write;
use std::path::PathBuf;
use std::process::Child;

use super::support::{Flow, peak_memory};

const LIMIT: u64 = 400 * 1024 * 1024;

/// Waits for a child while watching its memory; gives its peak.
fn watch(child: &mut Child) -> u64 {
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_memory(&process).unwrap_or(0));
        std::thread::yield_now();
    }
    assert!(child.wait().unwrap().success());
    peak
}

#[test]
fn half_a_million_rows_stay_under_400_megabytes() {
    let flow = Flow::new();
    flow.both("CREATE TABLE t (id bigint PRIMARY KEY, a text, b text, c numeric(12,2), d timestamptz, e boolean)");
    flow.source("INSERT INTO t SELECT n, md5(n::text), repeat(md5(n::text), 2), n * 1.5, '2026-01-01', true FROM generate_series(1, 500000) n");
    flow.sync("strategy: source_wins\ndatasets:\n  - { source: public.t }\n");
    let peak = watch(&mut flow.spawn(&["run", "sync.yaml", "--yes"]));
    assert_eq!(flow.assert_same("t"), 500_000);
    assert!(peak > 0 && peak < LIMIT, "{} MB", peak / 1024 / 1024);
}

#[test]
fn a_csv_file_of_200_megabytes_stays_under_400_megabytes() {
    let flow = Flow::new();
    let mut file = std::io::BufWriter::new(std::fs::File::create(flow.path("big.csv")).unwrap());
    writeln!(file, "id,a,b").unwrap();
    for n in 0..1_000_000_u64 {
        let scattered = n.wrapping_mul(7_919) % 1_000_000;
        writeln!(file, "{scattered},{0:064x},{0:0128x}", scattered.wrapping_mul(0x9e37_79b9_7f4a_7c15)).unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
    flow.target("CREATE TABLE big (id bigint PRIMARY KEY, a text, b text)");
    let sync = format!(
        "source: {{ type: csv, path: big.csv }}\ntarget: {{ type: postgres, url: \"{}\" }}\nstrategy: source_wins\ndatasets:\n  - {{ source: big, target: public.big, key: [id] }}\n",
        flow.target.url
    );
    std::fs::write(flow.path("sync.yaml"), sync).unwrap();
    let peak = watch(&mut flow.spawn(&["run", "sync.yaml", "--yes"]));
    assert_eq!(flow.target_value("SELECT count(*) || ' ' || count(DISTINCT a) FROM big"), "1000000 1000000");
    assert!(peak > 0 && peak < LIMIT, "{} MB", peak / 1024 / 1024);
}
