//! Making staged runs.

use std::sync::Arc;

use pinksync_model::Side;

use super::Homes;
use super::made::{DATASET, OTHER};
use crate::error::{ErrorKind, Result};
use crate::home::{Home, Run};
use crate::key::{Key, KeyRange};
use crate::row::{Row, SideColumn, SideSpec};
use crate::schema::FieldType;
use crate::value::Value;

/// Two columns of key, one of text, one of bytes.
pub(super) fn spec() -> Arc<SideSpec> {
    let column = |name: &str, ty: FieldType| SideColumn {
        name: name.to_owned(),
        native: ty.clone(),
        common: ty,
        writable: true,
        empty_is_null: false,
    };
    Arc::new(SideSpec {
        dataset: "people".to_owned(),
        columns: vec![
            column("name", FieldType::TEXT),
            column("id", FieldType::Int { bits: 64 }),
            column("photo", FieldType::Bytes),
            column("part", FieldType::TEXT),
        ],
        key: vec![1, 3],
        modified_at: None,
        filter: None,
        ordered: false,
        max_record_bytes: 10 << 20,
        batch_size: 1000,
    })
}

/// Row number `n`; rows sort as their numbers, negative ones first.
pub(super) fn row(spec: &SideSpec, n: i64) -> Row {
    let photo = if n % 3 == 0 { Value::Null } else { Value::Bytes(n.to_le_bytes().to_vec().into()) };
    let name = if n % 7 == 0 { Value::text("") } else { Value::text(format!("person number {n}")) };
    let part = Value::text(["a", "a\0", "ab", "ä"][n.rem_euclid(4) as usize]);
    spec.admit([name, Value::Int(n.div_euclid(4)), photo, part].into()).unwrap()
}

/// The numbers up to `count`, some negative, in an order that looks like none.
pub(super) fn shuffled(count: i64) -> impl Iterator<Item = i64> {
    // 7919 is prime to every count the suite uses, so each number comes once.
    (0..count).map(move |n| n * 7919 % count - count / 4)
}

/// A run of these rows, pushed in pieces of uneven size.
pub(super) async fn stage(home: &dyn Home, numbers: impl Iterator<Item = i64>) -> Result<Arc<dyn Run>> {
    let spec = spec();
    let mut writer = home.stage(DATASET, Side::Source, Arc::clone(&spec)).await?;
    let rows: Vec<Row> = numbers.map(|n| row(&spec, n)).collect();
    let mut rest = &rows[..];
    for size in (0..).map(|n| n * 37 % 1009) {
        let (piece, others) = rest.split_at(size.min(rest.len()));
        writer.push(piece.to_vec()).await?;
        rest = others;
        if rest.is_empty() {
            break;
        }
    }
    writer.finish().await
}

/// The rows of a range, read with one budget after the other.
pub(super) async fn read(run: &dyn Run, range: &KeyRange, budget: usize) -> Vec<Row> {
    let (mut rows, mut rest) = (Vec::new(), range.clone());
    loop {
        let (page, cut) = run.read(&rest, budget).await.unwrap();
        let last: Option<Key> = page.last().map(|row| row.key.clone());
        rows.extend(page);
        let Some(cut) = cut else { return rows };
        assert!(last.is_some_and(|last| last < cut), "a page that is cut has rows, all below the cut");
        assert!(rest.contains(&cut), "a cut lies in the range that was asked for");
        rest.low = Some(cut);
    }
}

pub(super) fn same(left: &[Row], right: &[Row]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert_eq!((&left.key, &left.native, left.hash), (&right.key, &right.native, right.hash));
        assert_eq!(left.values(), right.values());
    }
}

pub(super) async fn rows_come_in_key_order_as_they_were_given(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let run = stage(&*home, shuffled(5000)).await.unwrap();
    let expected: Vec<Row> = (-1250..3750).map(|n| row(&spec(), n)).collect();
    assert!(expected.is_sorted_by(|a, b| a.key < b.key));
    same(&read(&*run, &KeyRange::default(), usize::MAX).await, &expected);
}

pub(super) async fn rows_in_order_and_in_reverse_come_alike(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let up = stage(&*home, 0..3000).await.unwrap();
    let up = read(&*up, &KeyRange::default(), usize::MAX).await;
    let down = stage(&*home, (0..3000).rev()).await.unwrap();
    same(&up, &read(&*down, &KeyRange::default(), usize::MAX).await);
    assert_eq!(up.len(), 3000);
}

pub(super) async fn an_empty_run_has_nothing(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let run = stage(&*home, 0..0).await.unwrap();
    let (rows, cut) = run.read(&KeyRange::default(), 1).await.unwrap();
    assert!(rows.is_empty() && cut.is_none() && run.split(10).is_empty());
    let key = row(&spec(), 1).key;
    let sums = run.sums(&KeyRange::default(), &[key]).await.unwrap();
    assert!(sums.len() == 2 && sums.iter().all(|sum| sum.count == 0 && sum.hash == 0));
}

pub(super) async fn repeated_keys_are_an_error_that_names_them(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let repeated = shuffled(2000).chain([4 * 123, 4 * 77]);
    let Err(error) = stage(&*home, repeated).await else { panic!("two keys occur twice") };
    assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    let text = error.to_string();
    assert!(text.contains("123") && text.contains("77"), "{text}");
    assert!(error.remedy().is_some());
    let Err(error) = stage(&*home, (0..900).chain(0..900)).await else { panic!("all keys occur twice") };
    assert!(error.to_string().len() < 1000, "only a few are named: {error}");
}

pub(super) async fn a_new_run_takes_the_place_of_its_own_predecessor_only(homes: &dyn Homes) {
    let home = homes.fresh().await;
    let spec = spec();
    let begin = |dataset, side| home.stage(dataset, side, Arc::clone(&spec));
    let mut runs = Vec::new();
    for (dataset, side) in [(DATASET, Side::Source), (DATASET, Side::Target), (OTHER, Side::Source)] {
        let mut writer = begin(dataset, side).await.unwrap();
        writer.push(vec![row(&spec, 1)]).await.unwrap();
        runs.push(writer.finish().await.unwrap());
    }
    let mut again = begin(DATASET, Side::Source).await.unwrap();
    again.push(vec![row(&spec, 2), row(&spec, 3)]).await.unwrap();
    runs[0] = again.finish().await.unwrap();
    for (run, count) in runs.iter().zip([2, 1, 1]) {
        assert_eq!(read(&**run, &KeyRange::default(), usize::MAX).await.len() as u64, count);
    }
}
