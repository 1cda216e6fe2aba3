//! Reading staged runs.

use std::sync::Arc;

use super::Homes;
use super::staging::{read, row, same, shuffled, spec, stage};
use crate::connector::RangeSum;
use crate::key::{Key, KeyRange};
use crate::row::Row;

fn key(n: i64) -> Key {
    row(&spec(), n).key
}

fn rows(numbers: std::ops::Range<i64>) -> Vec<Row> {
    numbers.map(|n| row(&spec(), n)).collect()
}

pub(super) async fn ranges_are_half_open(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let run = stage(&*home, shuffled(4000).map(|n| n * 2)).await.unwrap();
    let all: Vec<Row> = (-1000..3000).map(|n| row(&spec(), n * 2)).collect();
    // Bounds on rows, between rows, at and beyond both ends; empty ranges too.
    let bounds = [-9000, -2000, -1999, -1, 0, 1, 777, 778, 3000, 5998, 5999, 9000].map(|n| Some(key(n)));
    for low in bounds.iter().chain([&None]) {
        for high in bounds.iter().chain([&None]) {
            let range = KeyRange { low: low.clone(), high: high.clone() };
            let expected: Vec<Row> = all.iter().filter(|row| range.contains(&row.key)).cloned().collect();
            same(&read(&*run, &range, usize::MAX).await, &expected);
        }
    }
}

pub(super) async fn pages_cut_by_their_budget_join_without_a_gap(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let run = stage(&*home, shuffled(2000)).await.unwrap();
    for budget in [0, 1, 1000, 60_000, 10_000_000] {
        same(&read(&*run, &KeyRange::default(), budget).await, &rows(-500..1500));
        let inner = KeyRange { low: Some(key(100)), high: Some(key(200)) };
        same(&read(&*run, &inner, budget).await, &rows(100..200));
    }
    let (page, cut) = run.read(&KeyRange::default(), 10_000).await.unwrap();
    let size: usize = page.iter().map(Row::size).sum();
    assert!(cut.is_some() && (5_000..20_000).contains(&size), "{size} bytes for a budget of 10000");
}

pub(super) async fn cuts_divide_a_run_evenly(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let run = stage(&*home, shuffled(20_000)).await.unwrap();
    for wanted in [1000, 2500, 10_000] {
        let cuts = run.split(wanted);
        let mut low = None;
        let mut sizes = Vec::new();
        for high in cuts.iter().cloned().map(Some).chain([None]) {
            let range = KeyRange { low: low.clone(), high: high.clone() };
            sizes.push(read(&*run, &range, usize::MAX).await.len() as u64);
            low = high;
        }
        assert_eq!(sizes.iter().sum::<u64>(), 20_000);
        let (last, others) = sizes.split_last().unwrap();
        assert!(others.iter().all(|size| (wanted / 2..=wanted * 2).contains(size)), "{sizes:?} for {wanted}");
        assert!(*last > 0 && *last <= wanted * 2, "{sizes:?} for {wanted}");
    }
    assert!(run.split(1_000_000).is_empty());
}

pub(super) async fn sums_are_of_the_rows_between_the_cuts(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let run = stage(&*home, shuffled(5000)).await.unwrap();
    let expected = |low: i64, high: i64| {
        rows(low..high)
            .iter()
            .fold(RangeSum::default(), |sum, row| RangeSum { count: sum.count + 1, hash: sum.hash ^ row.fingerprint() })
    };
    let sums = run.sums(&KeyRange::default(), &[]).await.unwrap();
    assert_eq!(sums, [expected(-1250, 3750)]);
    let cuts = [0, 1, 1700, 9000].map(key);
    let sums = run.sums(&KeyRange::default(), &cuts).await.unwrap();
    let parts = [expected(-1250, 0), expected(0, 1), expected(1, 1700), expected(1700, 3750), RangeSum::default()];
    assert_eq!(sums, parts);
    let inner = KeyRange { low: Some(key(-3)), high: Some(key(2000)) };
    let sums = run.sums(&inner, &cuts[..3]).await.unwrap();
    assert_eq!(sums, [expected(-3, 0), expected(0, 1), expected(1, 1700), expected(1700, 2000)]);
}

pub(super) async fn a_run_is_read_by_several_tasks(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let run = stage(&*home, shuffled(4000)).await.unwrap();
    let readers = (0..8).map(|n| {
        let run = Arc::clone(&run);
        let (low, high) = (n * 300, n * 300 + 700);
        tokio::spawn(async move {
            let range = KeyRange { low: Some(key(low)), high: Some(key(high)) };
            same(&read(&*run, &range, 20_000).await, &rows(low..high));
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
}
