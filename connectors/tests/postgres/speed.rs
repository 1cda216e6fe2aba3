//! temporary
use super::setup::{Place, int};
use pinksync_engine::connector::Guard;
use pinksync_engine::key::KeyRange;
use std::time::Instant;

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let rest: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (rest[11].parse::<f64>().unwrap() + rest[12].parse::<f64>().unwrap()) / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speed() {
    let place = Place::new("pinksync_speed", "CREATE TABLE s (id bigint PRIMARY KEY, a text, b text, c numeric(12,2), d timestamptz, e int, f boolean, g date, h float8, i uuid);
      CREATE TABLE t (LIKE s INCLUDING ALL); CREATE TABLE w (LIKE s INCLUDING ALL); ALTER TABLE w ADD n inet;
      INSERT INTO s SELECT i, md5(i::text), 'name '||i, i*1.25, now(), i%1000, i%2=0, current_date, i/3.0, gen_random_uuid() FROM generate_series(1,1000000) i; ANALYZE s;").await;
    place.run("VACUUM s").await;
    let source = place.open("s", &["id"]).await;
    for budget in [usize::MAX, 16<<20] {
        let (c, t) = (cpu(), Instant::now());
        let mut range = KeyRange::default();
        let mut rows = Vec::new();
        let mut tx = source.begin(Guard::Snapshot).await;
        let mut pages = 0;
        let mut n = 0;
        loop {
            let page = tx.read(&range, budget).await.unwrap();
            pages += 1;
            n += page.rows.len();
            rows = page.rows;
            match page.cut { Some(cut) => range.low = Some(cut), None => break }
        }
        println!("read {n} rows in {pages} pages: {:?}, cpu {:.2}", t.elapsed(), cpu() - c);
        drop(rows);
        tx.rollback().await.unwrap();
    }
    let t = Instant::now();
    let cuts = source.dataset.split(1000).await.unwrap();
    println!("split {} {:?}", cuts.len(), t.elapsed());
    let t = Instant::now();
    let mut tx = source.begin(Guard::Snapshot).await;
    let sums = tx.sums(&KeyRange::default(), &cuts).await.unwrap().unwrap();
    println!("sums {} {:?}", sums.len(), t.elapsed());
    let t = Instant::now();
    for i in 0..100 { tx.sums(&KeyRange { low: Some(cuts[i*4].clone()), high: Some(cuts[i*4+4].clone()) }, &cuts[i*4+1..i*4+4]).await.unwrap().unwrap(); }
    println!("100 small sums {:?}", t.elapsed());
    tx.rollback().await.unwrap();
    let rows = source.page(&KeyRange { low: None, high: Some(cuts[200].clone()) }, usize::MAX).await.rows;
    for (name, per) in [("t", 1000), ("w", 1000)] {
        let target = place.open(name, &["id"]).await;
        let (c, t) = (cpu(), Instant::now());
        let mut tx = target.begin(Guard::Snapshot).await;
        for chunk in rows.chunks(per) {
            let writes = chunk.iter().map(|row| { let mut v = row.native.clone(); if name == "w" { v.push(super::setup::text("10.0.0.1")); } target.create(v) }).collect();
            tx.write(writes).await.unwrap();
        }
        tx.commit().await.unwrap();
        println!("create {name} {} {:?} cpu {:.2} = {:.0}/s", rows.len(), t.elapsed(), cpu() - c, rows.len() as f64 / t.elapsed().as_secs_f64());
        let there = target.rows().await;
        let (c, t) = (cpu(), Instant::now());
        let mut tx = target.begin(Guard::Snapshot).await;
        for chunk in there.chunks(per) {
            let writes = chunk.iter().map(|row| target.update(row, &[("e", int(5))])).collect();
            tx.write(writes).await.unwrap();
        }
        tx.commit().await.unwrap();
        println!("update {name} {:?} cpu {:.2} = {:.0}/s", t.elapsed(), cpu() - c, rows.len() as f64 / t.elapsed().as_secs_f64());
        let keys: Vec<_> = there.iter().map(|row| vec![row.native[0].clone()]).collect();
        let t = Instant::now();
        let mut tx = target.begin(Guard::Snapshot).await;
        for chunk in keys.chunks(1000) { tx.lookup(chunk).await.unwrap(); }
        println!("lookup {:?} = {:.0}/s", t.elapsed(), rows.len() as f64 / t.elapsed().as_secs_f64());
        tx.rollback().await.unwrap();
        let there = target.rows().await;
        let (c, t) = (cpu(), Instant::now());
        let mut tx = target.begin(Guard::Compare).await;
        for chunk in there.chunks(per) {
            let writes = chunk.iter().map(|row| target.delete(row)).collect();
            tx.write(writes).await.unwrap();
        }
        tx.commit().await.unwrap();
        println!("delete compare {name} {:?} cpu {:.2} = {:.0}/s", t.elapsed(), cpu() - c, rows.len() as f64 / t.elapsed().as_secs_f64());
    }
    let t = Instant::now();
    let un = place.open_with("s", &["id"], |s| s.ordered = false).await;
    let (r, _) = un.scan().await;
    println!("scan {} {:?}", r.len(), t.elapsed());
}
