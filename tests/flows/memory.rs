//! Memory is bounded by batches in flight, not by the dataset: it does not grow with it.

use std::io::Write;
use std::path::PathBuf;
use std::process::Child;

use super::support::{Flow, peak_memory};

const LIMIT: u64 = 400 * 1024 * 1024;

/// Waits for a child, which must exit with `code`, while watching its memory; gives its peak.
fn watch(child: &mut Child, code: i32) -> u64 {
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_memory(&process).unwrap_or(0));
        std::thread::yield_now();
    }
    assert_eq!(child.wait().unwrap().code(), Some(code));
    peak
}

/// Most that five times the records may add to the peak: a quarter of their bytes as they stand in the table or the file, and
/// less of what they would take in memory.
const GROWTH: u64 = 64 * 1024 * 1024;
/// The same for lines that cannot be read, which are short: holding them would add about 70 MB.
const GROWTH_OF_MALFORMED: u64 = 24 * 1024 * 1024;

/// The peak of a first load of so many rows of about 230 bytes from one database into the other.
fn load(rows: u64) -> u64 {
    let flow = Flow::new();
    flow.both("CREATE TABLE t (id bigint PRIMARY KEY, a text, b text, c numeric(12,2), d timestamptz, e boolean)");
    flow.source(&format!("INSERT INTO t SELECT n, md5(n::text), repeat(md5(n::text), 4), n * 1.5, '2026-01-01', true FROM generate_series(1, {rows}) n"));
    flow.sync("strategy: source_wins\ndatasets:\n  - { source: public.t }\n");
    let peak = watch(&mut flow.spawn(&["run", "sync.yaml", "--yes"]), 0);
    assert_eq!(flow.assert_same("t"), rows);
    peak
}

/// The peak of a load of so many lines of about 210 bytes, in no order.
fn load_file(lines: u64) -> u64 {
    let flow = Flow::new();
    let mut file = std::io::BufWriter::new(std::fs::File::create(flow.path("big.csv")).unwrap());
    writeln!(file, "id,a,b").unwrap();
    for n in 0..lines {
        let scattered = n.wrapping_mul(7_919) % lines;
        writeln!(file, "{scattered},{0:064x},{0:0128x}", scattered.wrapping_mul(0x9e37_79b9_7f4a_7c15)).unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
    flow.target("CREATE TABLE big (id bigint PRIMARY KEY, a text, b text)");
    let dataset = "strategy: source_wins\ndatasets:\n  - { source: big, target: public.big, key: [id] }\n";
    flow.write_file("sync.yaml", "{ type: csv, path: big.csv }", &flow.target.side(), dataset);
    let peak = watch(&mut flow.spawn(&["run", "sync.yaml", "--yes"]), 0);
    let counted = flow.target_value("SELECT count(*) || ' ' || count(DISTINCT a) FROM big");
    assert_eq!(counted, format!("{lines} {lines}"));
    peak
}

/// The peak of a session over a file to whose end so many lines of about 210 bytes were added since the last one.
fn load_grown(lines: u64) -> u64 {
    let flow = Flow::new();
    flow.target("CREATE TABLE big (id bigint PRIMARY KEY, a text, b text)");
    let dataset = "strategy: source_wins\ndatasets:\n  - { source: big, target: public.big, key: [id] }\n";
    flow.write_file("sync.yaml", "{ type: csv, path: big.csv }", &flow.target.side(), dataset);
    let write = |lines: u64| {
        let mut file = std::io::BufWriter::new(std::fs::File::create(flow.path("big.csv")).unwrap());
        writeln!(file, "id,a,b").unwrap();
        (0..lines).for_each(|n| writeln!(file, "{n},{n:064x},{n:0128x}").unwrap());
        file.into_inner().unwrap().sync_all().unwrap();
    };
    write(1000);
    watch(&mut flow.spawn(&["run", "sync.yaml", "--yes"]), 0);
    write(1000 + lines);
    let peak = watch(&mut flow.spawn(&["run", "sync.yaml", "--yes"]), 0);
    assert_eq!(
        flow.target_value("SELECT count(*) || ' ' || count(DISTINCT a) FROM big"),
        format!("{0} {0}", 1000 + lines)
    );
    peak
}

/// The peak of a session over so many lines that cannot be read; of one in eight the key is known.
fn load_malformed(lines: u64) -> u64 {
    let flow = Flow::new();
    let mut file = std::io::BufWriter::new(std::fs::File::create(flow.path("big.csv")).unwrap());
    writeln!(file, "id,a,b").unwrap();
    for n in 0..lines {
        match n % 8 {
            0 => writeln!(file, "{n},a"),
            _ => writeln!(file, "no whole number {n},a,{n}"),
        }
        .unwrap();
    }
    writeln!(file, "{lines},a,0").unwrap();
    file.into_inner().unwrap().sync_all().unwrap();
    flow.target("CREATE TABLE big (id bigint PRIMARY KEY, a text, b bigint)");
    let dataset = "strategy: source_wins\ndatasets:\n  - { source: big, target: public.big, key: [id] }\n";
    flow.write_file("sync.yaml", "{ type: csv, path: big.csv }", &flow.target.side(), dataset);
    let peak = watch(&mut flow.spawn(&["run", "sync.yaml", "--yes"]), 3);
    assert_eq!(flow.target_value("SELECT string_agg(id::text, ' ') FROM big"), lines.to_string());
    let rejects = flow.run(&["rejects", "sync.yaml", "-o", "json"]);
    assert_eq!(rejects.stdout.lines().count() as u64, lines);
    peak
}

#[track_caller]
fn stays(few: u64, many: u64, growth: u64) {
    let megabytes = |bytes: u64| bytes / 1024 / 1024;
    assert!(few > 0 && many < LIMIT, "{} MB", megabytes(many));
    assert!(many < few + growth, "from {} MB to {} MB", megabytes(few), megabytes(many));
}

#[test]
fn five_times_the_rows_take_no_more_memory() {
    stays(load(300_000), load(1_500_000), GROWTH);
}

#[test]
fn five_times_the_lines_take_no_more_memory() {
    stays(load_file(250_000), load_file(1_250_000), GROWTH);
}

#[test]
fn five_times_the_lines_at_the_end_of_a_known_file_take_no_more_memory() {
    stays(load_grown(200_000), load_grown(1_000_000), GROWTH);
}

#[test]
fn five_times_the_malformed_lines_take_no_more_memory() {
    stays(load_malformed(100_000), load_malformed(500_000), GROWTH_OF_MALFORMED);
}
