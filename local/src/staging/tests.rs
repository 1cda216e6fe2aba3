//! Spilling and joining with arenas of a few rows, damaged files, folders that go with their runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinksync_engine::home::{Run, RunWriter};
use pinksync_engine::row::{SideColumn, SideSpec};
use pinksync_engine::schema::FieldType;
use pinksync_engine::{ErrorKind, Key, KeyRange, Result, Row, Value};
use pinksync_model::Side;

use super::Staging;
use super::arena::Arena;
use super::folder::Folder;
use super::writer::Writer;

fn spec() -> Arc<SideSpec> {
    let column = |name: &str, ty: FieldType| SideColumn {
        name: name.to_owned(),
        native: ty.clone(),
        common: ty,
        writable: true,
        empty_is_null: false,
    };
    Arc::new(SideSpec {
        dataset: "people.csv".to_owned(),
        columns: vec![column("id", FieldType::Int { bits: 64 }), column("name", FieldType::TEXT)],
        key: vec![0],
        modified_at: None,
        filter: None,
        ordered: false,
        max_record_bytes: 10 << 20,
        batch_size: 1000,
    })
}

fn row(n: i64) -> Row {
    let name = format!("number {n} {}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64));
    spec().admit([Value::Int(n), Value::text(name)].into()).unwrap()
}

/// A few rows fill it.
fn small() -> Arena {
    Arena::with_limit(300)
}

fn writer(folder: &Path, arena: fn() -> Arena) -> Writer {
    Writer::with_arenas("people.csv", spec(), Arc::new(Folder::create(folder, 0).unwrap()), arena)
}

async fn stage(folder: &Path, arena: fn() -> Arena, numbers: impl Iterator<Item = i64>) -> Result<Arc<dyn Run>> {
    let mut writer = Box::new(writer(folder, arena));
    writer.push(numbers.map(row).collect()).await?;
    writer.finish().await
}

async fn read(run: &dyn Run) -> Result<Vec<i64>> {
    let (rows, cut) = run.read(&KeyRange::default(), usize::MAX).await?;
    assert_eq!(cut, None);
    assert!(rows.is_sorted_by(|a, b| a.key < b.key));
    let number = |found: &Row| {
        let Value::Int(n) = found.native[0] else { panic!("{found:?}") };
        assert_eq!((&found.native, found.hash), (&row(n).native, row(n).hash));
        n
    };
    Ok(rows.iter().map(number).collect())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let inner = fs::read_dir(folder.join("0")).unwrap();
    inner.map(|entry| entry.unwrap().path()).collect()
}

fn shuffled(count: i64) -> impl Iterator<Item = i64> {
    (0..count).map(move |n| n * 7919 % count)
}

#[tokio::test]
async fn thousands_of_spills_join_into_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = stage(folder.path(), || Arena::with_limit(1), shuffled(10_000)).await.unwrap();
    let file = files(folder.path());
    let number: u32 = file[0].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert!(number > 64 * 64, "there were levels of joining");
    assert_eq!(file.len(), 1, "what was joined is gone");
    assert_eq!(read(&*run).await.unwrap(), (0..10_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_in_order_need_no_joining() {
    let folder = tempfile::tempdir().unwrap();
    let run = stage(folder.path(), small, 0..5000).await.unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(read(&*run).await.unwrap(), (0..5000).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_arena_of_everything_needs_no_joining() {
    let folder = tempfile::tempdir().unwrap();
    let run = stage(folder.path(), Arena::default, shuffled(5000)).await.unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(read(&*run).await.unwrap().len(), 5000);
}

#[tokio::test]
async fn a_record_far_larger_than_an_arena_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let large = spec().admit([Value::Int(5), Value::text("x".repeat(9 << 20))].into()).unwrap();
    let mut writer = Box::new(writer(folder.path(), small));
    writer.push(vec![row(9), large.clone(), row(1)]).await.unwrap();
    let run = writer.finish().await.unwrap();
    let (rows, _) = run.read(&KeyRange::default(), usize::MAX).await.unwrap();
    assert_eq!(rows.iter().map(|row| &row.native).collect::<Vec<_>>(), [&row(1).native, &large.native, &row(9).native]);
}

#[tokio::test]
async fn repeated_keys_are_found_wherever_they_meet() {
    type Case = (&'static str, fn() -> Arena, Vec<i64>);
    let cases: [Case; 4] = [
        ("in an arena", Arena::default, (0..100).chain([42]).collect()),
        ("where a file is continued", small, (0..100).chain([99]).collect()),
        ("in two files", small, shuffled(101).chain([42]).collect()),
        ("in files joined before", small, shuffled(3001).chain((0..3001).rev()).collect()),
    ];
    for (place, arena, numbers) in cases {
        let folder = tempfile::tempdir().unwrap();
        let repeated = numbers.len() - numbers.iter().collect::<std::collections::HashSet<_>>().len();
        let Err(error) = stage(folder.path(), arena, numbers.into_iter()).await else { panic!("{place}: none found") };
        assert_eq!(error.kind(), ErrorKind::Data, "{place}: {error}");
        assert!(error.message().starts_with(&format!("{repeated} ")), "{place}: {error}");
        assert!(error.message().contains("people.csv"), "{place}: {error}");
        assert_eq!(error.message().contains('…'), repeated > 5, "{place}: {error}");
        assert!(!folder.path().join("0").exists(), "{place}: nothing stays");
    }
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_never_other_rows() {
    let folder = tempfile::tempdir().unwrap();
    let run = stage(folder.path(), Arena::default, 0..3000).await.unwrap();
    let path = files(folder.path()).pop().unwrap();
    let sound = fs::read(&path).unwrap();
    let refuse = async |what: &str, bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let Err(error) = read(&*run).await else { panic!("{what} went unseen") };
        assert_eq!(error.kind(), ErrorKind::Data, "{what}: {error}");
        assert!(error.remedy().is_some());
    };
    for at in (0..sound.len()).step_by(997) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        refuse(&format!("a changed byte at {at}"), &bytes).await;
    }
    refuse("a missing end", &sound[..sound.len() - 1]).await;
    refuse("an empty file", &[]).await;
    let mut shifted = sound.clone();
    shifted.rotate_left(1);
    refuse("a shift", &shifted).await;
    fs::write(&path, &sound).unwrap();
    assert_eq!(read(&*run).await.unwrap().len(), 3000);
}

#[tokio::test]
async fn the_folder_goes_with_the_last_reader() {
    let place = tempfile::tempdir().unwrap();
    let staging = Staging::beside(&place.path().join("state"));
    let begin = || Box::new(staging.begin("people", Side::Source, spec()).unwrap());
    let count = |place: &Path| fs::read_dir(place).unwrap().count();
    let mut first = begin();
    first.push(vec![row(1)]).await.unwrap();
    let first = first.finish().await.unwrap();
    let mut second = begin();
    assert_eq!(read(&*first).await.unwrap(), [1], "who still reads the earlier run is not disturbed");
    assert_eq!(count(&place.path().join("state.staging")), 1, "but it has no name any more");
    drop(first);
    second.push(vec![row(2), row(3)]).await.unwrap();
    let third = begin();
    assert!(second.finish().await.is_err(), "a run that was dropped cannot be finished");
    drop(third);
    assert_eq!(count(place.path()), 0);
    assert!(read(&*begin().finish().await.unwrap()).await.unwrap().is_empty());
    assert_eq!(count(place.path()), 0);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_told_with_a_remedy() {
    let place = tempfile::NamedTempFile::new().unwrap();
    let staging = Staging::beside(&place.path().join("state"));
    let Err(error) = staging.begin("people", Side::Source, spec()) else { panic!("it began below a file") };
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
    assert!(error.remedy().is_some(), "{error}");
}

#[test]
fn a_full_disk_is_a_storage_error() {
    let path = Path::new("/data/state.staging");
    let error = super::error::storage(path, std::io::Error::from(std::io::ErrorKind::StorageFull));
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.remedy().unwrap().contains("free some space"), "{error}");
}

#[test]
fn prefixes_order_as_keys_do() {
    let keys: Vec<Key> = ["", "a", "a\0", "a\0b", "aa", "abcdefghijklmnopq", "abcdefghijklmnopr", "b"]
        .map(|key| Key::from_bytes(key.as_bytes()))
        .to_vec();
    for pair in keys.windows(2) {
        assert!(super::arena::prefix(&pair[0]) <= super::arena::prefix(&pair[1]), "{pair:?}");
    }
}
