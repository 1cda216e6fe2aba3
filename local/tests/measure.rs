//! temp measure
#![allow(clippy::unwrap_used)]
mod common;
use std::sync::Arc;
use std::time::Instant;
use pinksync_engine::home::*;
use pinksync_engine::row::*;
use pinksync_engine::schema::FieldType;
use pinksync_engine::*;
use pinksync_model::*;
use common::*;

fn status(name: &str) -> String {
    std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with(name)).unwrap().to_owned()
}

fn spec() -> Arc<SideSpec> {
    let column = |name: &str, ty: FieldType| SideColumn { name: name.to_owned(), native: ty.clone(), common: ty, writable: true };
    Arc::new(SideSpec {
        dataset: "people.csv".to_owned(),
        columns: vec![column("id", FieldType::Int { bits: 64 }), column("name", FieldType::TEXT), column("email", FieldType::TEXT), column("n", FieldType::Int{bits:64}), column("note", FieldType::TEXT)],
        key: vec![0], modified_at: None, filter: None, ordered: false, max_record_bytes: 10 << 20,
    })
}
fn rnd(n: i64) -> u64 { let mut x = (n as u64).wrapping_add(0x9e3779b97f4a7c15); x = (x ^ (x >> 30)).wrapping_mul(0xbf58476d1ce4e5b9); x = (x ^ (x >> 27)).wrapping_mul(0x94d049bb133111eb); x ^ (x >> 31) }
fn row(spec: &SideSpec, n: i64) -> Row {
    let r = rnd(n);
    spec.admit(vec![Value::Int(n), Value::text(format!("Person {:x}", r)), Value::text(format!("user{}@example{}.com", n, r % 1000)), Value::Int((r >> 20) as i64),
      Value::text(format!("{:x}{:x} some words that are the same {:x} in all rows of this table", rnd(n+1), rnd(n+2), rnd(n+3)))]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staging() {
    let total: i64 = std::env::var("ROWS").ok().map_or(1_000_000, |v| v.parse().unwrap());
    for sorted in [false, true] {
        let place = Place::new();
        let state = place.open();
        let spec = spec();
        let mut writer = state.stage(DATASET, Side::Source, Arc::clone(&spec)).await.unwrap();
        let (mut make, mut push, mut bytes) = (0.0, 0.0, 0usize);
        let mut n = 0;
        while n < total {
            let t = Instant::now();
            let rows: Vec<Row> = (n..(n + 1000).min(total)).map(|i| row(&spec, if sorted { i } else { i * 7919 % total })).collect();
            n += 1000;
            bytes += rows.iter().map(Row::size).sum::<usize>();
            make += t.elapsed().as_secs_f64();
            let t = Instant::now();
            writer.push(rows).await.unwrap();
            push += t.elapsed().as_secs_f64();
        }
        let t = Instant::now();
        let run = writer.finish().await.unwrap();
        let finish = t.elapsed().as_secs_f64();
        let disk: u64 = std::fs::read_dir(place.path().with_file_name("sync.state.db.staging").join("0")).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        println!("sorted={sorted} make {make:.2} push {push:.2} finish {finish:.2} size {} MB disk {} MB {} {}", bytes >> 20, disk >> 20, status("VmHWM"), status("VmRSS"));
        let t = Instant::now();
        let mut range = KeyRange::default();
        let mut got = 0;
        loop {
            let (rows, cut) = run.read(&range, 4 << 20).await.unwrap();
            got += rows.len();
            match cut { Some(c) => range.low = Some(c), None => break }
        }
        println!("  read {got} in {:.2}", t.elapsed().as_secs_f64());
        let t = Instant::now();
        let sums = run.sums(&KeyRange::default(), &run.split(1000)).await.unwrap();
        println!("  sums {} in {:.2}", sums.len(), t.elapsed().as_secs_f64());
        let keys: Vec<Key> = (0..1000).map(|i| row(&spec, (rnd(i) % total as u64) as i64).key).collect();
        let t = Instant::now();
        run.lookup(&keys).await.unwrap();
        println!("  1000 scattered lookups in {:.3}", t.elapsed().as_secs_f64());
        let keys: Vec<Key> = (0..1000).map(|i| row(&spec, i).key).collect();
        let t = Instant::now();
        run.lookup(&keys).await.unwrap();
        println!("  1000 adjacent lookups in {:.4}", t.elapsed().as_secs_f64());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settling() {
    let place = Place::new();
    let state = place.open();
    let session = begin(&state, Mode::Sync).await;
    let spec = spec();
    let rows: Vec<Row> = (0..1000).map(|n| row(&spec, n)).collect();
    let held = |r: &Row| Held { hash: r.hash, values: Some(r.native.clone().into()) };
    let entries: Vec<(Key, Entry)> = rows.iter().map(|r| (r.key.clone(), Entry { source: Some(held(r)), target: Some(held(r)), kept: false })).collect();
    let t = Instant::now();
    let blob = base::encode(&entries).unwrap();
    println!("block of 1000: {} bytes, encode {:?}", blob.len(), t.elapsed());
    let chunk = JournalChunk { session, dataset: DATASET.into(), entries: rows.iter().map(|r| JournalEntry {
        key: r.key.clone(), target: Some(Applied { native_key: vec![r.native[0].clone()], before: Before::Absent, before_hash: None, after_hash: Some(r.hash) }),
        source: None, old: None, new: Some(Entry { source: Some(held(r)), target: Some(held(r)), kept: false }), decision: "create".into(), tally: Tally::CREATED_TARGET, conflict: None }).collect() };
    let (mut jt, mut st) = (vec![], vec![]);
    for seg in 0..60u32 {
        let t = Instant::now();
        let id = state.journal(&chunk).await.unwrap();
        jt.push(t.elapsed().as_secs_f64() * 1000.0);
        let lo = seg * 16;
        let k = |n: u32| if n == 0 { None } else { Some(key(n)) };
        let blocks = (0..16).map(|b| NewBlock { range: KeyRange { low: k(lo + b), high: Some(key(lo + b + 1)) }, entries: 1000, blob: blob.clone(), sums: None, checked: true }).collect();
        let s = Settlement { base: vec![BaseChange { range: KeyRange { low: k(lo), high: Some(key(lo + 16)) }, loaded: vec![], blocks }], journals: vec![id],
            conflicts: (0..10).map(|n| conflict(lo + n, ConflictStatus::Open)).collect(), ..Settlement::default() };
        let t = Instant::now();
        settle(&state, session, &s).await;
        st.push(t.elapsed().as_secs_f64() * 1000.0);
    }
    jt.sort_by(f64::total_cmp); st.sort_by(f64::total_cmp);
    println!("journal 1000 creates: median {:.1} max {:.1} ms; settle 16 blocks: median {:.1} max {:.1} ms", jt[30], jt[59], st[30], st[59]);
    let t = Instant::now();
    let headers = state.blocks(DATASET).await.unwrap();
    println!("{} headers {:?}", headers.len(), t.elapsed());
    let ids: Vec<_> = headers.iter().take(16).map(|h| h.id).collect();
    let t = Instant::now();
    state.load(DATASET, &ids).await.unwrap();
    println!("load 16 {:?}", t.elapsed());
    let t = Instant::now();
    let h = state.history(session, None, 10).await.unwrap();
    println!("history {} chunks {:?}", h.len(), t.elapsed());
    let t = Instant::now();
    let s = Settlement { skipped: headers.iter().map(|h| h.id).collect(), ..Settlement::default() };
    settle(&state, session, &s).await;
    println!("skip {} {:?}", headers.len(), t.elapsed());
    let t = Instant::now();
    for _ in 0..20 { let mut v = Vec::new(); let mut e = zstd::Encoder::new(&mut v, 1).unwrap(); let plain = rmp_serde::to_vec_named(&chunk.entries).unwrap(); std::io::Write::write_all(&mut e, &plain).unwrap(); e.finish().unwrap(); if t.elapsed().as_secs() > 9 { println!("{}", plain.len()) } }
    println!("pack to_vec_named+zstd: {:?} each", t.elapsed() / 20);
    let t = Instant::now();
    for _ in 0..20 { rmp_serde::to_vec(&chunk.entries).unwrap(); }
    println!("rmp to_vec only: {:?} each, {} bytes", t.elapsed() / 20, rmp_serde::to_vec(&chunk.entries).unwrap().len());
    drop(state);
    println!("file {} MB", std::fs::metadata(place.path()).unwrap().len() >> 20);
}
