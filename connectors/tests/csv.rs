//! The CSV connector: the suite that every connector passes, and what is special about files.
#![cfg(feature = "csv")]
#![allow(clippy::unwrap_used)]

#[path = "csv/harness.rs"]
mod harness;
#[path = "csv/publishing.rs"]
mod publishing;
#[path = "csv/reading.rs"]
mod reading;
#[path = "csv/rewriting.rs"]
mod rewriting;
#[path = "csv/setup.rs"]
mod setup;

use harness::Harness;
use pinksync_engine::conformance::connector;
use pinksync_model::CsvSettings;

fn settings(delimiter: char, quote: char, null: Option<&str>) -> CsvSettings {
    CsvSettings { delimiter, quote, null: null.map(str::to_owned), ..CsvSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_where_a_text_stands_for_null() {
    connector::all(&Harness::new(".csv", settings(',', '"', Some("NULL")))).await;
}

/// All but writing: a file in which NULL and empty text are one says that it changes what it is given, which the
/// suite takes for a trigger.
#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_where_null_and_empty_text_are_one() {
    let harness = Harness::new(".csv", CsvSettings::default());
    connector::read(&harness).await;
    connector::guard(&harness).await;
    connector::refusal(&harness).await;
    connector::values(&harness).await;
    connector::sums(&harness).await;
    connector::faults(&harness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_on_gzip_with_other_delimiters() {
    connector::all(&Harness::new(".csv.gz", settings(';', '\'', Some("\\N")))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_on_zstd() {
    connector::all(&Harness::new(".csv.zst", settings('\t', '"', Some("<null>")))).await;
}
