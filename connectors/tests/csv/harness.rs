//! A folder of files for the suite, read and written by the `csv` crate.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use pinksync_connectors::csv::Csv;
use pinksync_connectors::origin::Origin;
use pinksync_engine::Value;
use pinksync_engine::conformance::connector::{self, Edit, Promises, Table, from_text, to_text};
use pinksync_engine::connector::System;
use pinksync_model::{CsvSettings, FileSettings};
use tempfile::TempDir;

pub struct Harness {
    folder: TempDir,
    ending: &'static str,
    settings: CsvSettings,
}

impl Harness {
    pub fn new(ending: &'static str, settings: CsvSettings) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), ending, settings }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}{}", self.ending))
    }

    fn write(&self, table: &Table, rows: &[Vec<Value>]) {
        let null = self.settings.null.as_deref().unwrap_or_default();
        let mut writer = ::csv::WriterBuilder::new()
            .delimiter(self.settings.delimiter as u8)
            .quote(self.settings.quote as u8)
            .from_writer(Vec::new());
        writer.write_record(table.schema.columns.iter().map(|column| &column.name)).unwrap();
        for row in rows {
            let fields = row.iter().zip(&table.schema.columns);
            let fields = fields.map(|(value, column)| to_text(value, &column.ty).unwrap_or_else(|| null.to_owned()));
            writer.write_record(fields).unwrap();
        }
        let plain = writer.into_inner().unwrap();
        let bytes = match self.ending {
            ".csv.gz" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&plain).unwrap();
                encoder.finish().unwrap()
            }
            ".csv.zst" => zstd::encode_all(&plain[..], 1).unwrap(),
            _ => plain,
        };
        fs::write(self.path(&table.schema.name), bytes).unwrap();
    }

    fn read(&self, table: &Table) -> Vec<Vec<Value>> {
        let file = File::open(self.path(&table.schema.name)).unwrap();
        let mut plain = Vec::new();
        match self.ending {
            ".csv.gz" => flate2::read::MultiGzDecoder::new(file).read_to_end(&mut plain).unwrap(),
            ".csv.zst" => zstd::stream::read::Decoder::new(file).unwrap().read_to_end(&mut plain).unwrap(),
            _ => { file }.read_to_end(&mut plain).unwrap(),
        };
        let null = self.settings.null.as_deref().unwrap_or_default();
        let mut reader = ::csv::ReaderBuilder::new()
            .delimiter(self.settings.delimiter as u8)
            .quote(self.settings.quote as u8)
            .from_reader(&plain[..]);
        let row = |record: ::csv::StringRecord| {
            let fields = record.iter().zip(&table.schema.columns);
            fields.map(|(field, column)| from_text((field != null).then_some(field), &column.ty)).collect()
        };
        reader.records().map(|record| row(record.unwrap())).collect()
    }

    fn same_key(table: &Table, row: &[Value], key: &[Value]) -> bool {
        let schema = &table.schema;
        schema.primary_key.iter().zip(key).all(|(name, part)| {
            let position = schema.columns.iter().position(|column| column.name == *name).unwrap();
            row[position].same(part)
        })
    }
}

#[async_trait]
impl connector::Harness for Harness {
    fn promises(&self) -> Promises {
        Promises { empty_text: self.settings.null.is_some(), ..Promises::NONE }
    }

    async fn open(&self) -> Arc<dyn System> {
        let path = self.folder.path().display().to_string();
        Csv::open(&FileSettings { path, csv: self.settings.clone() }, &Origin::new(self.folder.path(), "test")).unwrap()
    }

    async fn make(&self, table: &Table) -> String {
        self.write(table, &table.rows);
        table.schema.name.clone()
    }

    async fn rows(&self, _name: &str, table: &Table) -> Vec<Vec<Value>> {
        self.read(table)
    }

    async fn edit(&self, _name: &str, table: &Table, edit: Edit) {
        let mut rows = self.read(table);
        let key = match &edit {
            Edit::Remove(key) => key.clone(),
            Edit::Put(row) => {
                let position =
                    |name: &String| table.schema.columns.iter().position(|column| column.name == *name).unwrap();
                table.schema.primary_key.iter().map(|name| row[position(name)].clone()).collect()
            }
        };
        rows.retain(|row| !Self::same_key(table, row, &key));
        if let Edit::Put(row) = edit {
            rows.push(row);
        }
        self.write(table, &rows);
    }
}
